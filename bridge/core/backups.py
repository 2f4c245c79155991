"""What a backup says about itself, and whether it may take the place of what is here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from bridge.core.ownership import Owner
from bridge.errors import Mistake, Refused, TooNew

FORM: Final = 1
"""Of the file; a later version may write another."""
MANIFEST: Final = "manifest.json"
DATABASE: Final = "database/"
STATE: Final = "state/"
INVENTORY: Final = "agents.txt"
# Nothing else is ever read out of one: no path that leads anywhere, no hidden file.
_MEMBER: Final = re.compile(
    r"database/[a-z_]{1,64}\.jsonl|state/(?:agents/)?[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}|agents\.txt"
)
_VERSION: Final = re.compile(r"\d{1,6}(?:\.\d{1,6}){0,3}")


@dataclass(frozen=True, kw_only=True)
class Member:
    """One of the files in it."""

    sha256: str
    size: int


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a backup is a backup of."""

    version: str
    """Of the program that made it."""
    revision: str
    """The schema of the database in it."""
    made_at: datetime
    owner: Owner | None
    """Whose state it is; None: nobody had claimed it."""
    dialect: str
    """The kind of database it was made from; it may be filled into another."""
    members: Mapping[str, Member] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    """How many there are of what a person would ask for."""
    counters: Mapping[str, int] = field(default_factory=dict)
    """The number that each table has given last."""

    @property
    def tables(self) -> tuple[str, ...]:
        """Name the tables in it."""
        names = (name for name in self.members if name.startswith(DATABASE))
        return tuple(name.removeprefix(DATABASE).removesuffix(".jsonl") for name in names)


def name_table(table: str) -> str:
    """Name the member that tells a table."""
    return f"{DATABASE}{table}.jsonl"


def is_proper_member(name: str) -> bool:
    """Say whether a backup of ours has members of this name."""
    return _MEMBER.fullmatch(name) is not None and ".." not in name


def write_manifest(manifest: Manifest) -> str:
    """Write it as text."""
    owner = manifest.owner
    members = {
        name: {"sha256": each.sha256, "size": each.size} for name, each in manifest.members.items()
    }
    told = {
        "form": FORM,
        "version": manifest.version,
        "revision": manifest.revision,
        "made_at": manifest.made_at.isoformat(),
        "owner": {"bot_id": owner.bot_id, "server": owner.server} if owner else None,
        "dialect": manifest.dialect,
        "counts": dict(manifest.counts),
        "counters": dict(manifest.counters),
        "members": members,
    }
    return json.dumps(told, indent=1) + "\n"


def read_manifest(text: str) -> Manifest:
    """Read it.

    Raises:
        TooNew: a later version has written it, in a form that we do not know.
        Mistake: it cannot be understood.
    """
    try:
        told = json.loads(text)
        if told["form"] != FORM:
            raise TooNew(
                f"the backup was made by Opswire {told['version']}, in a form that this version "
                "does not know: restore it with that one"
            )
        return _read(told)
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as fault:
        raise Mistake(f"the backup's {MANIFEST} cannot be understood") from fault


def require_fit(
    manifest: Manifest, *, version: str, known: tuple[str, ...], is_forced: bool = False
) -> None:
    """See that a version can take up a backup.

    Raises:
        TooNew: the backup is a later version's.
    """
    made_by = f"the backup was made by Opswire {manifest.version} with schema {manifest.revision}"
    if manifest.revision not in known:
        raise TooNew(
            f"{made_by}; this is {version}, which knows none later than {known[-1]}: restore it "
            f"with {manifest.version} or a later version"
        )
    if _order(manifest.version) > _order(version) and not is_forced:
        raise TooNew(
            f"{made_by}; this is {version}: restore it with {manifest.version}, or with --force "
            "if you know that they understand each other"
        )


def require_own(owner: Owner | None, present: Owner | None, *, where: str) -> None:
    """See that a backup is of the same bot as what is here.

    Raises:
        Refused: it is another's.
    """
    if owner is not None and present is not None and owner != present:
        raise Refused(
            f"the backup is of {owner}, and {where} {present}: its message and chat numbers mean "
            "nothing to the other; --force restores it all the same, for the bot of the backup"
        )


def read_kept_owner(value: Any) -> Owner | None:
    """Read whose state it is, as the state remembers it."""
    if not isinstance(value, Mapping):
        return None
    return Owner(str(value.get("bot_id")), str(value.get("server")))


def _read(told: Mapping[str, Any]) -> Manifest:
    made_at = datetime.fromisoformat(told["made_at"])
    if made_at.tzinfo is None:
        raise ValueError("a moment without a time zone")
    return Manifest(
        version=str(told["version"]),
        revision=str(told["revision"]),
        made_at=made_at,
        owner=read_kept_owner(told["owner"]),
        dialect=str(told["dialect"]),
        members={
            str(name): Member(sha256=str(each["sha256"]), size=int(each["size"]))
            for name, each in told["members"].items()
        },
        counts={str(name): int(number) for name, number in told["counts"].items()},
        counters={str(name): _read_number(number) for name, number in told["counters"].items()},
    )


def _read_number(value: Any) -> int:
    """Read the number of a row, as large as databases have them."""
    number = int(value)
    if not 0 <= number < 2**63:
        raise ValueError("no number of a row")
    return number


def _order(version: str) -> tuple[int, ...]:
    """Make versions comparable; what is none comes first."""
    found = _VERSION.match(version)
    return tuple(int(each) for each in found.group().split(".")) if found else ()
