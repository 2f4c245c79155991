from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bridge import limits
from bridge.core.alerts import Alert, Status, parse_webhook
from bridge.core.audience import Destination
from bridge.core.cards import Muting
from bridge.core.listed import Listed, ListedGroup, Listing, Standing
from bridge.core.reconciling import Memory, OpenEpisode, Repairs, Writer
from bridge.errors import Outage
from bridge.flows.reconcile_alerts import Reconciled, reconcile_alerts
from tests.fakes.clock import NOON

MINUTE = timedelta(minutes=1)
ALERT = Alert(
    status=Status.FIRING,
    labels={"alertname": "AgentDown", "host": "web-1"},
    annotations={},
    started_at=NOON,
    ended_at=None,
)
LISTED = Listed(alert=ALERT, receivers=frozenset({"chat"}), muting=None, is_settled=True)
WRITER = Writer(receiver="chat", alertmanager="http://am", addressed=Destination(-7))


class FakeAlertmanager:
    """Lists what it is given; each of its alerts in a group of its own."""

    def __init__(self, *alerts: Listed) -> None:
        self.alerts = alerts
        self.is_down = False
        self.has_groups = True
        self.groups_asked = 0

    async def fetch_listing(self, *, now: datetime) -> Listing:
        if self.is_down:
            raise Outage("Alertmanager", "cannot be asked")
        standing = Standing(
            started_at=NOON - timedelta(days=1), group_wait=timedelta(seconds=40), has_times=False
        )
        return Listing(alerts=self.alerts, standing=standing, up_for=now - standing.started_at)

    async def fetch_groups(self, *, now: datetime) -> tuple[ListedGroup, ...]:
        del now
        self.groups_asked += 1
        if not self.has_groups:
            raise Outage("Alertmanager", "cannot be asked")
        return tuple(
            ListedGroup(receiver=each, labels={"host": "web-1"}, alerts=(listed.alert,))
            for listed in self.alerts
            for each in listed.receivers
        )


class FakeEpisodes:
    """Holds episodes and does what it is told."""

    def __init__(self, *held: OpenEpisode) -> None:
        self.held = {each.id: each for each in held}
        self.reported = 0
        """An episode that a webhook tells of before each repair."""

    async def find_open(self) -> list[OpenEpisode]:
        return list(self.held.values())

    async def find_writers(self, *, now: datetime) -> list[Writer]:
        del now
        return [WRITER]

    async def repair(self, repairs: Repairs, *, now: datetime) -> list[int]:
        for each in repairs.vouched:
            self.held[each] = replace(self.held[each], vouched_at=now)
        for each, muting in repairs.mutings.items():
            self.held[each] = replace(self.held[each], muting=muting)
        ended = [each for each in repairs.endings if each != self.reported]
        for each in ended:
            del self.held[each]
        return [*ended, *repairs.mutings]


class FakeJournal:
    """Keeps webhooks, and opens their alerts."""

    def __init__(self, episodes: FakeEpisodes) -> None:
        self.kept: list[tuple[bytes, Destination | None, str]] = []
        self._episodes = episodes

    async def put(
        self,
        body: bytes,
        *,
        addressed: Destination | None,
        source: str,
        now: datetime,
        is_listed: bool = False,
    ) -> None:
        assert is_listed
        self.kept.append((body, addressed, source))
        for each in parse_webhook(json.loads(body), now).alerts:
            number = 100 + len(self._episodes.held)
            self._episodes.held[number] = OpenEpisode(
                id=number,
                identity=each.identity,
                started_at=each.started_at,
                muting=None,
                vouched_at=now,
            )


