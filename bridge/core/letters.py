"""Letters of agents: what a host tells by itself, such as who has logged in there."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from bridge import limits
from bridge.core.agents import name_key
from bridge.errors import Expired, Mistake

VERSION: Final = 1
_DOMAIN: Final = b"opswire letter\0"
_KIND: Final = re.compile(r"[a-z][a-z0-9_.-]{0,31}")
_NONCE: Final = re.compile(r"[\x21-\x7e]{8,64}")
_LONGEST_ID: Final = 128


@dataclass(frozen=True, kw_only=True)
class Letter:
    """One thing that a host tells."""

    host: str
    kind: str
    issued: datetime
    """By the host's clock."""
    nonce: str
    facts: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """The same for every copy: an event that has a number of its own is told once by it."""
        known = self.facts.get("id")
        is_numbered = isinstance(known, str) and 0 < len(known) <= _LONGEST_ID
        words = [name_key(self.host), self.kind, known if is_numbered else "", self.nonce]
        told = json.dumps(words[:3] if is_numbered else words)
        return hashlib.sha256(_DOMAIN + told.encode("ascii")).hexdigest()


def read_letter(body: bytes, *, now: datetime) -> Letter:
    """Read a letter whose signature was found good.

    Raises:
        Mistake: it is none.
        Expired: it is of another time than ours.
    """
    try:
        read = json.loads(body)
    except (ValueError, RecursionError):
        raise Mistake("the letter is not JSON") from None
    if not isinstance(read, dict) or read.get("v") != VERSION:
        raise Mistake("the letter is of another version")
    match read:
        case {
            "host": str(host),
            "kind": str(kind),
            "issued": int() | float() as issued,
            "nonce": str(nonce),
            "facts": dict(facts),
        } if _KIND.fullmatch(kind) and _NONCE.fullmatch(nonce):
            at = _read_moment(issued)
        case _:
            raise Mistake("the letter lacks something")
    if at > now + limits.LETTER_AHEAD:
        raise Expired("the letter is from the future; the clock of the host is wrong")
    if at < now - limits.LETTERS_KEPT:
        raise Expired("the letter is too old")
    return Letter(host=host, kind=kind, issued=at, nonce=nonce, facts=facts)


def _read_moment(seconds: float) -> datetime:
    if isinstance(seconds, bool):
        raise Mistake("the letter lacks something")
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):  # ValueError: also what is no number
        raise Mistake("the letter is of no time") from None
