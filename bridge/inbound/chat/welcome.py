"""The first things anybody asks: what this is, who they are, and what they may do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from bridge import __version__
from bridge.core.access import Person, Scope, visible
from bridge.core.audience import Destination
from bridge.core.formatted import Content
from bridge.core.inventory import Inventory
from bridge.core.keyboards import Offer
from bridge.errors import Missing
from bridge.inbound.chat.command import Asked, Command, Commands, Family, show_example, show_usage
from bridge.views.voice import marked

_OFFERED_HOSTS = 3  # chosen: rows of the keyboard that still leave room for the chat
_PROJECT = "Opswire"
_LICENCE = "Apache-2.0"


UseCode = Callable[[Asked, str], Awaitable[Person]]
"""Gives somebody what a one-time code gives; answers who they are now."""


class Listeners(Protocol):
    """Knows which chats hear alerts."""

    async def is_subscribed(self, chat: Destination) -> bool:
        """Say whether a chat hears alerts."""
        ...


class Welcome:
    """`/start`, `/help`, `/whoami` and `/about`."""

    def __init__(
        self,
        every: Commands,
        inventory: Callable[[], Inventory],
        *,
        use_code: UseCode,
        listeners: Listeners,
    ) -> None:
        self._every = every
        self._inventory = inventory
        self._use_code = use_code
        self._listeners = listeners

    @property
    def commands(self) -> tuple[Command, ...]:
        """Declare them."""
        return (
            Command(
                name="start",
                needs=None,
                family=Family.START,
                help=marked("Welcome, and the keyboard"),
                run=self._start,
            ),
            Command(
                name="help",
                needs=None,
                family=Family.START,
                help=marked("What you may do here"),
                usage="[command]",
                example="status",
                run=self._help,
            ),
            Command(
                name="whoami",
                needs=None,
                family=Family.START,
                help=marked("Your ids, your role, and whether this chat hears alerts"),
                run=self._whoami,
            ),
            Command(
                name="about",
                aliases=("more_info_GitHub",),
                needs=None,
                family=Family.START,
                help=marked("Version, licence, project"),
                run=self._about,
            ),
        )

    async def _start(self, asked: Asked) -> Content:
        voice, actor = asked.voice, asked.actor
        if asked.words and actor.is_private:
            person = await self._use_code(asked, asked.words[0])
            text = voice.write("enrolled", role=person.role.value, name=actor.name)
            offer = _offer(person.scope.both(actor.scope), self._inventory())
            return Content(text=text, keyboard=offer)
        is_offered = actor.is_private and actor.role is not None
        keyboard = _offer(actor.scope, self._inventory()) if is_offered else None
        return Content(text=voice.write("welcome", actor=actor), keyboard=keyboard)

    async def _help(self, asked: Asked) -> Content:
        if asked.words:
            return self._explain(asked, asked.words[0].removeprefix("/"))
        families = [(family, _lines(self._every, asked, family)) for family in Family]
        families = [(family, lines) for family, lines in families if lines]
        return Content(text=asked.voice.write("help", families=families, actor=asked.actor))

    def _explain(self, asked: Asked, name: str) -> Content:
        """Say how one command is called."""
        found = self._every.find(name)
        if found is None or not asked.actor.may(found.needs):
            raise Missing("There is no /%(command)s.", command=name)
        text = asked.voice.write(
            "help_one",
            purpose=asked.voice.say(found.help),
            usage=show_usage(found),
            example=show_example(found, asked.actor.scope, self._inventory()),
            aliases=[f"/{each}" for each in found.aliases],
            role=found.needs.value if found.needs else "",
        )
        return Content(text=text)

    async def _whoami(self, asked: Asked) -> Content:
        is_subscribed = await self._listeners.is_subscribed(asked.actor.chat)
        text = asked.voice.write("whoami", actor=asked.actor, is_subscribed=is_subscribed)
        return Content(text=text)

    async def _about(self, asked: Asked) -> Content:
        text = asked.voice.write("about", name=_PROJECT, version=__version__, licence=_LICENCE)
        return Content(text=text)


def _lines(commands: Commands, asked: Asked, family: Family) -> Sequence[tuple[str, str]]:
    """List what a person may call of a family: how, and what for."""
    return [
        (show_usage(each), asked.voice.say(each.help))
        for each in commands
        if each.family is family and each.is_listed and asked.actor.may(each.needs)
    ]


def _offer(scope: Scope, inventory: Inventory) -> Offer:
    """Offer what is asked most, with the hosts that exist for this person."""
    hosts = [each.name for each in visible(inventory.hosts, scope)][:_OFFERED_HOSTS]
    rows: list[tuple[str, ...]] = [("/status", "/alerts", "/agents")]
    rows += [(f"/status {host}", f"/mon_cpu_picture {host} 60") for host in hosts]
    return Offer((*rows, ("/stat", "/settings", "/help")))
