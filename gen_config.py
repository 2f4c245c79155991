#!/usr/bin/env python3
"""Write the configuration of Prometheus and Alertmanager from the inventory and the settings.

Reads agents.txt and the shipped configuration, writes beside it only what is generated:
prometheus/targets/*.json, prometheus/prometheus.local.yml, prometheus/rules.local/*.yml and
alertmanager/alertmanager.local.yml. Bare Python, no argument needed; ./start.sh runs it with the
settings of .env, and again whenever agents.txt changes.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

if sys.version_info < (3, 11):  # noqa: UP036 - run by hand, this may meet any Python; a sentence helps
    sys.exit("gen_config.py needs Python 3.11 or later; ./start.sh finds one")

import tomllib

from bridge.core.inventory import Inventory, InventoryError, parse_address, parse_inventory
from bridge.core.monitoring import (
    AGENT_FILES,
    DEFAULTS,
    RULES,
    SHIPPED,
    TARGETS,
    MonitoringError,
    find_hosts,
    parse_settings,
    render_files,
)

ROOT: Final = Path(__file__).resolve().parent
LARGEST_INVENTORY: Final = 4 * 1024 * 1024
CHECK_SECONDS: Final = 120
LENT: Final = "secrets"
"""Stands for the state folder while promtool looks at the result."""


class Refused(Exception):
    """Something is wrong with what was given; nothing has been written."""

    def __init__(self, heading: str, faults: Sequence[str] = ()) -> None:
        super().__init__("\n".join([heading, *(f"  {fault}" for fault in faults)]))


@dataclass(frozen=True, kw_only=True)
class Change:
    """What one run makes of the generated files."""

    written: dict[str, str]
    """Files whose text differs from what stands there, by path."""
    deleted: tuple[str, ...]
    restarts: tuple[str, ...]
    """Running programs that must read their configuration again."""


def read_inventory(path: Path) -> Inventory:
    """Read the inventory file; raise `Refused` with every bad line."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_INVENTORY + 1)
    except OSError as fault:
        raise Refused(f"{path} cannot be read: {fault.strerror}") from fault
    if len(content) > LARGEST_INVENTORY:
        raise Refused(f"{path} is larger than {LARGEST_INVENTORY} bytes: that is no inventory")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Refused(f"{path} is UTF-16; save it as UTF-8")
    try:
        return parse_inventory(content.decode(errors="surrogateescape"))
    except InventoryError as fault:
        bad = [str(line) for line in fault.bad_lines]
        heading = f"{path.name}: {_count(len(bad), 'line')} wrong, nothing was written"
        raise Refused(heading, bad) from fault


def read_shipped(root: Path) -> dict[str, str]:
    """Read the shipped configuration, by path."""
    rules = sorted(str(path.relative_to(root)) for path in (root / RULES).glob("*.yml"))
    return {path: (root / path).read_text(encoding="utf-8") for path in (*SHIPPED, *rules)}


def plan_change(out: Path, files: Mapping[str, str], *, allow_empty: bool) -> Change:
    """Compare the files with what stands there; raise `Refused` before a list would run empty."""
    for job in ("node", "agent"):
        path = f"{TARGETS}/{job}.json"
        before, after = find_hosts(_text_at(out / path)), find_hosts(files[path])
        if before and not after and not allow_empty:
            raise Refused(
                f"The list of job {job} would run empty, and with it every alert of"
                f" {_listed(before)}; nothing was written."
                " python3 gen_config.py --allow-empty does it all the same."
            )
    # Later written by people and by the chat: they only have to exist.
    empty = {f"{TARGETS}/{job}.json": "[]\n" for job in ("tcp", "http")}
    wanted = {path: text for path, text in empty.items() if not (out / path).exists()} | dict(files)
    written = {path: text for path, text in wanted.items() if _text_at(out / path) != text}
    deleted = tuple(
        f"prometheus/rules.local/{old.name}"
        for old in sorted((out / "prometheus" / "rules.local").glob("*.yml"))
        if f"prometheus/rules.local/{old.name}" not in files
    )
    restarts = tuple(
        program
        for program in ("Prometheus", "Alertmanager")
        if (out / f"{program.lower()}/{program.lower()}.local.yml").exists()
        and any(
            path.startswith(f"{program.lower()}/") and not path.startswith(TARGETS)
            for path in (*written, *deleted)
        )
    )
    return Change(written=written, deleted=deleted, restarts=restarts)


def check_files(out: Path, files: Mapping[str, str], tools: Mapping[str, str | None]) -> list[str]:
    """Let promtool and amtool read the files where nobody else does; return what was left out."""
    commands = {
        "promtool": ["check", "config", "prometheus/prometheus.local.yml"],
        "amtool": ["check-config", "alertmanager/alertmanager.local.yml"],
    }
    with tempfile.TemporaryDirectory(prefix=".gen_config-", dir=out) as folder:
        stage = Path(folder)
        for path, text in files.items():
            (stage / path).parent.mkdir(parents=True, exist_ok=True)
            (stage / path).write_text(text, encoding="utf-8")
        _lend_secrets(out / "prometheus" / "secrets", stage / "prometheus" / "secrets")
        for name, arguments in commands.items():
            if tool := tools[name]:
                _run_check([tool, *arguments], stage)
    return [
        f"{name} is not here, so the result was not checked by it"
        for name in commands
        if not tools[name]
    ]


def find_state_dir(environ: Mapping[str, str]) -> str:
    """Find the bridge's state folder; Prometheus looks for it from a folder of its own."""
    given = environ.get("STATE_DIR", "").strip() or DEFAULTS["STATE_DIR"]
    return str((ROOT / Path(given).expanduser()).resolve())


