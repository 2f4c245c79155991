"""How people are let in: one-time codes, and what may be changed about a person.

A code is handed over as a link of Telegram or as a line to write to the bot. Whoever uses it first
gets what it gives; it takes nothing away from anybody. Only its digest is kept: who reads the
database learns no code.
"""

from __future__ import annotations

import base64
import enum
import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bridge import limits
from bridge.core.access import EVERYWHERE, Person, Role, Scope
from bridge.errors import Expired, Mistake, Refused

_DOMAIN: Final = b"opswire one-time code\0"
_CODE: Final = re.compile(r"[A-Za-z0-9_-]{22}")
_BOT: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{2,31}")  # Telegram's own form of a bot's name
_USER: Final = re.compile(r"[0-9]{1,16}")
# Who stands in the place of a person: Telegram itself, and those who speak as a group or a channel.
NOBODY: Final = frozenset({777000, 1087968824, 136817688})


class Purpose(enum.Enum):
    """What a code is for."""

    FIRST_ADMIN = "admin"
    """Makes the first admin, and is dead once there is one."""
    PERSON = "person"
    """Gives a role."""


@dataclass(frozen=True, kw_only=True)
class Grant:
    """What a code gives to whoever uses it."""

    role: Role
    scope: Scope = EVERYWHERE

    def to_json(self) -> dict[str, Any]:
        """Write it for the store."""
        return {"role": self.role.value, "scope": self.scope.to_json()}

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Grant:
        """Read what `to_json` wrote."""
        return cls(role=Role(kept["role"]), scope=Scope.from_json(kept["scope"]))

    def __str__(self) -> str:
        """Write it as it is typed: `operator group=db`."""
        return f"{self.role.value} {self.scope}".rstrip()


@dataclass(frozen=True, kw_only=True)
class Code:
    """What is known of a code; the code itself is nowhere."""

    purpose: Purpose
    grant: Grant
    made_by: int | None = None
    """None: at the console."""
    expires_at: datetime
    used_at: datetime | None = None
    used_by: int | None = None


@dataclass(frozen=True, kw_only=True)
class Enrolment:
    """What came of using a code."""

    person: Person
    purpose: Purpose


@dataclass(frozen=True, kw_only=True)
class Change:
    """What became of somebody's role."""

    former: Person | None
    """Who they were; None: nobody."""
    voided: tuple[str, ...] = ()
    """The hosts that no code of theirs lets in any more."""


def write_code(chance: bytes) -> str:
    """Make a code of bytes that nobody can foresee.

    Raises:
        ValueError: they are too few or too many.
    """
    if len(chance) != limits.CODE_BYTES:
        raise ValueError(f"a code is made of {limits.CODE_BYTES} bytes")
    return base64.urlsafe_b64encode(chance).decode().rstrip("=")


def is_code(word: str) -> bool:
    """Say whether a word has the form of a code."""
    return _CODE.fullmatch(word) is not None


def digest_code(code: str) -> str:
    """Name a code in the store."""
    return hashlib.sha256(_DOMAIN + code.encode("utf-8", "surrogatepass")).hexdigest()


def write_link(code: str, bot: str) -> str:
    """Write the link that opens the bot's chat and hands it the code.

    Raises:
        ValueError: no bot of Telegram has such a name.
    """
    if _BOT.fullmatch(bot) is None:
        raise ValueError("this is no bot's name")
    return f"https://t.me/{bot}?start={code}"


def write_line(code: str) -> str:
    """Write what a person types to the bot, where no link leads there."""
    return f"/start {code}"


def judge_code(
    code: Code | None, *, user_id: int, held: Person | None, has_admin: bool, now: datetime
) -> Code:
    """Say that a person gets what a code gives, considering what they hold already.

    A code that would give nothing, or take something away, is refused and stays good for somebody
    else.

    Raises:
        Mistake: there is no such code.
        Expired: it is used, too old, or there is an admin by now.
        Refused: it is of no use to this person.
    """
    if code is None:
        raise Mistake("this link is unknown; ask whoever gave it to you for another")
    if code.used_at is not None:
        if code.used_by == user_id:
            raise Expired("you have used this link already; /whoami says what you may do")
        raise Expired("this link was used by somebody; it works once, ask for another")
    if now >= code.expires_at:
        raise Expired("this link is too old; ask whoever gave it to you for another")
    if code.purpose is Purpose.FIRST_ADMIN and has_admin:
        raise Expired("there is an admin by now; ask them for a link of your own")
    if held is not None:
        _require_gain(held, code.grant)
    return code


def _require_gain(held: Person, grant: Grant) -> None:
    """Refuse a code that gives a person nothing, or less than they hold."""
    if held.role.includes(grant.role) and held.scope.contains(grant.scope):
        raise Refused(
            "you are %(role)s already; the link is still good for somebody else",
            role=held.role.value,
        )
    if not (grant.role.includes(held.role) and grant.scope.contains(held.scope)):
        raise Refused(
            "this link would also take something from you; ask an admin to change your role; "
            "the link is still good for somebody else"
        )


def parse_user(word: str) -> int:
    """Read the number of a Telegram account.

    Raises:
        Mistake: it is none, or one that no person has.
    """
    if _USER.fullmatch(word) is None or int(word) == 0:
        raise Mistake(
            "%(word)s is no user's number; /whoami shows it to whoever asks, such as 52341678",
            word=word,
        )
    if int(word) in NOBODY:
        raise Mistake("%(word)s is Telegram's own number, and no person", word=word)
    return int(word)


def require_sensible(grant: Grant) -> None:
    """Refuse an admin who is limited to some hosts: who manages people can lift every limit.

    Raises:
        Mistake: it is one.
    """
    if grant.role is Role.ADMIN and grant.scope.is_limited:
        raise Mistake("an admin sees every host; limits are for viewers and operators")
