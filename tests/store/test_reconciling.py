from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from bridge import limits
from bridge.core.alerts import Alert, Notification, Severity, Status
from bridge.core.audience import Destination
from bridge.core.cards import Muting
from bridge.core.hearing import Hearing
from bridge.core.outbox import Kind
from bridge.core.reconciling import Memory, OpenEpisode, Repairs, Writer
from bridge.core.rings import Loudness, RingKind
from bridge.store.cards import touch_cards_of
from bridge.store.database import Database
from bridge.store.episodes import put_alerts
from bridge.store.reconciling import Reconciling, note_writer
from bridge.store.tables import episodes, messages, state
from tests.fakes.clock import NOON
from tests.fakes.webhooks import alert as member
from tests.fakes.webhooks import webhook
from tests.store.stage import DEV, OPS, Stage, names, of_kind, ring

LATER = NOON + timedelta(minutes=7)
NOTHING = Repairs(endings={}, mutings={}, vouched=(), missed=(), memory=Memory())


def alert(host: str, *, ended_at: datetime | None = None) -> Alert:
    return Alert(
        status=Status.RESOLVED if ended_at else Status.FIRING,
        labels={"alertname": "AgentDown", "host": host, "odd": "\x00\ud800"},
        annotations={},
        started_at=NOON,
        ended_at=ended_at,
    )


class Touched:
    """Remembers which episodes' cards were asked for."""

    def __init__(self) -> None:
        self.ids: list[int] = []

    def __call__(self, connection: Connection, ids: Sequence[int], now: datetime) -> None:
        del connection, now
        self.ids += ids


@pytest.fixture
def touched() -> Touched:
    return Touched()


@pytest.fixture
def reconciling(database: Database, touched: Touched) -> Reconciling:
    return Reconciling(database, touched, Hearing())


@pytest.fixture
def ringing(stage: Stage) -> Reconciling:
    return Reconciling(stage.database, touch_cards_of, stage.hearing)


async def put(database: Database, *alerts: Alert, source: str = "", now: datetime = NOON) -> None:
    await database.write(lambda connection: put_alerts(connection, source, alerts, now))


async def by_host(database: Database) -> dict[str, Any]:
    rows = await database.read(lambda connection: connection.execute(select(episodes)).all())
    return {row.facts["labels"]["host"]: row for row in rows}


async def test_what_is_open_is_known_by_its_labels_but_for_what_came_from_a_source(
    database: Database, reconciling: Reconciling
) -> None:
    await put(database, alert("web-1"), alert("web-2", ended_at=NOON))
    await put(database, alert("web-3"), source="east")
    for _ in range(2):
        found = await reconciling.find_open()
        assert [each.identity for each in found] == [alert("web-1").identity]
        assert {(each.started_at, each.muting, each.vouched_at) for each in found} == {
            (NOON, None, None)
        }


async def test_repairs_are_written_and_their_cards_wanted_anew(
    database: Database, reconciling: Reconciling, touched: Touched
) -> None:
    await put(database, *(alert(f"web-{each}") for each in range(4)))
    row = {host: each.id for host, each in (await by_host(database)).items()}
    repairs = replace(
        NOTHING,
        endings={row["web-0"]: LATER},
        mutings={row["web-1"]: Muting.SILENCED},
        vouched=[row["web-1"], row["web-2"]],
    )
    assert await reconciling.repair(repairs, now=LATER) == [row["web-0"], row["web-1"]]
    assert touched.ids == [row["web-0"], row["web-1"]]
    after = await by_host(database)
    assert (after["web-0"].ended_at, after["web-0"].noted_at) == (LATER, LATER)
    assert [after[f"web-{each}"].muting for each in range(4)] == [None, "silenced", None, None]
    assert [after[f"web-{each}"].vouched_at for each in range(4)] == [None, LATER, LATER, None]
    found = {each.id: each for each in await reconciling.find_open()}
    assert found[row["web-1"]] == OpenEpisode(
        id=row["web-1"],
        identity=alert("web-1").identity,
        started_at=NOON,
        muting=Muting.SILENCED,
        vouched_at=LATER,
    )
    assert row["web-0"] not in found
    unmute = replace(NOTHING, mutings={row["web-1"]: None})
    await reconciling.repair(unmute, now=LATER)
    assert (await by_host(database))["web-1"].muting is None


