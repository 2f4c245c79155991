"""The words after `python -m bridge`; without any, the bridge runs."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import Final

from bridge import __version__

_NUMBER: Final = re.compile(r"-\d.*", re.DOTALL)
_LISTED: Final = 20  # chosen: what a terminal shows at once
_LISTED_MOST: Final = 100_000


def parse_words(words: Sequence[str]) -> argparse.Namespace:
    """Read the words; a wrong one ends the program with what would be right."""
    # A group's number begins with a minus, which options do as well; a blank before it tells them.
    return _create_parser().parse_args(
        [f" {word}" if _NUMBER.fullmatch(word) else word for word in words]
    )


def _create_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bridge",
        description="Carries alerts from Alertmanager to Telegram, and loses none.",
        epilog="Everything else is a setting: environment variables or .env; README has the table.",
    )
    parser.add_argument("--version", action="version", version=f"opswire bridge {__version__}")
    parser.set_defaults(deed=None)
    rooms = parser.add_subparsers(
        metavar="[people | chats | audit | enrol | backup | restore | database]",
        title="beside the bridge",
    )
    _add_people(rooms)
    _add_chats(rooms)
    _add_audit(rooms)
    _add_enrol(rooms)
    _add_backup(rooms)
    _add_database(rooms)
    return parser


Verbs = argparse._SubParsersAction  # noqa: SLF001 - the library gives its kind no public name


def _add_people(rooms: Verbs[argparse.ArgumentParser]) -> None:
    verbs = _add_room(rooms, "people", "who may use the bot")
    _add_verb(verbs, "people list", "everybody with a role")
    add = _add_verb(verbs, "people add", "give somebody a role, or another one")
    add.add_argument("user", metavar="id", help="their number; /whoami tells it")
    add.add_argument("role", help="viewer, operator or admin")
    _add_limits(add)
    remove = _add_verb(verbs, "people remove", "take somebody's role")
    remove.add_argument("user", metavar="id", help="their number; people list shows it")
    link = _add_verb(verbs, "people link", "print a link that gives a role to whoever opens it")
    link.add_argument("role", nargs="?", help="viewer (if left out), operator or admin")
    _add_limits(link)
    link.add_argument(
        "--first", action="store_true", help="for the first admin; nothing once there is one"
    )
    link.add_argument("--quiet", action="store_true", help="print the link and nothing else")


def _add_chats(rooms: Verbs[argparse.ArgumentParser]) -> None:
    verbs = _add_room(rooms, "chats", "which chats hear alerts")
    _add_verb(verbs, "chats list", "every chat that hears alerts")
    add = _add_verb(verbs, "chats add", "let a chat hear alerts")
    add.add_argument("chat", metavar="chat[/topic]", help="its number; /whoami there tells it")
    _add_limits(add)
    remove = _add_verb(verbs, "chats remove", "let a chat hear no more")
    remove.add_argument("chat", metavar="chat[/topic]", help="its number; chats list shows it")


def _add_audit(rooms: Verbs[argparse.ArgumentParser]) -> None:
    verbs = _add_room(rooms, "audit", "who did what")
    shown = _add_verb(verbs, "audit list", "the newest entries, the newest last")
    shown.add_argument("number", metavar="n", nargs="?", type=_parse_number, default=_LISTED)
    _add_verb(
        verbs,
        "audit verify",
        "whether somebody was at it; exit code 0: sound, 1: tampered with, 3: cannot be checked",
    )
    _add_verb(
        verbs, "audit mark-restored", "state that a restored backup took the place of what was"
    )


def _add_enrol(rooms: Verbs[argparse.ArgumentParser]) -> None:
    purpose = "print a code that lets a host's agent in"
    enrol = rooms.add_parser("enrol", help=purpose, description=f"{purpose.capitalize()}.")
    enrol.set_defaults(deed="enrol")
    enrol.add_argument("name", help="the host's, as the inventory has it or shall have it")
    enrol.add_argument(
        "address",
        nargs="?",
        help="where its agent will be, with a port if it is not the usual one; left out: beside "
        "the exporter of the inventory, or as the agent says",
    )


def _add_backup(rooms: Verbs[argparse.ArgumentParser]) -> None:
    purpose = "write everything that is kept into one file, also while the bridge runs"
    backup = rooms.add_parser("backup", help=purpose, description=f"{purpose.capitalize()}.")
    backup.set_defaults(deed="backup")
    backup.add_argument("file", help="it holds keys: keep it where only you read it")
    backup.add_argument("--force", action="store_true", help="replace a file of that name")
    purpose = "put a backup in the place of everything that is kept; no bridge may run"
    restore = rooms.add_parser("restore", help=purpose, description=f"{purpose.capitalize()}.")
    restore.set_defaults(deed="restore")
    restore.add_argument("file", help="what backup wrote")
    restore.add_argument(
        "--dry-run", action="store_true", help="say what would come back and change nothing"
    )
    restore.add_argument(
        "--keep-inventory", action="store_true", help="leave agents.txt as it is here"
    )
    restore.add_argument(
        "--force", action="store_true", help="also another bot's, or a later version's"
    )


def _add_database(rooms: Verbs[argparse.ArgumentParser]) -> None:
    verbs = _add_room(rooms, "database", "the schema of the database")
    _add_verb(verbs, "database revision", "which schema it has, and which this version works with")
    _add_verb(verbs, "database upgrade", "bring it up to this version's schema")
    back = _add_verb(verbs, "database downgrade", "bring it back to an earlier version's schema")
    back.add_argument("revision", help="as database revision of that version says")


def _add_room(
    rooms: Verbs[argparse.ArgumentParser], name: str, purpose: str
) -> Verbs[argparse.ArgumentParser]:
    room = rooms.add_parser(name, help=purpose, description=f"{purpose.capitalize()}.")
    return room.add_subparsers(metavar="verb", required=True)


def _add_verb(
    verbs: Verbs[argparse.ArgumentParser], deed: str, purpose: str
) -> argparse.ArgumentParser:
    description = f"{purpose[0].upper()}{purpose[1:]}."
    verb = verbs.add_parser(deed.split()[1], help=purpose, description=description)
    verb.set_defaults(deed=deed)
    return verb


def _add_limits(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "limits",
        metavar="label=value",
        nargs="*",
        help="only hosts with this label exist for them, such as group=db",
    )


def _parse_number(word: str) -> int:
    if not word.isascii() or not word.isdigit() or not 1 <= int(word[:9]) <= _LISTED_MOST:
        raise argparse.ArgumentTypeError(f"{word!r} is no number from 1 to {_LISTED_MOST}")
    return int(word)