class Scene:
    """Alertmanagers, what is held, and a clock that moves half a minute a pass."""

    def __init__(self, *alertmanagers: FakeAlertmanager, held: OpenEpisode | None = None) -> None:
        self.alertmanagers = alertmanagers
        self.episodes = FakeEpisodes(*([held] if held else []))
        self.journal = FakeJournal(self.episodes)
        self.memory = Memory()
        self.now = NOON

    async def passes(self, span: timedelta) -> Reconciled:
        """Let time pass; answer what the last pass came to."""
        for _ in range(span // limits.RECONCILE_PASS):
            done = await reconcile_alerts(
                self.memory,
                alertmanagers=self.alertmanagers,
                episodes=self.episodes,
                journal=self.journal,
                now=self.now,
            )
            self.memory = done.memory
            self.now += limits.RECONCILE_PASS
        return done


HELD = OpenEpisode(id=1, identity=ALERT.identity, started_at=NOON, muting=None, vouched_at=None)


async def test_a_resolve_that_never_came_ends_the_episode() -> None:
    alertmanager = FakeAlertmanager(LISTED)
    scene = Scene(alertmanager, held=HELD)
    await scene.passes(MINUTE)
    assert scene.episodes.held[1].vouched_at == NOON
    alertmanager.alerts = ()
    assert (await scene.passes(5 * MINUTE)).ended == 0
    assert (await scene.passes(limits.RECONCILE_PASS)).ended == 1
    assert scene.episodes.held == {}


async def test_what_is_reported_between_the_lists_and_the_repair_has_to_be_absent_anew() -> None:
    scene = Scene(FakeAlertmanager(), held=replace(HELD, vouched_at=NOON))
    await scene.passes(5 * MINUTE)
    scene.episodes.reported = 1
    done = await scene.passes(limits.RECONCILE_PASS)
    assert (done.ended, done.memory.absent) == (0, {})
    scene.episodes.reported = 0
    assert (await scene.passes(5 * MINUTE)).ended == 0
    assert (await scene.passes(limits.RECONCILE_PASS)).ended == 1


async def test_a_firing_that_never_came_and_soon_ends_does_not_fire_for_ever() -> None:
    alertmanager = FakeAlertmanager(LISTED)
    scene = Scene(alertmanager)
    while not scene.journal.kept:
        await scene.passes(limits.RECONCILE_PASS)
    alertmanager.alerts = ()
    await scene.passes(limits.ABSENCE + limits.RECONCILE_PASS)
    assert scene.episodes.held == {}


async def test_a_firing_that_never_came_is_put_into_the_journal_once() -> None:
    alertmanager = FakeAlertmanager(LISTED)
    scene = Scene(alertmanager, FakeAlertmanager(LISTED))
    await scene.passes(10 * MINUTE)
    ((body, addressed, source),) = scene.journal.kept
    assert (addressed, source) == (Destination(-7), "")
    assert parse_webhook(json.loads(body), NOON).alerts == (replace(ALERT, received_at=NOON),)
    assert alertmanager.groups_asked == 1


async def test_without_its_groups_a_missed_firing_waits_for_another_turn() -> None:
    alertmanager = FakeAlertmanager(LISTED)
    alertmanager.has_groups = False
    scene = Scene(alertmanager)
    await scene.passes(5 * MINUTE)
    assert scene.journal.kept == []
    alertmanager.has_groups = True
    await scene.passes(5 * MINUTE)
    assert len(scene.journal.kept) == 1


async def test_a_silence_and_its_end_are_told() -> None:
    alertmanager = FakeAlertmanager(replace(LISTED, muting=Muting.SILENCED))
    scene = Scene(alertmanager, held=HELD)
    assert (await scene.passes(limits.RECONCILE_PASS)).mutings == {1: Muting.SILENCED}
    assert (await scene.passes(limits.RECONCILE_PASS)).mutings == {}
    alertmanager.alerts = (LISTED,)
    assert (await scene.passes(limits.RECONCILE_PASS)).mutings == {1: None}


async def test_an_alertmanager_that_does_not_answer_is_named_and_ends_nothing() -> None:
    down = FakeAlertmanager()
    down.is_down = True
    scene = Scene(FakeAlertmanager(), down, held=replace(HELD, vouched_at=NOON))
    done = await scene.passes(20 * MINUTE)
    assert done.troubles == ("Alertmanager: cannot be asked",)
    assert list(scene.episodes.held) == [1]


async def test_a_store_that_fails_leaves_the_memory_to_the_next_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene = Scene(FakeAlertmanager(LISTED))

    async def fail(*_: object, **__: object) -> None:
        raise Outage("database", "the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(scene.journal, "put", fail)
        with pytest.raises(Outage):
            await scene.passes(10 * MINUTE)
    assert scene.journal.kept == []
    await scene.passes(limits.RECONCILE_PASS)
    assert len(scene.journal.kept) == 1