async def test_what_a_webhook_has_ended_meanwhile_is_left_as_it_is(
    database: Database, reconciling: Reconciling, touched: Touched
) -> None:
    await put(database, alert("web-1"))
    row = (await by_host(database))["web-1"].id
    await put(database, alert("web-1", ended_at=NOON + timedelta(minutes=1)))
    repairs = replace(NOTHING, endings={row: LATER}, mutings={row: Muting.SILENCED})
    assert await reconciling.repair(repairs, now=LATER) == []
    after = (await by_host(database))["web-1"]
    assert (after.ended_at, after.muting) == (NOON + timedelta(minutes=1), None)
    assert touched.ids == []


async def test_what_was_reported_after_it_was_first_seen_absent_does_not_end(
    database: Database, reconciling: Reconciling, touched: Touched
) -> None:
    """The lists are read up to twenty seconds before the repair: a webhook may come in between."""
    await put(database, alert("web-1"), alert("web-2"))
    row = {host: each.id for host, each in (await by_host(database)).items()}
    await put(database, alert("web-1"), now=LATER)
    repairs = replace(NOTHING, endings=dict.fromkeys(row.values(), NOON))
    assert await reconciling.repair(repairs, now=LATER - timedelta(seconds=20)) == [row["web-2"]]
    assert touched.ids == [row["web-2"]]
    assert (await by_host(database))["web-1"].ended_at is None
    # A moment that lies hours ahead was written before the clock was put back.
    early = NOON - timedelta(hours=1)
    repairs = replace(NOTHING, endings={row["web-1"]: early})
    assert await reconciling.repair(repairs, now=early + timedelta(minutes=5)) == [row["web-1"]]


async def test_that_an_alert_still_fires_is_noted_once_a_minute_at_most(
    database: Database,
) -> None:
    seen = []
    for seconds in (0, 59, 61, 120, 122):
        await put(database, alert("web-1"), now=NOON + timedelta(seconds=seconds))
        noted_at = (await by_host(database))["web-1"].noted_at
        seen.append((noted_at - NOON).total_seconds())
    assert seen == [0, 0, 61, 61, 122]
    over = alert("web-1", ended_at=NOON + timedelta(seconds=130))
    for _ in range(2):
        await put(database, over, now=NOON + timedelta(seconds=130))
    await put(database, over, now=LATER)
    assert (await by_host(database))["web-1"].noted_at == NOON + timedelta(seconds=130)


async def test_a_thousand_repairs_are_one_write(
    database: Database, reconciling: Reconciling, touched: Touched
) -> None:
    await put(database, *(alert(f"web-{each}") for each in range(1200)))
    found = await reconciling.find_open()
    repairs = replace(
        NOTHING,
        endings={each.id: LATER for each in found},
        vouched=[each.id for each in found],
    )
    assert len(await reconciling.repair(repairs, now=LATER)) == 1200
    assert len(touched.ids) == 1200
    assert await reconciling.find_open() == []


async def test_nothing_to_repair_writes_nothing(
    database: Database, reconciling: Reconciling, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "write", None)
    assert await reconciling.repair(NOTHING, now=LATER) == []


NOTIFICATION = Notification(
    source="",
    alertmanager="http://am:9093",
    receiver="chat",
    group_key='{}:{host="web-1"}',
    group_labels={"host": "web-1"},
    truncated=0,
)


async def note(
    database: Database,
    notification: Notification = NOTIFICATION,
    addressed: Destination | None = None,
    now: datetime = NOON,
) -> None:
    await database.write(lambda connection: note_writer(connection, notification, addressed, now))


async def test_a_receiver_is_remembered_with_each_of_its_ways(
    database: Database, reconciling: Reconciling
) -> None:
    other = replace(NOTIFICATION, group_key='{}/{a="b"}:{host="web-1"}')
    await note(database)
    await note(database)
    await note(database, other)
    await note(database, addressed=Destination(-7, 3))
    await note(database, replace(NOTIFICATION, receiver=""))
    found = await reconciling.find_writers(now=LATER)
    plain = Writer(
        receiver="chat",
        alertmanager="http://am:9093",
        routes=("{}", '{}/{a="b"}'),
    )
    addressed = replace(plain, addressed=Destination(-7, 3), routes=("{}",))
    assert sorted(found, key=lambda each: len(each.routes)) == [addressed, plain]


