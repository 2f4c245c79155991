"""Pictures: `/mon_cpu_picture` and its like, `/graph` and `/graph_query`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final, Protocol

from bridge.core.access import Role
from bridge.core.answers import Answer
from bridge.core.charts import Facts
from bridge.core.formatted import Content
from bridge.core.keyboards import name_host
from bridge.core.promql import CPU, DISK, LOAD, MEMORY, NETWORK, Metric
from bridge.core.readings import Condition
from bridge.core.windows import last, parse_wish, split_minutes
from bridge.flows.draw_memory import draw_memory
from bridge.flows.examine_host import examine_host
from bridge.flows.show_chart import show_chart
from bridge.flows.show_query_chart import show_query_chart
from bridge.inbound.chat.command import Asked, Command, Family, require_words
from bridge.inbound.chat.hosts import Hosts, read_promql, tell_trouble, tell_warnings
from bridge.inbound.chat.offers import (
    PICTURES,
    offer_after_line,
    offer_other_pictures,
    offer_spans,
)
from bridge.views.readings import write_line, write_nothing
from bridge.views.voice import marked

_QUERY_SPAN: Final = timedelta(hours=1)
"""Of the picture of a query that names none."""
_MINUTE: Final = timedelta(minutes=1)


class Prometheus(Protocol):
    """Answers questions about hosts, now and in the past."""

    async def fetch_fleet(self, promql: str) -> Answer:
        """Ask for the values of this moment, or raise Outage."""
        ...

    async def fetch_range(self, promql: str, start: int, end: int, step: timedelta) -> Answer:
        """Ask for the values of a stretch of time."""
        ...


class Artist(Protocol):
    """Draws pictures."""

    async def draw(self, facts: Facts) -> bytes:
        """Draw one as a PNG; raise Outage, or TooMuch where too many wait."""
        ...

    def choose_language(self, wanted: str, otherwise: str) -> str:
        """Choose a language that its fonts can write."""
        ...


@dataclass(frozen=True, kw_only=True)
class Times:
    """What the settings say about samples."""

    scrape: timedelta
    """How often Prometheus takes one."""
    retention: timedelta
    """How long it keeps it."""


_HELP: Final = (
    (CPU, marked("Processors over time")),
    (MEMORY, marked("Memory over time")),
    (DISK, marked("File systems over time")),
    (NETWORK, marked("Network over time")),
    (LOAD, marked("Load over time")),
)


class Pictures:
    """The commands that answer with a picture."""

    def __init__(
        self, hosts: Hosts, *, prometheus: Prometheus, artist: Artist, times: Times
    ) -> None:
        self._hosts = hosts
        self._prometheus = prometheus
        self._artist = artist
        self._times = times

    @property
    def commands(self) -> tuple[Command, ...]:
        """Declare them."""
        pictures = (
            Command(
                name=PICTURES[metric.key],
                needs=Role.VIEWER,
                family=Family.CHARTS,
                help=purpose,
                usage="[host] [[hhmm] minutes]",
                example="{host} 60",
                run=partial(self._picture, metric),
            )
            for metric, purpose in _HELP
        )
        return (
            *pictures,
            Command(
                name="graph",
                needs=Role.VIEWER,
                family=Family.CHARTS,
                help=marked("Memory as a pie"),
                usage="[host]",
                example="{host}",
                run=self._pie,
            ),
            Command(
                name="graph_query",
                needs=Role.VIEWER,
                family=Family.CHARTS,
                help=marked("Any question in PromQL over time"),
                usage="<promql> [minutes]",
                example="rate(node_context_switches_total[5m]) 60",
                run=self._query,
            ),
        )

    async def _picture(self, metric: Metric, asked: Asked) -> Content:
        """Draw a metric of a host."""
        voice = asked.voice
        wish = parse_wish(
            asked.words, now=voice.now, zone=voice.zone, retention=self._times.retention
        )
        host = self._hosts.choose(asked, wish.host)
        content = await show_chart(
            metric,
            host,
            wish.window,
            prometheus=self._prometheus,
            artist=self._artist,
            voice=voice,
            scrape=self._times.scrape,
            tell_warnings=partial(tell_warnings, asked),
        )
        times = " ".join(asked.words[wish.host is not None :])
        command = f"{PICTURES[metric.key]} {name_host(host.name)}"
        keyboard = offer_spans(
            voice,
            command,
            again=f"{command} {times}".strip(),
            others=offer_other_pictures(voice, host, metric, times),
        )
        return Content(text=content.text, photo=content.photo, keyboard=keyboard)

    async def _query(self, asked: Asked) -> Content:
        """Draw somebody's own query."""
        asked.actor.require_everywhere()
        require_words(asked, 1, len(asked.words))
        voice = asked.voice
        promql, span = split_minutes(read_promql(asked.text), retention=self._times.retention)
        content = await show_query_chart(
            promql,
            last(span or _QUERY_SPAN, voice.now),
            actor=asked.actor,
            prometheus=self._prometheus,
            artist=self._artist,
            voice=voice,
            scrape=self._times.scrape,
        )
        again = f"graph_query {promql} {(span or _QUERY_SPAN) // _MINUTE}"
        keyboard = offer_spans(voice, f"graph_query {promql}", again=again)
        return Content(text=content.text, photo=content.photo, keyboard=keyboard)

    async def _pie(self, asked: Asked) -> Content:
        """Draw the memory of a host as a pie."""
        require_words(asked, 0, 1)
        voice = asked.voice
        host = self._hosts.choose(asked, asked.words[0] if asked.words else None)
        examined = await examine_host(
            host, prometheus=self._prometheus, now=voice.now, scrape=self._times.scrape
        )
        keyboard = offer_after_line(voice, host, "graph", MEMORY)
        memory, condition = examined.machine.memory, examined.condition
        if condition in {Condition.FRESH, Condition.OLD} and memory is None:
            condition = Condition.ABSENT
        trouble = tell_trouble(asked, examined, condition, MEMORY)
        warnings = tell_warnings(asked, examined.warnings)
        if memory is None or condition not in {Condition.FRESH, Condition.OLD}:
            title = voice.say(MEMORY.title)
            text = write_nothing(host.name, title, trouble, voice, warnings)
            return Content(text=text, keyboard=keyboard)
        photo = await draw_memory(host.name, memory, artist=self._artist, voice=voice)
        if photo is None:
            trouble = voice.say("The picture itself could not be drawn.")
        caption = write_line(
            voice,
            "ram",
            presence=examined.presence,
            machine=examined.machine,
            trouble=trouble,
            warnings=warnings,
        )
        return Content(text=caption, photo=photo, keyboard=keyboard)
