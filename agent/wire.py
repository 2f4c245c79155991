"""What the bridge and an agent say to each other, and how each knows that the other said it.

The bridge writes an *order*: for one host, for one job, valid for a minute at most. The agent
answers with a stream of *events*, a line each; the last one is signed. An agent writes *letters*
to the bridge. What is signed is always the exact bytes that travel, behind the name of what they
are, so that no order can pass as a letter and no end of one job as another's.

This is the one module that both programs share: standard library only, keys are given to it.
"""

from __future__ import annotations

import base64
import binascii
import enum
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

VERSION: Final = 1
ORDER: Final = b"opswire order 1\n"
"""Stands before the bytes of an order where they are signed."""
END: Final = b"opswire end 1\n"
LETTER: Final = b"opswire letter 1\n"
SIGNATURE_HEADER: Final = "Opswire-Signature"
HOST_HEADER: Final = "Opswire-Host"
"""Whose letter it is; the letter says so too, under the signature."""
ORDER_BYTES: Final = 64 * 1024  # chosen: a command line is 4,096 characters at most in a chat
LINE_BYTES: Final = 512 * 1024  # chosen: both ends of an output, escaped six times over, fit
VALID_SECONDS: Final = 60.0  # DESIGN: an order is worth nothing after a minute
NAME_CHARACTERS: Final = 64
_NUMBER: Final = 2**63  # chosen: no moment and no count is beyond it

Sign = Callable[[bytes], bytes]
"""Makes a signature with a private key."""
Verify = Callable[[bytes, bytes], bool]
"""Says whether a signature of some bytes is by the one whose public key it knows."""


class Garbled(Exception):
    """What arrived is not what this protocol has."""


class Verb(enum.Enum):
    """What an order asks for."""

    RUN = "run"
    """A command: `command` as typed, `shell` whether it goes to a shell as it stands, `seconds`."""
    CANCEL = "cancel"
    """The end of the job `of`."""
    FOLLOW = "follow"
    """What became of the job `of`: its events from the start, as far as they are kept."""
    FETCH = "fetch"
    """The output of the job `of` that was kept in a file."""
    PORTS = "ports"
    """What listens."""
    CLOSE = "close"
    """The end of whatever listens on TCP `port`."""
    TOP = "top"
    """The `count` processes that use most of `by`: `cpu` or `mem`."""
    SESSIONS = "sessions"
    """Who is logged in."""
    LOGINS = "logins"
    """The watch of logins: `set` is `on`, `off`, or empty for how it stands."""
    DESCRIBE = "describe"
    """Version, ceiling, and the actions there are."""


Argument = str | int | float | bool


@dataclass(frozen=True, kw_only=True)
class Order:
    """One thing that the bridge asks of one host."""

    host: str
    job: str
    """Whoever repeats an order for the same job is told of that job and starts no other."""
    verb: Verb
    issued: float
    """Seconds since the epoch, by the bridge's clock."""
    expires: float
    nonce: str
    arguments: Mapping[str, Argument] = field(default_factory=dict)


class Why(enum.Enum):
    """How a job ended."""

    DONE = "done"
    """By itself, with a code or by a signal."""
    TIME = "time"
    """Its time was up."""
    STOPPED = "stopped"
    """Somebody stopped it."""
    GONE = "gone"
    """Whoever had asked was gone."""
    LOST = "lost"
    """The agent itself had ended; nothing of the job was left when it came back."""


@dataclass(frozen=True, kw_only=True)
class Started:
    """The job runs."""

    at: float
    shown: str
    """What runs: its words as a shell would need them, or the line for the shell."""


@dataclass(frozen=True, kw_only=True)
class Output:
    """A piece of what it writes, in order."""

    at: float
    is_error: bool
    """Whether it came by standard error."""
    text: str


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How much it has written, where that is more than is sent piece by piece."""

    at: float
    bytes: int
    last: str
    """The last lines of it."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """The job is over, and nothing of it is left. Signed."""

    job: str
    at: float
    why: Why
    code: int | None
    """Its exit code; None where a signal ended it."""
    signal: str = ""
    seconds: float
    bytes: int
    """Everything it wrote."""
    digest: str
    """SHA-256 of everything it wrote, in the order it was read, as hexadecimal digits."""
    last: str = ""
    """The end of the output, where pieces were left out before it."""
    left_out: int = 0
    """Bytes that were neither sent as a piece nor are in `last`."""
    kept: int = 0
    """Bytes of the output that can be fetched as a file."""
    stuck: bool = False
    """Whether the kernel still holds a process of it, in the middle of a call to a dead disk, say;
    it is ended as soon as it is let go."""


@dataclass(frozen=True, kw_only=True)
class Refused:
    """The host does not do that. Signed."""

    job: str
    at: float
    rule: str
    """Which rule says so, in a word: `ceiling`, `catalogue`, `argument`, `busy`, `protected`, …"""
    sentence: str
    nearest: str = ""
    """The action that comes closest."""
    remedy: str = ""
    """The one line that the host's owner would write to allow it."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """An answer of facts. Signed."""

    job: str
    at: float
    facts: Mapping[str, Any]


Event = Started | Output | Progress | Ended | Refused | Told
Ending = Ended | Refused | Told
"""What an agent says last."""
_KINDS: Final[dict[str, type[Any]]] = {
    "started": Started,
    "output": Output,
    "progress": Progress,
    "ended": Ended,
    "refused": Refused,
    "told": Told,
}
_NAMES: Final = {kind: name for name, kind in _KINDS.items()}
_SIGNED: Final = (Ended, Refused, Told)


