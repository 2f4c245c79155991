"""A picture of a metric of a host: asked for, drawn, and told in numbers below."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Protocol

from bridge.core.answers import Answer
from bridge.core.charts import ChartFacts, Facts, compose_chart
from bridge.core.formatted import Content
from bridge.core.inventory import Host
from bridge.core.presence import State, read_presence, write_presence
from bridge.core.promql import Metric, choose_moments, step_for, write_last_seen, write_range
from bridge.core.readings import Condition, read_last_seen
from bridge.core.windows import Window
from bridge.errors import Outage
from bridge.logs import create_log
from bridge.views.locale import DEFAULT_LANGUAGE
from bridge.views.pictures import create_look, write_caption, write_silence
from bridge.views.standing import write_condition
from bridge.views.voice import Voice

_log = create_log(__name__)


class Prometheus(Protocol):
    """Answers questions about a host, now and in the past."""

    async def fetch_fleet(self, promql: str) -> Answer:
        """Ask for the values of this moment, or raise Outage."""
        ...

    async def fetch_range(self, promql: str, start: int, end: int, step: timedelta) -> Answer:
        """Ask for the values of a stretch of time, or raise Outage."""
        ...


class Artist(Protocol):
    """Draws pictures."""

    async def draw(self, facts: Facts) -> bytes:
        """Draw one as a PNG; raise Outage, or TooMuch where too many wait."""
        ...

    def choose_language(self, wanted: str, otherwise: str) -> str:
        """Choose a language that its fonts can write."""
        ...


async def show_chart(
    metric: Metric,
    host: Host,
    window: Window,
    *,
    prometheus: Prometheus,
    artist: Artist,
    voice: Voice,
    scrape: timedelta,
    tell_warnings: Callable[[Sequence[str]], Sequence[str]],
) -> Content:
    """Draw a metric of a host over some time; where there is nothing, say so and why.

    The words are the chat's; those in the picture are English where no font here can write them.
    `tell_warnings` says what of Prometheus's warnings may be told there.

    Raises:
        Outage: Prometheus cannot be asked.
        TooMuch: too many pictures are being drawn.
    """
    step = step_for(window, scrape)
    start, end = choose_moments(window, step=step, scrape=scrape)
    question = write_range(metric, host.name, step=step, scrape=scrape)
    answer = await prometheus.fetch_range(question, start, end, step)

    async def compose(language: str) -> ChartFacts:
        # Thousands of points are read beside the loop.
        look = create_look(voice, language)
        return await asyncio.to_thread(
            compose_chart, metric, host.name, answer, window=window, step=step, look=look
        )

    told = await compose(voice.language)
    dashboard = voice.dashboards.find_metric(host.name, metric.key, window.start, window.end)
    warnings = tell_warnings(answer.warnings)
    photo = None
    if any(curve.points for curve in told.curves):
        language = artist.choose_language(voice.language, DEFAULT_LANGUAGE)
        drawn = told if language == voice.language else await compose(language)
        photo, trouble = await _draw(drawn, artist, voice)
    else:
        trouble = await _explain(metric, host, window, prometheus=prometheus, voice=voice)
    caption = write_caption(
        voice, told, window, trouble=trouble, warnings=warnings, dashboard=dashboard
    )
    return Content(text=caption, photo=photo)


async def _draw(facts: ChartFacts, artist: Artist, voice: Voice) -> tuple[bytes | None, str]:
    """Draw it; where that fails the numbers below it are still worth telling."""
    try:
        return await artist.draw(facts), ""
    except Outage as outage:
        _log.warning(outage.sentence, action="draw")
        return None, voice.say("The picture itself could not be drawn.")


async def _explain(
    metric: Metric, host: Host, window: Window, *, prometheus: Prometheus, voice: Voice
) -> str:
    """Say why there is nothing to draw: the host is down, or when there last was something."""
    who, last = await asyncio.gather(
        prometheus.fetch_fleet(write_presence([host.name], with_shares=False)),
        prometheus.fetch_fleet(write_last_seen(metric, host.name)),
    )
    (presence,) = read_presence(who.values, [host], now=voice.now)
    seen_at = read_last_seen(last.values)
    if presence.state is State.DOWN:
        return write_condition(
            voice,
            Condition.DOWN,
            host=host.name,
            at=None,
            since=presence.since,
            seen_at=seen_at,
        )
    return write_silence(voice, window, seen_at, name=host.name)
