from __future__ import annotations

from datetime import datetime

import pytest

from bridge.core.logins import LoginFacts, LoginKind
from bridge.errors import Mistake, Outage
from bridge.flows.receive_login import receive_login
from bridge.metrics import Metrics
from tests.fakes.clock import NOON

TOLD = {
    "id": "e1",
    "kind": "failure",
    "user": "root",
    "address": "192.0.2.9",
    "method": "password",
    "count": 999,
    "first": NOON.timestamp(),
    "last": NOON.timestamp(),
}


class Shelf:
    """Keeps events in memory."""

    def __init__(self, *, is_broken: bool = False) -> None:
        self.kept: dict[str, LoginFacts] = {}
        self.is_broken = is_broken

    async def put(self, event: str, facts: LoginFacts, *, now: datetime) -> bool:
        assert now == NOON
        if self.is_broken:
            raise Outage("database", "the disk is full")
        is_news = event not in self.kept
        self.kept[event] = facts
        return is_news


async def test_an_event_is_kept_and_counted_once() -> None:
    metrics, shelf = Metrics("0"), Shelf()

    def count(facts: LoginFacts) -> None:
        metrics.logins.labels(facts.host, facts.kind.value).inc(facts.count)

    for is_news in (True, False):
        told = await receive_login("web-1", TOLD, logins=shelf, count=count, now=NOON)
        assert told is is_news
    assert shelf.kept["e1"].kind is LoginKind.FAILURE
    assert 'opswire_logins_total{host="web-1",kind="failure"} 999.0' in metrics.render().decode()


async def test_what_is_not_kept_is_not_counted() -> None:
    counted: list[LoginFacts] = []
    for told, shelf, fault in (
        (TOLD, Shelf(is_broken=True), Outage),
        ({"id": "e1"}, Shelf(), Mistake),
    ):
        with pytest.raises(fault):
            await receive_login("web-1", told, logins=shelf, count=counted.append, now=NOON)
    assert counted == []
