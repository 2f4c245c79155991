"""What a host does now: `/mon_cpu` and its like, and the single lines `/cpu` and its like."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final, Protocol

from bridge.core.access import Role
from bridge.core.answers import Answer
from bridge.core.formatted import Content
from bridge.core.promql import CPU, DISK, MEMORY, NETWORK, UPTIME, Metric
from bridge.core.readings import Condition
from bridge.flows.examine_host import examine_host
from bridge.flows.read_metric import read_metric
from bridge.inbound.chat.command import Asked, Command, Family, require_words
from bridge.inbound.chat.hosts import Hosts, tell_trouble, tell_warnings
from bridge.inbound.chat.offers import offer_after_line, offer_after_reading
from bridge.views.readings import has_line, write_line, write_nothing, write_reading
from bridge.views.standing import write_condition
from bridge.views.voice import marked


class Prometheus(Protocol):
    """Answers questions about a host."""

    async def fetch_fleet(self, promql: str) -> Answer:
        """Ask for the values of this moment, or raise Outage."""
        ...


@dataclass(frozen=True, kw_only=True)
class _Now:
    """A command that tells what a metric is now."""

    name: str
    metric: Metric
    help: str


@dataclass(frozen=True, kw_only=True)
class _Line:
    """A command that answers with one line."""

    name: str
    metric: Metric
    picture: Metric | None
    help: str


_NOW: Final = (
    _Now(name="mon_cpu", metric=CPU, help=marked("How busy the processors are now")),
    _Now(name="mon_mem", metric=MEMORY, help=marked("How much memory is used now")),
    _Now(name="mon_disk", metric=DISK, help=marked("How full each file system is now")),
    _Now(name="mon_net", metric=NETWORK, help=marked("What goes in and out over the network now")),
)
_LINES: Final = (
    _Line(name="cpu", metric=CPU, picture=CPU, help=marked("Processors and load in one line")),
    _Line(name="ram", metric=MEMORY, picture=MEMORY, help=marked("Memory in one line")),
    _Line(name="disk", metric=DISK, picture=DISK, help=marked("The fullest disk in one line")),
    _Line(name="uptime", metric=UPTIME, picture=None, help=marked("How long it has been running")),
)


class Readings:
    """`/mon_cpu`, `/mon_mem`, `/mon_disk`, `/mon_net`, `/cpu`, `/ram`, `/disk` and `/uptime`."""

    def __init__(self, hosts: Hosts, *, prometheus: Prometheus, scrape: timedelta) -> None:
        self._hosts = hosts
        self._prometheus = prometheus
        self._scrape = scrape

    @property
    def commands(self) -> tuple[Command, ...]:
        """Declare them."""
        now = (
            Command(
                name=each.name,
                aliases=() if each.metric is NETWORK else (f"{each.name}_local",),
                needs=Role.VIEWER,
                family=Family.LOOK,
                help=each.help,
                usage="[host]",
                example="{host}",
                run=partial(self._read, each),
            )
            for each in _NOW
        )
        lines = (
            Command(
                name=each.name,
                needs=Role.VIEWER,
                family=Family.LOOK,
                help=each.help,
                usage="[host]",
                example="{host}",
                run=partial(self._line, each),
            )
            for each in _LINES
        )
        return (*now, *lines)

    async def _read(self, which: _Now, asked: Asked) -> Content:
        """Tell what a metric of a host is now."""
        require_words(asked, 0, 1)
        voice, metric = asked.voice, which.metric
        host = self._hosts.choose(asked, asked.words[0] if asked.words else None)
        measured = await read_metric(
            metric, host.name, prometheus=self._prometheus, now=voice.now, scrape=self._scrape
        )
        trouble = write_condition(
            voice,
            measured.reading.condition,
            host=host.name,
            at=measured.reading.at,
            since=measured.since,
            seen_at=measured.seen_at,
            title=voice.say(metric.title),
        )
        text = write_reading(
            voice,
            measured.reading,
            free=measured.free,
            trouble=trouble,
            warnings=tell_warnings(asked, measured.warnings),
        )
        return Content(text=text, keyboard=offer_after_reading(voice, host, metric))

    async def _line(self, which: _Line, asked: Asked) -> Content:
        """Tell something about a host in one line."""
        require_words(asked, 0, 1)
        voice = asked.voice
        host = self._hosts.choose(asked, asked.words[0] if asked.words else None)
        examined = await examine_host(
            host, prometheus=self._prometheus, now=voice.now, scrape=self._scrape
        )
        condition = examined.condition
        is_there = condition in {Condition.FRESH, Condition.OLD}
        if is_there and not has_line(which.name, examined.machine):
            condition = Condition.ABSENT
        trouble = tell_trouble(asked, examined, condition, which.metric)
        warnings = tell_warnings(asked, examined.warnings)
        keyboard = offer_after_line(voice, host, which.name, which.picture)
        if condition in {Condition.FRESH, Condition.OLD}:
            text = write_line(
                voice,
                which.name,
                presence=examined.presence,
                machine=examined.machine,
                trouble=trouble,
                warnings=warnings,
            )
        else:
            title = voice.say(which.metric.title)
            text = write_nothing(host.name, title, trouble, voice, warnings)
        return Content(text=text, keyboard=keyboard)