def find_tool(name: str, given: str | None) -> str | None:
    """Find a checker: the one given, which must be there, or the one on PATH, which may not."""
    found = shutil.which(given or name)
    if given and not found:
        raise Refused(f"{given} is no program that can be run; nothing was written")
    return str(Path(found).absolute()) if found else None


def _lend_secrets(live: Path, stage: Path) -> None:
    """Let promtool find the secret files: it asks only whether they exist."""
    (stage / "agents").mkdir(parents=True)
    agents = {f"agents/{name}" for name in AGENT_FILES}
    for name in {"webhook_token", *agents, *(each.name for each in _listing(live))}:
        (stage / name).write_text("not the secret", encoding="utf-8")


def _run_check(command: list[str], stage: Path) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - a list without a shell; the program is the caller's choice
            command, cwd=stage, capture_output=True, text=True, timeout=CHECK_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as fault:
        raise Refused(f"{command[0]} cannot be run: {fault}; nothing was written") from fault
    if done.returncode:
        said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise Refused(f"{command[0]} refuses the result, nothing was written:", said)


def write_change(out: Path, change: Change) -> None:
    """Put every file in place, each at once; readers never meet half a file."""
    waiting: list[tuple[str, Path]] = []
    try:
        # All are on the disk before the first takes its place: a full disk changes nothing.
        for path, text in change.written.items():
            (out / path).parent.mkdir(parents=True, exist_ok=True)
            waiting.append((_write_beside(out / path, text), out / path))
        for temporary, final in waiting:
            Path(temporary).replace(final)
        for path in change.deleted:
            (out / path).unlink(missing_ok=True)
    finally:
        for temporary, _ in waiting:
            Path(temporary).unlink(missing_ok=True)


def _write_beside(final: Path, text: str) -> str:
    """Write a temporary file in the same folder, where a rename is atomic."""
    # The suffix keeps it out of every glob of Prometheus.
    descriptor, name = tempfile.mkstemp(prefix=f".{final.name}.", suffix=".tmp", dir=final.parent)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(name).chmod(0o644)
    return name


def render_summary(before: Sequence[str], after: Sequence[str], change: Change) -> str:
    """Say in one line what has changed."""
    added, removed = set(after) - set(before), set(before) - set(after)
    restarts = " and ".join(change.restarts)
    return "; ".join(
        (
            f"{_count(len(after), 'host')}: {_listed(after)}" if after else "no hosts yet",
            f"{len(added)} added, {len(removed)} removed",
            f"{restarts} must reload" if restarts else "nothing to restart",
        )
    )


def _listed(names: Sequence[str], most: int = 8) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _text_at(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _listing(folder: Path) -> Iterator[Path]:
    return folder.iterdir() if folder.is_dir() else iter(())


def parse_move(text: str) -> tuple[str, str]:
    """Read `HOST:PORT=HOST:PORT`."""
    listed, _, scraped = text.partition("=")
    try:
        parse_address(listed)
        parse_address(scraped)
    except ValueError as fault:
        raise argparse.ArgumentTypeError(f"{fault}; write 127.0.0.1:9100=127.0.0.1:9101") from fault
    return listed, scraped


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    parser = argparse.ArgumentParser(
        description="Write the configuration of Prometheus and Alertmanager from agents.txt.",
        epilog="settings, from the environment: AGENTS_FILE="
        "agents.txt, " + ", ".join(f"{name}={default}" for name, default in DEFAULTS.items()),
    )
    add = parser.add_argument
    add("--version", action="version", version=f"opswire gen_config {project['version']}")
    add("--check", action="store_true", help="say what would change, write nothing")
    add("--allow-empty", action="store_true", help="let a list that had hosts run empty")
    add("--agents", type=Path, metavar="FILE", help="the inventory (default: AGENTS_FILE)")
    add("--out", type=Path, metavar="DIR", default=ROOT, help="write below this folder")
    add(
        "--move",
        type=parse_move,
        action="append",
        default=[],
        metavar="HOST:PORT=HOST:PORT",
        help="scrape at the second address what is listed at the first",
    )
    add("--promtool", metavar="PATH", help="default: the one on PATH")
    add("--amtool", metavar="PATH", help="default: the one on PATH")
    return parser.parse_args(arguments)


def run(options: argparse.Namespace, environ: Mapping[str, str]) -> list[str]:
    """Do one run; return the lines to print."""
    inventory = read_inventory(
        options.agents or ROOT / (environ.get("AGENTS_FILE") or "agents.txt")
    )
    shipped = read_shipped(ROOT)
    try:
        settings = parse_settings({**environ, "STATE_DIR": find_state_dir(environ)})
        files = render_files(shipped, inventory, settings, options.move)
        lent = replace(settings, state_dir=LENT)
        checked = render_files(shipped, inventory, lent, options.move)
    except MonitoringError as fault:
        raise Refused("The settings are wrong, nothing was written:", fault.faults) from fault
    change = plan_change(options.out, files, allow_empty=options.allow_empty)
    tools = {name: find_tool(name, getattr(options, name)) for name in ("promtool", "amtool")}
    said = check_files(options.out, checked, tools) if change.written else []
    before = find_hosts(_text_at(options.out / TARGETS / "node.json"))
    if options.check:
        said += [f"would write {path}" for path in change.written]
        said += [f"would delete {path}" for path in change.deleted]
    else:
        write_change(options.out, change)
    return [*said, render_summary(before, [host.name for host in inventory.hosts], change)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as a program; return the exit code."""
    options = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    try:
        said = run(options, os.environ)
    except (Refused, OSError) as fault:
        print(fault, file=sys.stderr)
        return 1
    print("\n".join(said))
    return 0


if __name__ == "__main__":
    sys.exit(main())
