"""The audit: who did what, as a chain that shows where somebody has been at it.

Every entry is a text; its digest covers that text and the digest of the entry before, so that none
can be changed, moved or taken out without a trace. What a chain cannot show by itself, that its end
was cut off, the head shows: the count and the last digest, signed, kept where the database is not.

A chain may begin later, or say less, than it once did: old entries are purged, and a backup is
restored. An entry with a signed statement says so, and the chain is whole with it.
"""

from __future__ import annotations

import enum
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from bridge import limits
from bridge.core.audience import Destination

_ENTRY: Final = b"opswire audit entry\0"
_HEAD: Final = b"opswire audit head\0"
_STATEMENT: Final = b"opswire audit statement\0"
_KEY: Final = b"opswire audit key\0"
_NAME_LENGTH: Final = 16  # chosen: hex digits that tell apart the keys of all bridges there are
# A code has small letters and capitals, but for one in fifty thousand. The name of a service that
# is as long as a code has seldom both, and what was done to it has to be told.
_CHANCE: Final = r"(?=[a-z0-9_-]*[A-Z])(?=[A-Z0-9_-]*[a-z])"
# A code behind /start, in a link, or a word by itself; a host's code; and a bot's token.
_SECRETS: Final = (
    (re.compile(r"opswire1\.[A-Za-z0-9_-]+"), "opswire1.…"),
    (re.compile(r"(?i)(/start(?:@\w{1,40})?\s+)\S+"), r"\1…"),
    (re.compile(r"(?i)([?&]start=)[A-Za-z0-9_-]+"), r"\1…"),
    (re.compile(rf"(?<!\S){_CHANCE}[A-Za-z0-9_-]{{22}}(?!\S)"), "…"),
    (re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{30,}"), "…"),
)


class Outcome(enum.Enum):
    """What became of it."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


class StatementKind(enum.Enum):
    """Why a chain is not what it was."""

    PURGED = "purged"
    """Old entries were let go of."""
    RESTORED = "restored"
    """A backup took the place of what the head knew."""
    TAKEN_UP = "taken up"
    """A bridge without a head began to keep one."""


@dataclass(frozen=True)
class Place:
    """An entry of a chain: how many there are up to it, and its digest."""

    number: int
    digest: str


START: Final = Place(0, "0" * 64)
"""What the first entry of all follows."""


class Signer:
    """Signs with a key that is not in the database."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.name = hashlib.sha256(_KEY + key).hexdigest()[:_NAME_LENGTH]
        """Tells keys apart and gives none away."""

    def sign(self, content: bytes) -> str:
        """Sign."""
        return hmac.new(self._key, content, hashlib.sha256).hexdigest()

    def has_signed(self, content: bytes, signature: str) -> bool:
        """Say whether a signature is ours."""
        given = signature.encode("utf-8", "surrogatepass")
        return hmac.compare_digest(self.sign(content).encode(), given)


@dataclass(frozen=True, kw_only=True)
class Statement:
    """Says why the chain begins where it does, signed."""

    kind: StatementKind
    first: int
    """The number of the entry that the chain begins with."""
    previous: str
    """The digest that this entry follows."""
    told: Place | None = None
    """What the head knew that this takes the place of."""
    key: str
    signature: str

    @property
    def content(self) -> bytes:
        """What is signed."""
        told = [self.told.number, self.told.digest] if self.told else None
        words = [self.kind.value, self.first, self.previous, told, self.key]
        return _STATEMENT + json.dumps(words).encode()


@dataclass(frozen=True, kw_only=True)
class Head:
    """How long a chain is and how it ends, signed."""

    place: Place
    row: int
    """Where the store finds that entry; only saves a search."""
    key: str
    signature: str = ""

    @property
    def content(self) -> bytes:
        """What is signed."""
        words = [self.place.number, self.place.digest, self.row, self.key]
        return _HEAD + json.dumps(words).encode()


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One thing that somebody did, or was refused."""

    at: datetime
    who: int | None
    """Telegram's number of the account; None: at the console, or the bridge by itself."""
    name: str = ""
    """What they called themselves then; for people to read."""
    chat: Destination | None = None
    what: str
    """The command, or what the bridge did."""
    on: str = ""
    """A host, a person, a chat."""
    outcome: Outcome = Outcome.DONE
    detail: str = ""
    statement: Statement | None = None


@dataclass(frozen=True, kw_only=True)
class Link:
    """An entry as the store keeps it."""

    row: int
    text: str
    previous: str
    digest: str


def make_proper(entry: Entry) -> Entry:
    """Keep what is secret or endless out of an entry, whoever wrote it."""
    return replace(
        entry,
        name=_shorten(entry.name, limits.NAME_CHARACTERS),
        what=_shorten(_hide_secrets(entry.what)),
        on=_shorten(entry.on),
        detail=_shorten(_hide_secrets(entry.detail)),
    )


def write_entry(entry: Entry, number: int) -> str:
    """Write an entry as the text that its digest covers: ASCII, one spelling for one content."""
    kept = {
        "number": number,
        "at": entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "who": entry.who,
        "name": entry.name,
        "chat": [entry.chat.chat_id, entry.chat.thread_id] if entry.chat else None,
        "what": entry.what,
        "on": entry.on,
        "outcome": entry.outcome.value,
        "detail": entry.detail,
        "statement": _write_statement(entry.statement) if entry.statement else None,
    }
    return json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def read_entry(text: str) -> tuple[int, Entry]:
    """Read an entry and its number.

    Raises:
        ValueError: this is no entry of ours.
    """
    try:
        kept = json.loads(text)
        number, at, statement = kept.pop("number"), kept.pop("at"), kept.pop("statement")
        chat, outcome = kept.pop("chat"), Outcome(kept.pop("outcome"))
        entry = Entry(
            at=_read_moment(at),
            chat=Destination(*chat) if chat else None,
            outcome=outcome,
            statement=_read_statement(statement) if statement else None,
            **kept,
        )
        return int(number), entry
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as fault:
        raise ValueError("this is no entry of ours") from fault


def make_link(entry: Entry, *, after: Place, row: int = 0) -> Link:
    """Put an entry at the end of a chain."""
    text = write_entry(make_proper(entry), after.number + 1)
    digest = digest_entry(after.digest, text)
    return Link(row=row, text=text, previous=after.digest, digest=digest)


def digest_entry(previous: str, text: str) -> str:
    """Make the digest of an entry, which covers all that came before it."""
    parts = (each.encode("utf-8", "surrogatepass") for each in (previous, "\0", text))
    return hashlib.sha256(_ENTRY + b"".join(parts)).hexdigest()


def sign_head(place: Place, row: int, signer: Signer) -> Head:
    """Sign how long a chain is and how it ends."""
    bare = Head(place=place, row=row, key=signer.name)
    return replace(bare, signature=signer.sign(bare.content))


def write_head(head: Head) -> str:
    """Write a head for its file."""
    kept = {
        "count": head.place.number,
        "digest": head.place.digest,
        "row": head.row,
        "key": head.key,
        "signature": head.signature,
    }
    return json.dumps(kept, indent=1) + "\n"


def read_head(text: str) -> Head:
    """Read a head; whether its signature holds is not asked here.

    Raises:
        ValueError: this is no head of ours.
    """
    try:
        kept = json.loads(text)
        place = Place(int(kept["count"]), str(kept["digest"]))
        words = {name: str(kept[name]) for name in ("key", "signature")}
        return Head(place=place, row=int(kept["row"]), **words)
    except (LookupError, TypeError, ValueError, RecursionError) as fault:
        raise ValueError("this is no head of ours") from fault


def sign_statement(
    kind: StatementKind, first: Place, signer: Signer, *, told: Place | None = None
) -> Statement:
    """State that the chain begins right after a place, and what is told no more."""
    bare = Statement(
        kind=kind,
        first=first.number + 1,
        previous=first.digest,
        told=told,
        key=signer.name,
        signature="",
    )
    return replace(bare, signature=signer.sign(bare.content))


def _write_statement(statement: Statement) -> dict[str, Any]:
    told = statement.told
    return {
        "kind": statement.kind.value,
        "first": statement.first,
        "previous": statement.previous,
        "told": [told.number, told.digest] if told else None,
        "key": statement.key,
        "signature": statement.signature,
    }


def _read_moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone")
    return moment


def _read_statement(kept: Mapping[str, Any]) -> Statement:
    told = kept["told"]
    return Statement(
        kind=StatementKind(kept["kind"]),
        first=int(kept["first"]),
        previous=str(kept["previous"]),
        told=Place(*told) if told else None,
        key=str(kept["key"]),
        signature=str(kept["signature"]),
    )


def _hide_secrets(text: str) -> str:
    for shape, instead in _SECRETS:
        text = shape.sub(instead, text)
    return text


def _shorten(text: str, most: int = limits.AUDIT_CHARACTERS) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
