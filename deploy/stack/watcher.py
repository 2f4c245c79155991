"""Keep the generated configuration equal to the inventory: one run of the generator per change."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import watchfiles


def generate(command: list[str], *, environ: dict[str, str] | None = None) -> tuple[bool, str]:
    """Run the generator once; answers whether it was content, and its words."""
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env=environ,
    )
    return done.returncode == 0, (done.stdout + done.stderr).strip()


def tell(inventory: Path, command: list[str]) -> str:
    """Run the generator and say what came of it, in lines for the person at the terminal."""
    is_content, words = generate(command)
    if is_content:
        return words
    lines = "\n".join(f"  {line}" for line in words.splitlines())
    return f"{inventory.name} has a fault, the configuration before it stays:\n{lines}"


def main() -> None:
    """Watch the inventory until told to end."""
    inventory, command = Path(sys.argv[1]), sys.argv[2:]
    # It may have changed between the start's own run and the first look.
    is_content, words = generate(command)
    if not is_content:
        print(words, flush=True)
    # The folder is watched, not the file: editors put a new file in the old one's place.
    for changes in watchfiles.watch(inventory.parent, recursive=False, raise_interrupt=False):
        if any(Path(path).name == inventory.name for _, path in changes):
            print(tell(inventory, command), flush=True)


if __name__ == "__main__":
    main()
