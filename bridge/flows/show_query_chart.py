"""A picture of a person's own query, for those who may see every host."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Protocol

from bridge.core.access import Actor
from bridge.core.answers import Answer
from bridge.core.charts import ChartFacts, Facts, compose_query_chart
from bridge.core.formatted import Content
from bridge.core.promql import choose_moments, step_for
from bridge.core.windows import Window
from bridge.errors import Outage
from bridge.logs import create_log
from bridge.views.locale import DEFAULT_LANGUAGE
from bridge.views.pictures import create_look, write_caption
from bridge.views.voice import Voice

_log = create_log(__name__)


class Prometheus(Protocol):
    """Answers any query about the past, within bounds."""

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


async def show_query_chart(
    promql: str,
    window: Window,
    *,
    actor: Actor,
    prometheus: Prometheus,
    artist: Artist,
    voice: Voice,
    scrape: timedelta,
) -> Content:
    """Draw what somebody typed.

    Raises:
        NotAllowed: they are limited to some hosts, and a query may be about any.
        Mistake: the query makes no sense; in Prometheus's words.
        Outage: Prometheus cannot be asked.
        TooMuch: too many pictures are being drawn.
    """
    actor.require_everywhere()
    step = step_for(window, scrape)
    start, end = choose_moments(window, step=step, scrape=scrape)
    answer = await prometheus.fetch_range(promql, start, end, step)

    async def compose(language: str) -> ChartFacts:
        # Thousands of points are read beside the loop.
        look = create_look(voice, language)
        return await asyncio.to_thread(
            compose_query_chart, promql, answer, window=window, step=step, look=look
        )

    told = await compose(voice.language)
    photo, trouble = None, voice.say("no data")
    if any(curve.points for curve in told.curves):
        language = artist.choose_language(voice.language, DEFAULT_LANGUAGE)
        drawn = told if language == voice.language else await compose(language)
        photo, trouble = await _draw(drawn, artist, voice)
    caption = write_caption(voice, told, window, trouble=trouble, warnings=answer.warnings)
    return Content(text=caption, photo=photo)


async def _draw(facts: ChartFacts, artist: Artist, voice: Voice) -> tuple[bytes | None, str]:
    """Draw it; where that fails the numbers below it are still worth telling."""
    try:
        return await artist.draw(facts), ""
    except Outage as outage:
        _log.warning(outage.sentence, action="draw")
        return None, voice.say("The picture itself could not be drawn.")