def write_order(order: Order) -> bytes:
    """Write an order as the bytes that are signed and sent."""
    return _dump(
        {
            "v": VERSION,
            "host": order.host,
            "job": order.job,
            "verb": order.verb.value,
            "issued": order.issued,
            "expires": order.expires,
            "nonce": order.nonce,
            "arguments": dict(order.arguments),
        }
    )


def read_order(body: bytes) -> Order:
    """Read an order whose signature was found good.

    Raises:
        Garbled: it is none.
    """
    if len(body) > ORDER_BYTES:
        raise Garbled("the order is too long")
    read = _load(body)
    if read.get("v") != VERSION:
        raise Garbled("the order is of another version")
    arguments = read.get("arguments")
    if not isinstance(arguments, dict) or not all(
        isinstance(each, str | int | float | bool) for each in arguments.values()
    ):
        raise Garbled("the order has no arguments of known kinds")
    try:
        return Order(
            host=_name(read["host"]),
            job=_name(read["job"]),
            verb=Verb(read["verb"]),
            issued=_instant(read["issued"]),
            expires=_instant(read["expires"]),
            nonce=_name(read["nonce"]),
            arguments=arguments,
        )
    except (KeyError, TypeError, ValueError, OverflowError) as fault:
        raise Garbled(f"the order lacks something ({type(fault).__name__})") from None


def seal(purpose: bytes, body: bytes, sign: Sign) -> str:
    """Sign bytes for a purpose; the signature as text."""
    return base64.b64encode(sign(purpose + body)).decode("ascii")


def is_sealed(purpose: bytes, body: bytes, signature: str, verify: Verify) -> bool:
    """Say whether the bytes were signed for that purpose, and are unchanged."""
    try:
        raw = base64.b64decode(signature.encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        return False
    # Base64 can say the same bytes in several ways; ours says them in one.
    is_plain = base64.b64encode(raw).decode("ascii") == signature
    return is_plain and verify(raw, purpose + body)


def write_event(event: Event, sign: Sign) -> bytes:
    """Write an event as a line; what ends a job is signed with it."""
    fields = {
        name: each.value if isinstance(each, enum.Enum) else each
        for name, each in vars(event).items()
    }
    body = _dump({"event": _NAMES[type(event)], **fields})
    if not isinstance(event, _SIGNED):
        return body + b"\n"
    sealed = {"signed": body.decode("ascii"), "signature": seal(END, body, sign)}
    return _dump(sealed) + b"\n"


def read_event(line: bytes, verify: Verify, *, job: str) -> Event:
    """Read an event; what ends a job has to be signed by the agent, and about that job.

    Raises:
        Garbled: it is none, or not signed, or about another job.
    """
    if len(line) > LINE_BYTES:
        raise Garbled("the event is too long")
    read = _load(line)
    is_signed = "signed" in read
    if is_signed:
        # Half a surrogate pair is no text; replaced, it is not what was signed either.
        body = str(read["signed"]).encode("utf-8", "replace")
        if not is_sealed(END, body, str(read.get("signature", "")), verify):
            raise Garbled("the end of the job is not signed by its host")
        read = _load(body)
    event = _read_fields(read)
    if isinstance(event, _SIGNED) and (not is_signed or event.job != job):
        raise Garbled("the end is not signed, or another job's")
    return event


def _read_fields(read: dict[str, Any]) -> Event:
    kind = _KINDS.get(str(read.pop("event", "")))
    if kind is None:
        raise Garbled("the event is of no known kind")
    if "why" in read:
        try:
            read["why"] = Why(read["why"])
        except ValueError:
            raise Garbled("the job ended in no known way") from None
    try:
        event: Event = kind(**read)
    except TypeError:
        raise Garbled("the event lacks something") from None
    for name, each in vars(event).items():
        if not _fits(kind, name, each):
            raise Garbled(f"the event's {name} is of another kind")
    return event


def _fits(kind: type[Any], name: str, value: object) -> bool:
    """Say whether a field holds what its annotation says; the annotations are text here."""
    wanted = kind.__annotations__[name]
    if isinstance(value, int | float) and wanted != "bool":
        # Neither a truth value nor what only Python takes for a number.
        if isinstance(value, bool) or not abs(value) <= _NUMBER:
            return False
        if wanted == "float":
            return True
    kinds: dict[str, Any] = {
        "float": float,
        "str": str,
        "int": int,
        "bool": bool,
        "int | None": int | None,
        "Why": Why,
    }
    return isinstance(value, kinds.get(wanted, dict))


def _dump(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields, separators=(",", ":"), allow_nan=False).encode("ascii")


def _load(body: bytes) -> dict[str, Any]:
    try:
        read = json.loads(body)
    except (ValueError, RecursionError):
        raise Garbled("it is not JSON") from None
    if not isinstance(read, dict):
        raise Garbled("it is no JSON object")
    return read


def _name(value: object) -> str:
    """Require a short printable name."""
    if not isinstance(value, str) or not 0 < len(value) <= NAME_CHARACTERS:
        raise ValueError("a name")
    if not (value.isascii() and value.isprintable()):
        raise ValueError("a name")
    return value


def _instant(value: object) -> float:
    """Require a moment."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("a moment")
    return float(value)
