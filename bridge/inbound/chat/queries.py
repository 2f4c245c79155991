"""Questions of one's own: `/query`."""

from __future__ import annotations

import asyncio
from typing import Protocol

from bridge.core.access import Role
from bridge.core.answers import Answer
from bridge.core.formatted import Content
from bridge.core.keyboards import PRESS_BYTES, Button, Keyboard
from bridge.flows.run_query import run_query
from bridge.inbound.chat.command import Asked, Command, Family, require_words
from bridge.inbound.chat.hosts import read_promql
from bridge.inbound.chat.offers import AGAIN
from bridge.views.query_table import write_answer
from bridge.views.voice import marked


class Prometheus(Protocol):
    """Answers any query, within bounds."""

    async def fetch_values(self, promql: str) -> Answer:
        """Ask for the values of this moment."""
        ...


class Queries:
    """`/query`."""

    def __init__(self, *, prometheus: Prometheus) -> None:
        self._prometheus = prometheus

    @property
    def commands(self) -> tuple[Command, ...]:
        """Declare it."""
        return (
            Command(
                name="query",
                needs=Role.VIEWER,
                family=Family.LOOK,
                help=marked("Any question in PromQL, answered as a table"),
                usage="<promql>",
                example='up{job="node"}',
                run=self._query,
            ),
        )

    async def _query(self, asked: Asked) -> Content:
        asked.actor.require_everywhere()
        require_words(asked, 1, len(asked.words))
        promql = read_promql(asked.text)
        answer = await run_query(promql, actor=asked.actor, prometheus=self._prometheus)
        # A long answer is put into words beside the loop: others wait for theirs.
        content = await asyncio.to_thread(write_answer, asked.voice, promql, answer)
        press = f"query {promql}"
        if len(press.encode()) > PRESS_BYTES or content.attachment:
            return content
        again = Keyboard(((Button(label=AGAIN, press=press),),))
        return Content(text=content.text, keyboard=again)
