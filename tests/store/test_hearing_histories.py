"""Chats come, go, choose and are limited at random; nothing is lost, and nobody hears too much."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from random import Random

import pytest
from sqlalchemy import select

from bridge.core.access import EVERYWHERE, Scope
from bridge.core.audience import Destination
from bridge.core.cards import CardFacts
from bridge.core.hearing import Hearing
from bridge.core.inventory import Host
from bridge.core.outbox import Kind
from bridge.errors import Missing, Mistake
from bridge.store.cards import touch_cards_of
from bridge.store.places import find_hearing
from bridge.store.tables import messages
from tests.store.histories import TOPIC, History
from tests.store.stage import ADA, BOB, MINUTE, OPS, Stage, members

SEEDS = range(*map(int, os.environ.get("HISTORIES", "6").split(",")))
EVA = Destination(1003)
WORDS = (
    "notify all",
    "notify critical",
    "notify off",
    "notify default",
    "kinds -down",
    "kinds all",
    "quiet 00:00-23:59",
    "language ru",
)


def find_host(name: str) -> Host | None:
    """Know every host of these histories; its group is a label."""
    if not name.startswith("g"):
        return None
    group = name.partition("-")[0]
    return Host(name=name, node_address="", labels={"group": group}, line=1)


class HearingHistory(History):
    """A history in which the chats are not settled."""

    async def _step(self) -> None:
        if self.chance.random() < 0.12:
            await self._change_chat()
        else:
            await super()._step()

    async def _change_chat(self) -> None:
        stage = self.stage
        here = await stage.destinations.moved(self.chance.choice((OPS, ADA, BOB, EVA, TOPIC)))
        what = self.chance.randrange(5)
        if what == 0:
            await stage.subscribe(here)
        elif what == 1:
            with suppress(Mistake, Missing):
                await stage.chats.unsubscribe(here, now=stage.now)
        elif what == 2:
            await stage.choose(here, self.chance.choice(WORDS))
        elif what == 3:
            some = [self.chance.randint(1, 40) for _ in range(3)]
            await stage.database.write(lambda c: touch_cards_of(c, some, stage.now))
        else:
            names = self.chance.sample(list(self.groups), self.chance.randint(1, 2))
            scope = Scope((("group", frozenset(names)),))
            chosen = self.chance.choice((EVERYWHERE, scope))
            await stage.chats.limit(here, chosen, now=stage.now)

    async def hearing(self) -> Hearing:
        """Tell who hears what now."""
        settled = self.stage.hearing
        return await self.stage.database.read(lambda c: find_hearing(c, settled))

    async def _claim(self) -> None:
        before = dict(self.under_way)
        await super()._claim()
        known = await self.hearing()
        for chat, message in self.under_way.items():
            if chat in before or message.kind is Kind.NOTICE:
                continue
            here = message.destination
            own = {*known.subscribed, known.fallback, TOPIC, Destination(TOPIC.chat_id)}
            assert here in own, (here, message)
            if message.kind is not Kind.UNREADABLE and message.kind is not Kind.LIST:
                for each in members(message):
                    assert known.covers(here, each.labels), (here, each)

    async def judge(self) -> None:
        """Hold what the subscribed chats show against what is true and what they want."""
        account = await self.stage.records.balance()
        assert account.total == 0, account
        await self._judge_books()
        known = await self.hearing()
        places = select(messages.c.id, messages.c.chat_id, messages.c.thread_id)
        rows = await self.stage.database.read(lambda c: c.execute(places).all())
        here = {row.id: Destination(row.chat_id, row.thread_id) for row in rows}
        firing = {
            (here[number], each.host)
            for number, facts in self.told.items()
            if number in here and isinstance(facts, CardFacts)
            for each in facts.firing
        }
        for name, subjects in self.groups.items():
            addressed = self.addressed.get(name)
            audience = [addressed] if addressed else list(known.subscribed)
            for subject in subjects:
                if subject.starts is None:
                    continue
                for place in audience:
                    if not subject.is_firing:
                        self._judge_stale(place, subject, here)
                    elif known.hears(place, subject.written()["labels"]):
                        assert (place, subject.host) in firing, (place, subject)


@pytest.mark.parametrize("seed", SEEDS)
async def test_whoever_comes_goes_and_chooses_every_alert_is_accounted_for_and_heard_as_wanted(
    stage: Stage, seed: int
) -> None:
    chance = Random(seed)  # noqa: S311 - a history, no secret
    stage.hearing = replace(
        stage.hearing,
        subscribed=(OPS,) if seed % 3 == 0 else (),
        fallback=BOB if seed % 2 else None,
        find_host=find_host,
    )
    history = HearingHistory(stage, chance)
    history.begin(groups=chance.choice((3, 8, 30)), members=chance.choice((1, 4)))
    await history.run(steps=150)
    await stage.subscribe(EVA)
    stage.wait(MINUTE)
    await history.settle_down()
    await history.judge()
