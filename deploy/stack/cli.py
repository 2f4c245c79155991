"""The words after ./start.sh, and what each of them does."""

from __future__ import annotations

import argparse
import errno
import os
import shlex
import sys
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

from deploy.stack.bridge_console import ask_native
from deploy.stack.console import end_stack, show_logs, start_one, stop_one, tell_status
from deploy.stack.container_console import ContainerConsole, find_containers
from deploy.stack.containers import run_containers
from deploy.stack.doctor import examine
from deploy.stack.folder import Folder, StackFault
from deploy.stack.run import run_host, run_stack
from deploy.stack.suggestion import suggest
from deploy.stack.suite import run_suite
from deploy.stack.trial import SEVERITIES, send_test_alert
from deploy.stack.voice import Voice
from deploy.stack.way import choose_containers, runs_natively

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = (
    "run",
    "test",
    "status",
    "down",
    "logs",
    "doctor",
    "test-alert",
    "stop",
    "start",
    "console",
    "agent",
)
EPILOG = """\
without a word   sets everything up and runs the whole stack in the foreground; Ctrl-C ends it.
                 Docker Compose when an engine answers, else natively; once a real bot has run,
                 in the way that it ran last.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the words ask; 1 or 2 when it cannot be done."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    # Paths of the supervisor's socket and plans are relative to the project.
    os.chdir(ROOT)
    try:
        wish = parse(words)
        return perform(wish)
    except StackFault as fault:
        print(f"start.sh: {fault}", file=sys.stderr)
        return fault.code
    except OSError as fault:
        print(f"start.sh: {explain(fault)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def explain(fault: OSError) -> str:
    """Say what keeps a file from being written, where a person can mend it.

    Raises:
        OSError: the fault itself, where it is another.
    """
    if fault.errno in {errno.ENOSPC, errno.EDQUOT}:
        return f"the disk is full ({fault.filename or ROOT}): make room and start again"
    if fault.errno in {errno.EACCES, errno.EPERM, errno.EROFS} and fault.filename:
        return (
            f"{fault.filename}: {(fault.strerror or '').lower()}; where it is another user's, as"
            f" after a start with sudo: sudo chown -R $USER: {shlex.quote(str(ROOT))}"
        )
    raise fault


def parse(words: list[str]) -> argparse.Namespace:
    """Read the words; an unknown one gets the nearest that exists."""
    parser = create_parser()
    passed: list[str] = []
    if words[:1] == ["test"] and "--" in words:
        place = words.index("--")
        words, passed = words[:place], words[place + 1 :]
    elif "console" in words:  # what comes behind it is for another program
        place = words.index("console")
        words, passed = words[: place + 1], words[place + 1 :]
    for word in words[:1]:
        if not word.startswith("-") and word not in COMMANDS:
            hint = suggest(word, COMMANDS)
            raise StackFault(f"there is no '{word}'{hint}; ./start.sh --help lists all", code=2)
    wish = parser.parse_args(words)
    wish.passed = passed
    return wish


def create_parser() -> argparse.ArgumentParser:
    """Declare the words."""
    parser = argparse.ArgumentParser(
        prog="./start.sh",
        description="Opswire: monitoring that speaks in Telegram, on this machine.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"Opswire {read_version()}")
    parser.add_argument(
        "--sandbox", action="store_true", help="use the local Telegram, ask nothing"
    )
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument("--native", action="store_true", help="run the programs directly")
    ways.add_argument("--docker", action="store_true", help="run them in containers")
    parser.add_argument(
        "-d", "--detach", action="store_true", help="containers run on when this command ends"
    )
    words = parser.add_subparsers(dest="command", metavar="")
    words.add_parser("run", help="the same as no word at all")
    words.add_parser("test", help="set up what tests need and run all; -- passes words to pytest")
    words.add_parser("status", help="what runs and is healthy")
    words.add_parser("down", help="end the stack and whatever is left of an earlier one")
    logs = words.add_parser("logs", help="show the logs of one program or of all")
    logs.add_argument("name", nargs="?")
    logs.add_argument("-n", dest="lines", type=int, default=40, metavar="N", help="how many lines")
    logs.add_argument("-f", "--follow", action="store_true", help="go on as lines come")
    words.add_parser("doctor", help="check everything and say how to mend what is wrong")
    trial = words.add_parser("test-alert", help="send a test alert to the chat, and its end")
    trial.add_argument("severity", nargs="?", default="warning")
    for verb in ("stop", "start"):
        word = words.add_parser(verb, help=f"{verb} one program of the running stack")
        word.add_argument("program")
    words.add_parser("console", help="people, chats, audit, enrol, backup, restore, database")
    words.add_parser("agent", help="on a monitored host: what is measured there, and no more")
    return parser


def perform(wish: argparse.Namespace) -> int:
    """Run the command, on the containers of this folder where it is them that run."""
    folder, voice, command = Folder(ROOT), Voice(), wish.command or "run"
    if command == "run":
        return _run(wish, folder, voice)
    if command in ABOUT_CONTAINERS and not wish.native and not runs_natively(folder):
        console = find_containers(folder, voice)
        if console is not None:
            return ABOUT_CONTAINERS[command](wish, console)
        if wish.docker:
            raise StackFault("no containers of this folder run; ./start.sh --docker starts them")
    return ACTIONS[command](wish, folder, voice)


def _run(wish: argparse.Namespace, folder: Folder, voice: Voice) -> int:
    if wish.docker or (
        not wish.native and choose_containers(folder, voice, is_sandbox=wish.sandbox)
    ):
        return run_containers(folder, voice, is_sandbox=wish.sandbox, is_detached=wish.detach)
    if wish.detach:
        raise StackFault("only containers run on by themselves: ./start.sh --docker --detach")
    return run_stack(folder, voice, is_sandbox=wish.sandbox)


def _test_alert(wish: argparse.Namespace, folder: Folder, voice: Voice) -> int:
    return send_test_alert(folder, _check_severity(wish), voice)


def _logs(wish: argparse.Namespace, folder: Folder, voice: Voice) -> int:
    return show_logs(folder, voice, name=wish.name, lines=wish.lines, is_on=wish.follow)


ACTIONS: dict[str, Callable[[argparse.Namespace, Folder, Voice], int]] = {
    "test": lambda wish, folder, voice: run_suite(folder.root, voice, wish.passed),
    "status": lambda _, folder, voice: tell_status(folder, voice),
    "down": lambda _, folder, voice: end_stack(folder, voice),
    "logs": _logs,
    "doctor": lambda _, folder, voice: examine(folder, voice),
    "test-alert": _test_alert,
    "stop": lambda wish, folder, voice: stop_one(folder, wish.program, voice),
    "start": lambda wish, folder, voice: start_one(folder, wish.program, voice),
    "console": lambda wish, folder, _: ask_native(
        folder, wish.passed or ["--help"], is_sandbox=wish.sandbox
    ),
    "agent": lambda _, folder, voice: run_host(folder, voice),
}


def _check_severity(wish: argparse.Namespace) -> str:
    if wish.severity not in SEVERITIES:
        raise StackFault(f"a severity is one of {', '.join(SEVERITIES)}", code=2)
    return str(wish.severity)


ABOUT_CONTAINERS: dict[str, Callable[[argparse.Namespace, ContainerConsole], int]] = {
    "status": lambda _, console: console.tell_status(),
    "down": lambda _, console: console.end_all(),
    "logs": lambda wish, console: console.show_logs(
        name=wish.name, lines=wish.lines, is_on=wish.follow
    ),
    "doctor": lambda _, console: console.examine(),
    "test-alert": lambda wish, console: console.send_test_alert(_check_severity(wish)),
    "stop": lambda wish, console: console.stop(wish.program),
    "start": lambda wish, console: console.start(wish.program),
    "console": lambda wish, console: console.ask_bridge(wish.passed or ["--help"]),
}


def read_version() -> str:
    """Read the project's version."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return str(tomllib.loads(text)["project"]["version"])
