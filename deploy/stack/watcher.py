"""Keep the generated configuration equal to what it is made from: one run per change.

Adding a host never reloads Prometheus. When the generator says that a program must reload, the
supervisor sends it the signal that means so.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import watchfiles

from deploy.stack.folder import Folder, StackFault
from deploy.stack.supervision import fetch_states, reload_program

# The generator's last words: which programs must read their configuration again.
ENDING = re.compile(r"; (?:nothing to restart|(\w+(?: and \w+)?) must reload)\s*\Z")
# What the configuration is made from, besides the inventory.
SHIPPED = ("prometheus/prometheus.yml", "prometheus/rules/*.yml", "alertmanager/alertmanager.yml")
# Longer than the supervisor takes to believe that a program stays up.
STEADY_LOOKS = 20
LOOK_SECONDS = 0.5


def generate(command: list[str], *, environ: dict[str, str] | None = None) -> tuple[bool, str]:
    """Run the generator once; answers whether it was content, and its words."""
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        stdin=subprocess.DEVNULL,
        env=environ,
    )
    return done.returncode == 0, (done.stdout + done.stderr).strip()


def split_reloads(words: str) -> tuple[str, list[str]]:
    """Take the ending off the generator's words: what is left, and who must reload."""
    match = ENDING.search(words)
    if match is None:
        return words, []
    return words[: match.start()], [
        name.lower() for name in (match[1] or "").split(" and ") if name
    ]


def tell(name: str, outcome: tuple[bool, str], reload: Callable[[str], str]) -> str:
    """Say what came of a run of the generator, reloading who must be."""
    is_content, words = outcome
    if is_content:
        text, programs = split_reloads(words)
        return "; ".join([text, *(reload(program) for program in programs)])
    lines = "\n".join(f"  {line}" for line in words.splitlines())
    return f"{name} has a fault, the configuration before it stays:\n{lines}"


def reload_one(folder: Folder, name: str) -> str:
    """Let one program read its configuration again, and say so."""
    for _ in range(STEADY_LOOKS):
        # A program that has hardly begun would die of the signal.
        if fetch_states(folder).get(name, {}).get("statename") != "STARTING":
            break
        time.sleep(LOOK_SECONDS)
    try:
        if reload_program(folder, name):
            return f"{name} was told to reload"
    except StackFault:
        # Not one of ours: somebody's own, which reads what was pasted into it.
        return f"your own {name} must reload"
    return f"{name} will read it when it starts"


def is_source(path: Path, inventory: Path) -> bool:
    """Say whether the configuration is made from this file."""
    return path.name == inventory.name or any(path.match(pattern) for pattern in SHIPPED)


def main() -> None:
    """Watch until told to end."""
    inventory, command, root = Path(sys.argv[1]), sys.argv[2:], Path.cwd()

    def reload(name: str) -> str:
        return reload_one(Folder(root), name)

    # It may have changed between the start's own run and the first look.
    outcome = generate(command)
    if not outcome[0] or split_reloads(outcome[1])[1]:
        print(tell(inventory.name, outcome, reload), flush=True)
    # Folders are watched, not files: editors put a new file in the old one's place.
    places = {inventory.parent, *(root / Path(pattern).parent for pattern in SHIPPED)}
    for changes in watchfiles.watch(*places, recursive=False, raise_interrupt=False):
        changed = sorted(Path(path) for _, path in changes)
        found = [path.name for path in changed if is_source(path, inventory)]
        if found:
            print(tell(", ".join(found), generate(command), reload), flush=True)


if __name__ == "__main__":
    main()
