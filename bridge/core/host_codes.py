"""One-time codes that let a host's agent in.

A code is one line that is carried to the host by hand. It says where the agents' door is and by
which certificate it is known, so that the first call of all is already to the right one. Only a
digest of its secret is kept: who reads the database lets no host in.
"""

from __future__ import annotations

import base64
import binascii
import enum
import hashlib
import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from bridge import limits
from bridge.core.agents import Agent, name_key
from bridge.core.inventory import parse_address
from bridge.errors import Mistake

PREFIX: Final = "opswire1."
_DOMAIN: Final = b"opswire host code\0"
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{22}")
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")
_LONGEST: Final = 2048  # chosen: five times what the longest names make


@dataclass(frozen=True, kw_only=True)
class HostCode:
    """What a code says."""

    host: str
    door: str
    """Where the agents' door is: host and port."""
    fingerprint: str
    """SHA-256 of the door's certificate, as hexadecimal digits."""
    secret: str = field(repr=False)
    address: str = ""
    """Where the agent will be, if that is settled: with its port, or without."""


@dataclass(frozen=True, kw_only=True)
class Invitation:
    """What is known of a code; its secret is nowhere."""

    host: str
    address: str = ""
    made_by: int | None = None
    """None: at the console."""
    expires_at: datetime
    used_at: datetime | None = None
    replaced_at: datetime | None = None
    is_void: bool = False
    """Whether whoever made it has lost the right to."""


class Misuse(enum.Enum):
    """Why a code lets nobody in."""

    UNKNOWN = "unknown"
    USED = "used"
    """It was used before."""
    REPLACED = "replaced"
    """A newer one has taken its place, or the host was removed."""
    VOID = "void"
    """Whoever made it is no admin any more."""
    LATE = "late"
    OTHER_HOST = "other host"
    """Somebody shows it in the name of another host."""
    OTHER_ADDRESS = "other address"
    """The agent is not where the code was made for."""
    DEAD_KEY = "dead key"
    """The agent's key was revoked, or is another host's."""


@dataclass(frozen=True, kw_only=True)
class Admission:
    """What came of showing a code."""

    misuse: Misuse | None
    """Why nobody was let in; None: somebody was."""
    invitation: Invitation | None
    """The code, if it is known."""
    former: Agent | None = None
    """Whose key has died of it."""


SENTENCES: Final[Mapping[Misuse, str]] = {
    Misuse.UNKNOWN: "this code is unknown; ask whoever gave it to you for another",
    Misuse.USED: "this code was used already; it works once, ask for another",
    Misuse.REPLACED: "a newer code has taken the place of this one",
    Misuse.VOID: "whoever made this code is no admin any more; ask one for another",
    Misuse.LATE: "this code is too old; ask for another",
    Misuse.OTHER_HOST: "this code is for another host",
    Misuse.OTHER_ADDRESS: "this code is for an agent at another address",
    Misuse.DEAD_KEY: "this key was in use before and lets nobody in again; make another",
}
"""What the agent reads; a person at that host does."""


def write_secret(chance: bytes) -> str:
    """Make a secret of bytes that nobody can foresee.

    Raises:
        ValueError: they are too few or too many.
    """
    if len(chance) != limits.CODE_BYTES:
        raise ValueError(f"a code is made of {limits.CODE_BYTES} bytes")
    return _encode(chance)


def digest_secret(secret: str) -> str:
    """Name a code in the store."""
    return hashlib.sha256(_DOMAIN + secret.encode("utf-8", "surrogatepass")).hexdigest()


def write_code(code: HostCode) -> str:
    """Write a code as the line that is carried to the host."""
    fields = {
        "h": code.host,
        "d": code.door,
        "f": code.fingerprint,
        "s": code.secret,
        "a": code.address,
    }
    return PREFIX + _encode(json.dumps(fields, separators=(",", ":")).encode("ascii"))


def read_code(line: str) -> HostCode:
    """Read what `write_code` wrote.

    Raises:
        Mistake: it is none; the sentence repeats nothing of it.
    """
    text = line.strip()
    if not text.startswith(PREFIX) or len(text) > _LONGEST:
        raise Mistake("this is no code")
    padded = text.removeprefix(PREFIX) + "=" * (-len(text.removeprefix(PREFIX)) % 4)
    try:
        read = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        fields = {name: read[name] for name in "hdfsa"}
    except (binascii.Error, ValueError, LookupError, TypeError, RecursionError):
        raise Mistake("this code is not whole; copy all of its line") from None
    if not all(isinstance(each, str) for each in fields.values()) or not _is_sound(fields):
        raise Mistake("this code is not whole; copy all of its line")
    return HostCode(
        host=fields["h"],
        door=fields["d"],
        fingerprint=fields["f"],
        secret=fields["s"],
        address=fields["a"],
    )


def find_misuse(
    invitation: Invitation | None, *, host: str, address: str, now: datetime
) -> Misuse | None:
    """Say why a code does not let this host in; None lets it in."""
    if invitation is None:
        return Misuse.UNKNOWN
    faults = {
        Misuse.USED: invitation.used_at is not None,
        Misuse.VOID: invitation.is_void,
        Misuse.REPLACED: invitation.replaced_at is not None,
        Misuse.LATE: now >= invitation.expires_at,
        Misuse.OTHER_HOST: name_key(invitation.host) != name_key(host),
        Misuse.OTHER_ADDRESS: not fits_address(invitation.address, address),
    }
    return next((misuse for misuse, is_so in faults.items() if is_so), None)


def fits_address(invited: str, given: str) -> bool:
    """Say whether an agent is where its code was made for; an empty one is for anywhere."""
    if not invited:
        return True
    try:
        host, port = parse_address(given)
    except ValueError:
        return False
    try:
        wanted, wanted_port = parse_address(invited)
    except ValueError:
        return _bare(invited) == _bare(host)
    return (_bare(wanted), wanted_port) == (_bare(host), port)


def is_place(word: str) -> bool:
    """Say whether a word can be where an agent is: an address with its port, or without."""
    bracketed = f"[{word}]" if ":" in word else word
    for written in (word, f"{bracketed}:1"):
        try:
            parse_address(written)
        except ValueError:
            continue
        return True
    return False


def _is_sound(fields: Mapping[str, str]) -> bool:
    try:
        parse_address(fields["d"])
    except ValueError:
        return False
    return (
        _SECRET.fullmatch(fields["s"]) is not None
        and _FINGERPRINT.fullmatch(fields["f"]) is not None
        and (not fields["a"] or is_place(fields["a"]))
        and 0 < len(fields["h"]) <= limits.NAME_CHARACTERS
        and fields["h"].isprintable()
    )


def _bare(host: str) -> str:
    """Write a host in the one form that all its spellings share."""
    written = host.removeprefix("[").removesuffix("]")
    try:
        return str(ipaddress.ip_address(written))
    except ValueError:
        return written.lower()


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode("ascii").rstrip("=")
