"""Who may do what: roles, limits to hosts, and the person who acts now.

A role holds the rights of those before it. Nobody has a role by default: a person is added by an
admin, opens a one-time link, or stands in ALLOWED_USERS.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from bridge.core.audience import Destination
from bridge.core.inventory import Host
from bridge.errors import Mistake, NotAllowed

_LABEL: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]{0,99})=(.{1,200})")


class Role(enum.Enum):
    """What a person may do, the least first."""

    VIEWER = "viewer"
    """Look."""
    OPERATOR = "operator"
    """Acknowledge, silence, subscribe, catalogued actions."""
    ADMIN = "admin"
    """People, hosts, thresholds, free shell where the host allows it."""

    @property
    def rank(self) -> int:
        """Where it stands among the roles."""
        return list(Role).index(self)

    def includes(self, other: Role) -> bool:
        """Say whether it holds the other's rights."""
        return self.rank >= other.rank


@dataclass(frozen=True)
class Scope:
    """The hosts that exist for a person or a chat; without requirements all do.

    Every requirement has to hold: the host's label of that name has one of the values. The label
    `host` is the host's name.
    """

    requirements: tuple[tuple[str, frozenset[str]], ...] = ()

    @property
    def is_limited(self) -> bool:
        """Say whether there are hosts that it may leave out."""
        return bool(self.requirements)

    def covers(self, host: Host) -> bool:
        """Say whether a host exists for whoever has this scope."""
        if not self.requirements:
            return True
        labels = {**host.labels, "host": host.name}
        return all(labels.get(name) in values for name, values in self.requirements)

    def both(self, other: Scope) -> Scope:
        """Make the scope of what exists for both."""
        return Scope(tuple(dict.fromkeys((*self.requirements, *other.requirements))))

    def contains(self, other: Scope) -> bool:
        """Say whether every host of the other surely is one of this."""
        return all(
            any(name == theirs and allowed <= values for theirs, allowed in other.requirements)
            for name, values in self.requirements
        )

    def to_json(self) -> list[tuple[str, list[str]]]:
        """Write it for the store."""
        return [(name, sorted(values)) for name, values in self.requirements]

    @classmethod
    def from_json(cls, kept: Iterable[tuple[str, Iterable[str]]] | None) -> Scope:
        """Read what `to_json` wrote."""
        return cls(tuple((name, frozenset(values)) for name, values in kept or ()))

    def __str__(self) -> str:
        """Write it as it is typed: `group=db group=web host=web-1`."""
        return " ".join(
            f"{name}={value}" for name, values in self.requirements for value in sorted(values)
        )


EVERYWHERE: Final = Scope()


def parse_scope(words: Iterable[str]) -> Scope:
    """Read `label=value` words; several values of one label mean any of them.

    Raises:
        Mistake: a word has another form.
    """
    values: dict[str, set[str]] = {}
    for word in words:
        match = _LABEL.fullmatch(word)
        if match is None:
            raise Mistake("%(word)s is no limit; write label=value, such as group=db", word=word)
        values.setdefault(match[1], set()).add(match[2])
    return Scope(tuple((name, frozenset(allowed)) for name, allowed in values.items()))


def parse_role(word: str) -> Role:
    """Read the name of a role.

    Raises:
        Mistake: there is none of that name.
    """
    try:
        return Role(word.casefold())
    except ValueError:
        raise Mistake("%(word)s is no role; write viewer, operator or admin", word=word) from None


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody with a role."""

    user_id: int
    """Telegram's number of the account: 64 bits; names are no identity."""
    role: Role
    scope: Scope = EVERYWHERE
    name: str = ""
    """What they called themselves when last seen; for people to read, never to decide by."""
    is_owner: bool = False
    """Whether ALLOWED_USERS names them: only the settings can take their role away."""


@dataclass(frozen=True, kw_only=True)
class Actor:
    """A person, or a stranger, acting now in a chat."""

    user_id: int
    role: Role | None
    """None for a stranger."""
    chat: Destination
    is_private: bool
    scope: Scope = EVERYWHERE
    """What exists for the person and for the chat they speak in."""
    name: str = ""

    def may(self, needs: Role | None) -> bool:
        """Say whether they may do what needs this role; None is for anybody."""
        return needs is None or (self.role is not None and self.role.includes(needs))

    def require_everywhere(self) -> None:
        """Refuse whoever is limited to some hosts.

        Raises:
            NotAllowed: they are.
        """
        if self.scope.is_limited:
            raise NotAllowed("this is not for people or chats that are limited to some hosts")


def visible(hosts: Iterable[Host], scope: Scope) -> tuple[Host, ...]:
    """Leave out the hosts that do not exist for a scope."""
    return tuple(host for host in hosts if scope.covers(host))
