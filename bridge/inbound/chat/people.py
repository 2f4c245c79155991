"""Who may use the bot: letting people in, changing what they may, and taking it away."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

from bridge.core.access import Actor, Person, Role, Scope, parse_role, parse_scope
from bridge.core.formatted import Content
from bridge.errors import Mistake, Refused
from bridge.inbound.chat.command import Asked, Command, Family, require_words
from bridge.views.voice import Voice, marked

_ID: Final = re.compile(r"[1-9][0-9]{0,15}")  # Bot API: a user id fits 52 bits
_ROLES: Final = frozenset(each.value for each in Role)
Tell = Callable[[int, Role | None, Voice], Awaitable[None]]
"""Brings a person's menu in line with their role."""


class People(Protocol):
    """Everybody who has a role."""

    async def list_all(self) -> Sequence[Person]:
        """List them, the most powerful first."""
        ...

    async def let_in(self, user_id: int, role: Role, scope: Scope, *, by: Actor) -> Person:
        """Give somebody a role, or another one."""
        ...

    async def remove(self, user_id: int, *, by: Actor) -> Person:
        """Take a person's role away."""
        ...

    async def invite(self, role: Role, scope: Scope, *, by: Actor) -> str:
        """Make a one-time code; give the link that carries it, or the line to write."""
        ...


class PeopleCommands:
    """`/users`, `/adduser` and `/rmuser`."""

    def __init__(self, people: People, tell: Tell) -> None:
        self._people = people
        self._tell = tell

    @property
    def commands(self) -> tuple[Command, ...]:
        """Declare them."""
        return (
            Command(
                name="users",
                needs=Role.ADMIN,
                family=Family.PEOPLE,
                help=marked("Who may use me, and for what"),
                run=self._list,
            ),
            Command(
                name="adduser",
                needs=Role.ADMIN,
                family=Family.PEOPLE,
                help=marked("Let somebody in, by id or by a one-time link"),
                usage="[id] viewer|operator|admin [label=value …]",
                example="52341678 viewer group=db",
                changes=True,
                run=self._add,
            ),
            Command(
                name="rmuser",
                needs=Role.ADMIN,
                family=Family.PEOPLE,
                help=marked("Take somebody's role away"),
                usage="<id>",
                example="52341678",
                changes=True,
                run=self._remove,
            ),
        )

    async def _list(self, asked: Asked) -> Content:
        require_words(asked, 0, 0)
        people = await self._people.list_all()
        return Content(text=asked.voice.write("users", people=people, me=asked.actor.user_id))

    async def _add(self, asked: Asked) -> Content:
        require_words(asked, 1, 20)
        first, *rest = asked.words
        if first.casefold() in _ROLES:
            return await self._invite(asked, parse_role(first), parse_scope(rest))
        user_id = parse_user_id(first)
        if not rest:
            raise Mistake("Which role shall %(id)s have?", id=user_id)
        role, scope = parse_role(rest[0]), parse_scope(rest[1:])
        person = await self._people.let_in(user_id, role, scope, by=asked.actor)
        await self._tell(user_id, role, asked.voice)
        return Content(text=asked.voice.write("user_added", person=person))

    async def _invite(self, asked: Asked, role: Role, scope: Scope) -> Content:
        if not asked.actor.is_private:
            raise Refused("A link is given in your private chat with me only.")
        link = await self._people.invite(role, scope, by=asked.actor)
        return Content(text=asked.voice.write("invitation", link=link, role=role, scope=scope))

    async def _remove(self, asked: Asked) -> Content:
        require_words(asked, 1, 1)
        user_id = parse_user_id(asked.words[0])
        person = await self._people.remove(user_id, by=asked.actor)
        await self._tell(user_id, None, asked.voice)
        return Content(text=asked.voice.write("user_removed", person=person))


def parse_user_id(word: str) -> int:
    """Read a person's number.

    Raises:
        Mistake: it is none; names are no identity.
    """
    if _ID.fullmatch(word) is None:
        raise Mistake(
            "%(word)s is no user id; it is a number, and /whoami shows everybody their own",
            word=word,
        )
    return int(word)