async def test_a_receiver_that_writes_no_more_is_forgotten(
    database: Database, reconciling: Reconciling
) -> None:
    await note(database)
    late = NOON + limits.WRITER_KEPT
    assert await reconciling.find_writers(now=late - timedelta(days=1)) != []
    assert await reconciling.find_writers(now=late) == []
    await note(database, replace(NOTIFICATION, receiver="other"), now=late)
    count = select(func.count()).select_from(state)
    rows = await database.read(lambda connection: connection.execute(count).scalar_one())
    assert rows == 1


async def test_a_receiver_that_goes_on_writing_stays(
    database: Database, reconciling: Reconciling
) -> None:
    for days in range(60):
        await note(database, now=NOON + timedelta(days=days))
    assert len(await reconciling.find_writers(now=NOON + timedelta(days=60))) == 1


async def test_a_source_sets_its_writers_apart(
    database: Database, reconciling: Reconciling
) -> None:
    await note(database, replace(NOTIFICATION, source="east"))
    assert await reconciling.find_writers(now=LATER) == []


async def test_a_receiver_that_moved_to_another_chat_is_written_to_there_alone(
    database: Database, reconciling: Reconciling
) -> None:
    old, new, also = Destination(-1), Destination(-2), Destination(-3)
    other = replace(NOTIFICATION, receiver="pager")
    await note(database, other, addressed=old)
    for days in range(5):
        await note(database, addressed=old, now=NOON + timedelta(days=days))
    for days in range(5, 10):
        moved = NOON + timedelta(days=days)
        await note(database, addressed=new, now=moved)
        await note(database, addressed=also, now=moved + timedelta(hours=1))
    found = await reconciling.find_writers(now=NOON + timedelta(days=10))
    assert {(each.receiver, each.addressed) for each in found} == {
        ("chat", new),
        ("chat", also),
        ("pager", old),
    }


async def test_what_was_put_after_a_list_counts_as_listed(
    stage: Stage, ringing: Reconciling
) -> None:
    """Else it would fire for ever, should it end before the next pass."""
    body = json.dumps(webhook(member(host="listed"))).encode()
    await stage.journal.put(body, addressed=None, source="", now=stage.now, is_listed=True)
    await stage.fold()
    await stage.post(member(host="posted"))
    rows = await by_host(stage.database)
    assert (rows["listed"].vouched_at, rows["posted"].vouched_at) == (stage.now, None)
    assert len(await ringing.find_open()) == 2


async def test_a_late_copy_of_what_has_ended_is_ended_by_the_lists_if_they_do_not_have_it(
    stage: Stage, ringing: Reconciling
) -> None:
    """It fires, for it may be the next firing; but no end of it would ever come by a webhook."""
    await stage.post(member(), member(host="posted"))
    listed = (await by_host(stage.database))["web-1"].id
    await ringing.repair(replace(NOTHING, vouched=[listed]), now=stage.now)
    vouched_at, ended_at = stage.now, NOON + timedelta(minutes=1)
    await stage.post(*(member(host=each, ends=ended_at) for each in ("web-1", "posted")))
    stage.wait(timedelta(minutes=5))
    await stage.post(member(), member(host="posted"))
    found = await ringing.find_open()
    assert [each.vouched_at for each in found] == [vouched_at, None]
    await stage.post(*(member(host=each, ends=stage.now) for each in ("web-1", "posted")))
    await stage.post(member(starts=stage.now + timedelta(minutes=1)))
    [fresh] = await ringing.find_open()
    assert fresh.vouched_at is None, "what is new is not known to come from a list"


