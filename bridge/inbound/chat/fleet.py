"""All hosts, and each of them: `/agents`, `/status` and `/stat`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final, Protocol

from bridge import limits
from bridge.core.access import Role
from bridge.core.answers import Answer
from bridge.core.formatted import Content, Formatted
from bridge.core.inventory import Host
from bridge.core.keyboards import Button, Keyboard
from bridge.core.pages import choose_page, cut_page
from bridge.core.told import Inside
from bridge.core.typed import show_word
from bridge.errors import Mistake
from bridge.flows.examine_host import examine_host
from bridge.flows.list_hosts import list_hosts
from bridge.flows.sum_up_fleet import Alerts, sum_up_fleet
from bridge.inbound.chat.command import Asked, Command, Family, require_words
from bridge.inbound.chat.hosts import Hosts, tell_trouble, tell_warnings
from bridge.inbound.chat.offers import (
    AGAIN,
    offer_after_card,
    offer_after_summary,
    offer_hosts,
    offer_pages,
)
from bridge.views.hosts import write_hosts
from bridge.views.machine import write_machine_card
from bridge.views.summary import write_summary
from bridge.views.voice import marked

_ALL: Final = "all"


class Prometheus(Protocol):
    """Answers questions about all hosts."""

    async def fetch_fleet(self, promql: str) -> Answer:
        """Ask for the values of this moment, or raise Outage."""
        ...


LookInside = Callable[[Host], Awaitable[Inside | None]]
"""Asks a host's agent for what only it knows."""


class Fleet:
    """`/agents`, `/status` and `/stat`."""

    def __init__(
        self,
        hosts: Hosts,
        *,
        prometheus: Prometheus,
        alerts: Alerts,
        scrape: timedelta,
        look_inside: LookInside | None = None,
    ) -> None:
        self._hosts = hosts
        self._prometheus = prometheus
        self._alerts = alerts
        self._scrape = scrape
        self._look_inside = look_inside

    @property
    def commands(self) -> tuple[Command, ...]:
        """Declare them."""
        return (
            Command(
                name="agents",
                aliases=("hosts",),
                needs=Role.VIEWER,
                family=Family.LOOK,
                help=marked("Every host: up or down since when, availability"),
                usage="[all]",
                example="all",
                run=self._agents,
            ),
            Command(
                name="status",
                needs=Role.VIEWER,
                family=Family.LOOK,
                help=marked("All hosts in one look, or everything about one"),
                usage="[host]",
                example="{host}",
                run=self._status,
            ),
            Command(
                name="stat",
                needs=Role.VIEWER,
                family=Family.LOOK,
                help=marked("Choose a host, then everything about it"),
                run=self._stat,
            ),
        )

    async def _agents(self, asked: Asked) -> Content:
        is_all, wanted = _read_list(asked)
        hosts = self._hosts.visible(asked)
        listed = await list_hosts(
            hosts,
            asked.actor.scope,
            prometheus=self._prometheus,
            now=asked.voice.now,
            wanted=wanted,
            size=limits.FLEET_PAGE,
            with_others=is_all,
        )
        page = listed.page
        text = write_hosts(
            asked.voice,
            listed.states,
            listed.hosts,
            listed.others,
            page=page,
            warnings=tell_warnings(asked, listed.warnings),
        )
        command = f"agents {_ALL}" if is_all else "agents"
        again = Button(label=AGAIN, press=f"{command} {page.number}")
        row = offer_pages(command, page.number, page.pages, again)
        return Content(text=text, keyboard=Keyboard((row,)))

    async def _status(self, asked: Asked) -> Content:
        require_words(asked, 0, 1)
        if asked.words:
            return await self._card(asked, self._hosts.choose(asked, asked.words[0]))
        voice = asked.voice
        summary = await sum_up_fleet(
            self._hosts.visible(asked),
            asked.actor.scope,
            prometheus=self._prometheus,
            alerts=self._alerts,
            now=voice.now,
        )
        text = write_summary(
            voice,
            states=summary.states,
            worst=summary.worst,
            firing=summary.firing,
            checks=summary.checks,
            outage=summary.outage,
            warnings=tell_warnings(asked, summary.warnings),
        )
        return Content(text=text, keyboard=offer_after_summary(voice, summary.worst))

    async def _stat(self, asked: Asked) -> Content:
        require_words(asked, 0, 1)
        if asked.words and not asked.words[0].isdecimal():
            return await self._card(asked, self._hosts.choose(asked, asked.words[0]))
        hosts = self._hosts.visible(asked)
        if not hosts:
            return Content(text=Formatted(_hint(asked)))
        size = limits.STAT_PAGE
        page = choose_page(_read_page(asked.words), len(hosts), size)
        turning = offer_pages("stat", page.number, page.pages)
        return Content(
            text=Formatted(asked.voice.say("Which host?")),
            keyboard=offer_hosts(cut_page(hosts, page, size), turning),
        )

    async def _card(self, asked: Asked, host: Host) -> Content:
        voice = asked.voice
        examined, inside = await asyncio.gather(
            examine_host(host, prometheus=self._prometheus, now=voice.now, scrape=self._scrape),
            self._ask_inside(host),
        )
        text = write_machine_card(
            voice,
            presence=examined.presence,
            machine=examined.machine,
            condition=examined.condition,
            trouble=tell_trouble(asked, examined, examined.condition),
            warnings=tell_warnings(asked, examined.warnings),
            inside=inside,
        )
        return Content(text=text, keyboard=offer_after_card(voice, host, "status"))

    async def _ask_inside(self, host: Host) -> Inside | None:
        if self._look_inside is None or not host.agent_address:
            return None
        return await self._look_inside(host)


def _read_list(asked: Asked) -> tuple[bool, int]:
    """Read `[all] [page]`."""
    require_words(asked, 0, 2)
    words = [each.casefold() for each in asked.words]
    is_all = words[:1] == [_ALL]
    rest = words[1:] if is_all else words
    if len(rest) > 1 or not all(each.isdecimal() for each in rest):
        word = next(each for each in rest if not each.isdecimal() or each is rest[-1])
        raise Mistake("%(word)s makes no sense here; write all, or nothing.", word=show_word(word))
    return is_all, _read_page(rest)


def _read_page(words: tuple[str, ...] | list[str]) -> int:
    """Read the number of a page; what no list is long enough for is the last one."""
    return int(words[0][:9]) if words else 1


def _hint(asked: Asked) -> str:
    """Say how hosts come here, to whoever can see to it."""
    voice, actor = asked.voice, asked.actor
    sentence = voice.say("There are no hosts here yet.")
    if actor.role is Role.ADMIN and not actor.scope.is_limited:
        hint = voice.say("A line in agents.txt adds one: %(line)s", line="web-1 192.0.2.10:9100")
        sentence = f"{sentence} {hint}"
    return sentence
