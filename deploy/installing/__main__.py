"""`python -m deploy.installing install|uninstall`, which the two scripts of that name run."""

from __future__ import annotations

import argparse
import getpass
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from deploy.installing import removal
from deploy.installing.install import Wish, install
from deploy.installing.layout import FOREIGN, Layout, Role
from deploy.installing.machine import Machine, Refused
from deploy.installing.steps import BOT_TOKEN

_FAILED: Final = 1
_WRONG_WORDS: Final = 2
_CUT_OFF: Final = 130
_TOKEN: Final = re.compile(r"[0-9]{1,16}:[A-Za-z0-9_-]{30,64}")
_LONGEST: Final = 4096  # chosen: no token is longer; a wrong path may name a log
_EPILOG: Final = """\
Run again it does what is missing: after it was cut off, after a change of this copy (an upgrade).
Files that you have edited are kept; what ships now lies beside as NAME.new.
In the environment of a first installation: PROMETHEUS_PORT, ALERTMANAGER_PORT, BLACKBOX_PORT,
NODE_EXPORTER_PORT; PYTHON=/usr/… for another interpreter. docs/services.md has the rest."""


def main(words: Sequence[str] | None = None) -> int:
    """Do what the words ask for; answer the exit code."""
    wish = _parse(sys.argv[1:] if words is None else words)
    machine = Machine(wish.root)
    try:
        return _install(wish, machine) if wish.deed == "install" else _uninstall(wish, machine)
    except Refused as refusal:
        for sentence in refusal.sentences:
            print(f"{wish.deed}.sh: {sentence}", file=sys.stderr)
        return _FAILED
    except OSError as fault:
        mend = "mend it and run this again" if machine.is_root else "run this with sudo"
        reason = (fault.strerror or type(fault).__name__).lower()
        print(f"{wish.deed}.sh: {fault.filename}: {reason}; {mend}", file=sys.stderr)
        return _FAILED
    except KeyboardInterrupt:
        print(f"\n{wish.deed}.sh: cut off; run it again, it goes on from here", file=sys.stderr)
        return _CUT_OFF


def _install(wish: argparse.Namespace, machine: Machine) -> int:
    layout = Layout(root=wish.root, role=wish.role, without=frozenset(wish.without))
    token = _read_token(wish.bot_token_file) if wish.bot_token_file else ""
    if not token and not wish.dry_run and _is_to_be_asked(layout, machine):
        token = _ask_token()
    asked = Wish(layout=layout, bot_token=token, is_dry=wish.dry_run, starts=not wish.no_start)
    install(asked, machine, os.environ, _say)
    return 0


def _uninstall(wish: argparse.Namespace, machine: Machine) -> int:
    asked = removal.Wish(root=wish.root, keeps_state=wish.keep_state, is_dry=wish.dry_run)
    if not (wish.dry_run or wish.keep_state or wish.yes):
        if not sys.stdin.isatty():
            raise Refused("this deletes all that was stored: say --yes, or --keep-state")
        if input(removal.QUESTION).strip() != "yes":
            raise Refused("nothing was changed")
    removal.uninstall(asked, machine, _say)
    return 0


def _is_to_be_asked(layout: Layout, machine: Machine) -> bool:
    is_watching = layout.role is not Role.AGENT
    has_token = layout.at(BOT_TOKEN).exists()
    return (
        is_watching and machine.is_live and machine.is_root and not has_token and sys.stdin.isatty()
    )


def _ask_token() -> str:
    text = getpass.getpass("Token of the bot, from @BotFather (empty: later): ").strip()
    return _require_token(text) if text else ""


def _read_token(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_LONGEST)
    except OSError as fault:
        raise Refused(f"{path} cannot be read ({(fault.strerror or '').lower()})") from None
    return _require_token(content.decode("utf-8", "replace").strip())


def _require_token(text: str) -> str:
    if not _TOKEN.fullmatch(text):
        # Not shown: it may be a token with a letter too many.
        raise Refused(
            "that is no token of a bot: digits, a colon and 35 characters, from @BotFather"
        )
    return text


def _parse(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="deploy.installing")
    deeds = parser.add_subparsers(dest="deed", required=True)
    _add_install(deeds)
    _add_uninstall(deeds)
    return parser.parse_args(list(words))


Deeds = argparse._SubParsersAction  # noqa: SLF001 - the library gives its kind no public name


def _add_install(deeds: Deeds[argparse.ArgumentParser]) -> None:
    add = _add_deed(deeds, "install", "Install Opswire as services of this machine.", _EPILOG)
    add(
        "--role",
        type=Role,
        default=Role.ALL,
        metavar="ROLE",
        help="all (what is left out means), bridge (no agent here), or agent (a monitored host)",
    )
    add(
        "--without",
        action="append",
        default=[],
        choices=sorted(FOREIGN),
        metavar="PROGRAM",
        help=f"leave a program out, because yours runs: {', '.join(FOREIGN)}",
    )
    add("--bot-token-file", type=Path, metavar="FILE", help="where the bot's token stands")
    add("--no-start", action="store_true", help="lay everything, start nothing")


def _add_uninstall(deeds: Deeds[argparse.ArgumentParser]) -> None:
    add = _add_deed(deeds, "uninstall", "Remove Opswire's services from this machine.", "")
    add("--keep-state", action="store_true", help="leave settings, stores and users")
    add("--yes", action="store_true", help="do not ask before all that was stored is deleted")


def _add_deed(
    deeds: Deeds[argparse.ArgumentParser], name: str, purpose: str, epilog: str
) -> Callable[..., argparse.Action]:
    deed = deeds.add_parser(
        name,
        prog=f"deploy/{name}.sh",
        description=purpose,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    deed.add_argument("--dry-run", action="store_true", help="print every step, change nothing")
    deed.add_argument(
        "--root",
        type=_parse_root,
        default=Path("/"),
        metavar="DIR",
        help="fill this folder as if it were /; make no user, start nothing",
    )
    return deed.add_argument


def _parse_root(text: str) -> Path:
    return Path(text).absolute()


def _say(sentence: str) -> None:
    print(sentence, flush=True)


if __name__ == "__main__":
    sys.exit(main())