async def test_what_a_list_has_opens_whenever_it_says_that_it_began(
    stage: Stage, ringing: Reconciling
) -> None:
    await stage.post(member(starts=NOON))
    await stage.post(member(starts=NOON, ends=NOON + timedelta(minutes=1)))
    stage.wait(timedelta(minutes=10))
    await stage.post(member(starts=NOON - timedelta(hours=1)))
    assert await ringing.find_open() == [], "a late report proves nothing"
    body = json.dumps(webhook(member(starts=NOON - timedelta(hours=1)))).encode()
    await stage.journal.put(body, addressed=None, source="", now=stage.now, is_listed=True)
    await stage.fold()
    (found,) = await ringing.find_open()
    assert found.started_at == NOON + timedelta(minutes=1)


async def mute(stage: Stage, ringing: Reconciling, muting: Muting | None) -> None:
    """Write that everything open is muted, or no more."""
    stage.wait(timedelta(minutes=1))
    held = await ringing.find_open()
    repairs = replace(NOTHING, mutings={each.id: muting for each in held})
    assert len(await ringing.repair(repairs, now=stage.now)) == len(held)


@pytest.mark.parametrize("muting", Muting)
async def test_what_fires_on_after_its_muting_rings_in_every_chat_that_shows_it(
    stage: Stage, ringing: Reconciling, muting: Muting
) -> None:
    stage.hear(subscribed=(OPS, DEV))
    await stage.post(member(host="a"), member(host="b"))
    await stage.drain()
    await mute(stage, ringing, muting)
    assert of_kind(Kind.RING, await stage.drain()) == []
    stage.wait(stage.hearing.repeat_after)
    await mute(stage, ringing, None)
    rings = of_kind(Kind.RING, await stage.drain())
    assert {each.destination for each in rings} == {OPS, DEV}
    assert all(each.is_loud and each.reply_to for each in rings)
    assert [ring(each).kind for each in rings] == [RingKind.REPEAT] * 2
    assert [sorted(names(each)) for each in rings] == [[("a", True), ("b", True)]] * 2
    # Neither what Alertmanager repeats right then nor another bridge's repair rings once more.
    await stage.post(member(host="a"), member(host="b"))
    await mute(stage, ringing, None)
    assert of_kind(Kind.RING, await stage.drain()) == []


async def test_only_what_rings_when_it_is_new_rings_when_its_muting_ends(stage: Stage) -> None:
    stage.hear(loudness=Loudness(new={Severity.CRITICAL}))
    ringing = Reconciling(stage.database, touch_cards_of, stage.hearing)
    await stage.post(member(host="a", severity="critical"), member(host="b", severity="info"))
    await stage.post(member(host="c", severity="info"), group="quiet")
    await stage.drain()
    await mute(stage, ringing, Muting.SILENCED)
    await mute(stage, ringing, None)
    (one,) = of_kind(Kind.RING, await stage.drain())
    assert names(one) == [("a", True)]


async def test_what_has_ended_or_was_never_shown_does_not_ring_when_its_muting_ends(
    stage: Stage, ringing: Reconciling
) -> None:
    await stage.post(member(host="a"))
    await stage.drain()
    await mute(stage, ringing, Muting.SILENCED)
    (held,) = await ringing.find_open()
    await stage.post(member(host="a", ends=stage.now))
    await stage.drain()
    assert await ringing.repair(replace(NOTHING, mutings={held.id: None}), now=stage.now) == []
    await stage.post(member(host="b"), group="other")
    await mute(stage, ringing, Muting.SILENCED)
    await mute(stage, ringing, None)
    (shown,) = await stage.drain()
    assert (shown.kind, shown.is_loud) == (Kind.CARD, True)


async def test_in_a_storm_the_board_speaks_for_what_is_not_muted_any_more(
    stage: Stage, ringing: Reconciling
) -> None:
    await stage.post(member(host="a"))
    await stage.drain()
    await mute(stage, ringing, Muting.SILENCED)
    await stage.drain()
    for number in range(80):
        await stage.post(member(host=f"web-{number}"), group=f"web-{number}")
    await stage.drain(timedelta(seconds=10))
    assert of_kind(Kind.BOARD, stage.log)
    (muted,) = [each for each in await ringing.find_open() if each.muting]
    repairs = replace(NOTHING, mutings={muted.id: None})
    assert await ringing.repair(repairs, now=stage.now) == [muted.id]
    rings = select(func.count()).where(
        messages.c.kind == Kind.RING.value, messages.c.card_id.is_not(None)
    )
    assert await stage.scalar(rings) == 0
