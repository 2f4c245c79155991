"""Logins on hosts: what an agent tells of them, and what of it a chat is told.

One login is one message, its logout another or none. Failures come by the thousand, so those of a
host within some hours are one message, which is kept up to date as far as that tells anything.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from bridge import limits
from bridge.errors import Mistake

_PREAUTH: Final = "preauth"
"""The method of whoever went before trying any."""


class LoginKind(enum.Enum):
    """What happened."""

    LOGIN = "login"
    LOGOUT = "logout"
    FAILURE = "failure"
    SUDO = "sudo"
    """Somebody who was logged in acts as somebody else."""


class Logouts(enum.Enum):
    """What chats are told of the end of a login."""

    MESSAGE = "message"
    """A message with a sound."""
    SILENT = "silent"
    """A message without one."""
    NONE = "none"


@dataclass(frozen=True, kw_only=True)
class LoginFacts:
    """One event on a host, or the failures of some hours."""

    host: str
    kind: LoginKind
    user: str
    """As it was typed; of many, the one tried most."""
    address: str
    """Where from; empty where the log leaves it open."""
    method: str
    count: int = 1
    first: datetime
    """When it was; of a logout, when the login was; of failures, when they began."""
    last: datetime
    users: int = 1
    """How many names were tried, as far as is known."""
    addresses: int = 1

    @property
    def labels(self) -> dict[str, str]:
        """The labels by which chats choose what they hear."""
        severity = "warning" if self.kind is LoginKind.FAILURE else "info"
        return {"host": self.host, "resource": "login", "severity": severity}


class Telling(enum.Enum):
    """How a chat is told of an event."""

    LOUD = "loud"
    """A phone sounds, unless hours are quiet."""
    SILENT = "silent"
    NOT = "not"
    """It is counted."""


_OF_LOGOUTS: Final = {
    Logouts.MESSAGE: Telling.LOUD,
    Logouts.SILENT: Telling.SILENT,
    Logouts.NONE: Telling.NOT,
}


def parse_login(host: str, facts: Mapping[str, Any]) -> tuple[str, LoginFacts]:
    """Read what the agent of a host tells: the event's own id, and the event.

    Raises:
        Mistake: it is no event.
    """
    try:
        return _text(facts, "id", 1), LoginFacts(
            host=host,
            kind=LoginKind(facts["kind"]),
            user=_text(facts, "user"),
            address=_text(facts, "address"),
            method=_text(facts, "method"),
            count=_count(facts, "count"),
            first=_moment(facts, "first"),
            last=_moment(facts, "last"),
            users=_count(facts, "users"),
            addresses=_count(facts, "addresses"),
        )
    except (KeyError, ValueError, TypeError, OverflowError, OSError) as fault:
        raise Mistake("the letter tells of no login") from fault


def choose_telling(facts: LoginFacts, logouts: Logouts) -> Telling:
    """Choose how a chat is told of an event.

    A login rings. Failures do not: by night they are the noise of any address that can be reached,
    and an attack is an alert of its own.
    """
    if facts.kind is LoginKind.LOGIN:
        return Telling.LOUD
    if facts.kind is LoginKind.LOGOUT:
        return _OF_LOGOUTS[logouts]
    is_only_counted = facts.kind is LoginKind.FAILURE and facts.method == _PREAUTH
    return Telling.NOT if is_only_counted else Telling.SILENT


def fold_failures(earlier: LoginFacts, later: LoginFacts) -> LoginFacts | None:
    """Make one message of two; None where the later ones are a matter of their own."""
    both = {earlier.kind, later.kind}
    if both != {LoginKind.FAILURE} or earlier.host != later.host:
        return None
    if abs(later.last - earlier.first) > limits.FAILURES_TOGETHER:
        return None
    most = max((earlier, later), key=lambda each: each.count)
    return replace(
        earlier,
        user=most.user,
        address=most.address,
        method=most.method,
        count=earlier.count + later.count,
        first=min(earlier.first, later.first),
        last=max(earlier.last, later.last),
        users=_at_least(earlier.users, later.users, is_same=earlier.user == later.user),
        addresses=_at_least(
            earlier.addresses, later.addresses, is_same=earlier.address == later.address
        ),
    )


def is_worth_showing(shown: LoginFacts, now: LoginFacts) -> bool:
    """Say whether failures have changed so much that the message about them is to be edited."""
    return now.count >= 2 * shown.count or now.last - shown.last >= limits.FAILURES_EDITED


def _at_least(earlier: int, later: int, *, is_same: bool) -> int:
    """Say how many different ones two counts are at least."""
    return max(earlier, later, 1 if is_same else 2)


def _text(facts: Mapping[str, Any], name: str, least: int = 0) -> str:
    value = facts[name]
    if not isinstance(value, str) or not least <= len(value) <= limits.LOGIN_CHARACTERS:
        raise ValueError(name)
    return value


def _count(facts: Mapping[str, Any], name: str) -> int:
    value = facts.get(name, 1)
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(name)
    if not 0 < value <= limits.LOGIN_COUNT:
        raise ValueError(name)
    return value


def _moment(facts: Mapping[str, Any], name: str) -> datetime:
    value = facts[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(name)
    return datetime.fromtimestamp(value, UTC)
