"""Who may use the bot: letting people in, changing what they may, and taking it away."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final, Protocol

from bridge.core.access import Person, Role, parse_role, parse_scope
from bridge.core.audit import Entry
from bridge.core.enrolment import Change, Grant, parse_user
from bridge.core.formatted import Content
from bridge.errors import Mistake, Refused
from bridge.inbound.chat.command import Asked, Command, Family, require_words, write_entry
from bridge.views.voice import Voice, marked

_ROLES: Final = frozenset(each.value for each in Role)
Tell = Callable[[int, Role | None, Voice], Awaitable[None]]
"""Brings a person's menu in line with their role."""


class People(Protocol):
    """Everybody who has a role."""

    async def all(self) -> Sequence[Person]:
        """List them, the most powerful first."""
        ...

    async def put(
        self, user_id: int, grant: Grant, *, by: int | None, entry: Entry, now: datetime
    ) -> Change:
        """Give somebody a role and limits in the place of the former."""
        ...

    async def remove(self, user_id: int, *, entry: Entry, now: datetime) -> Change:
        """Take somebody's role."""
        ...


class Invite(Protocol):
    """Makes one-time codes."""

    async def __call__(self, grant: Grant, asked: Asked) -> str:
        """Give the link that carries a fresh code, or the line to write to the bot."""
        ...


class PeopleCommands:
    """`/users`, `/adduser` and `/rmuser`."""

    def __init__(self, people: People, invite: Invite, tell: Tell) -> None:
        self._people = people
        self._invite = invite
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
                is_booked=True,
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
                is_booked=True,
                run=self._remove,
            ),
        )

    async def _list(self, asked: Asked) -> Content:
        require_words(asked, 0, 0)
        asked.actor.require_everywhere()
        people = await self._people.all()
        return Content(
            text=asked.voice.write_list("users", "people", people, me=asked.actor.user_id)
        )

    async def _add(self, asked: Asked) -> Content:
        require_words(asked, 1, 20)
        first, *rest = asked.words
        if first.casefold() in _ROLES:
            return await self._hand_out(
                asked, Grant(role=parse_role(first), scope=parse_scope(rest))
            )
        user_id = parse_user(first)
        if not rest:
            raise Mistake("Which role shall %(id)s have?", id=user_id)
        grant = Grant(role=parse_role(rest[0]), scope=parse_scope(rest[1:]))
        change = await self._people.put(
            user_id,
            grant,
            by=asked.actor.user_id,
            entry=write_entry(asked, on=str(user_id)),
            now=asked.voice.now,
        )
        await self._tell(user_id, grant.role, asked.voice)
        name = change.former.name if change.former else ""
        person = Person(user_id=user_id, role=grant.role, scope=grant.scope, name=name)
        return Content(text=asked.voice.write("user_added", person=person, change=change))

    async def _hand_out(self, asked: Asked, grant: Grant) -> Content:
        if not asked.actor.is_private:
            raise Refused("A link is given in your private chat with me only.")
        link = await self._invite(grant, asked)
        return Content(text=asked.voice.write("invitation", link=link, grant=grant))

    async def _remove(self, asked: Asked) -> Content:
        require_words(asked, 1, 1)
        user_id = parse_user(asked.words[0])
        entry = write_entry(asked, on=str(user_id))
        change = await self._people.remove(user_id, entry=entry, now=asked.voice.now)
        await self._tell(user_id, None, asked.voice)
        return Content(text=asked.voice.write("user_removed", change=change))
