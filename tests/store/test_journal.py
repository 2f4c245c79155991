from __future__ import annotations

import asyncio
import json
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge import limits
from bridge.core.alerts import Notification
from bridge.core.audience import NOBODY
from bridge.core.cards import UnreadableFacts
from bridge.core.outbox import Kind
from bridge.flows.fold_webhooks import fold_webhooks
from bridge.store.database import Database
from bridge.store.folding import Folding
from tests.fakes.clock import NOON
from tests.fakes.webhooks import alert, webhook
from tests.store.stage import ADA, BOB, DEV, OPS, SECOND, Stage, names, of_kind

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


async def test_what_is_kept_waits_until_it_is_folded_and_is_folded_once(stage: Stage) -> None:
    await stage.put(webhook(alert()))
    stage.wait()
    await stage.put(webhook(alert()))
    backlog = await stage.journal.backlog()
    assert (backlog.webhooks, backlog.oldest) == (2, NOON)
    assert await stage.claim() == []
    assert (await stage.journal.fold(now=stage.now)).webhooks == 2
    assert (await stage.journal.fold(now=stage.now)).webhooks == 0
    assert (await stage.journal.backlog()).webhooks == 0
    assert len(await stage.show()) == 1


async def test_a_webhook_is_kept_while_an_earlier_one_is_still_being_folded(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    fold, began, gate = Folding.alerts, threading.Event(), threading.Event()

    def dawdle(self: Folding, notification: Notification, *rest: object, **named: object) -> None:
        fold(self, notification, *rest, **named)  # type: ignore[arg-type]
        began.set()
        gate.wait(60)

    monkeypatch.setattr(Folding, "alerts", dawdle)
    await stage.put(webhook(alert(host="a")))
    folding = asyncio.create_task(stage.journal.fold(now=stage.now))
    await asyncio.to_thread(began.wait, 60)
    async with asyncio.timeout(30):
        await stage.put(webhook(alert(host="b")))
        assert (await stage.journal.backlog()).webhooks == 2
    assert not folding.done()
    gate.set()
    assert (await folding).webhooks == 1
    await stage.fold()
    [shown] = await stage.show()
    assert sorted(names(shown)) == [("a", True), ("b", True)]


async def test_webhooks_are_folded_in_the_order_they_came(stage: Stage) -> None:
    for value in "123":
        await stage.put(webhook(alert(value=value)))
    await stage.put(webhook(alert(ends=NOON + SECOND)))
    while (await stage.journal.fold(now=stage.now, together=1)).has_more:
        pass
    [shown] = await stage.show()
    assert names(shown) == [("web-1", False)]


async def test_an_alert_without_a_beginning_began_when_its_webhook_came(stage: Stage) -> None:
    await stage.put(webhook(alert() | {"startsAt": "soon"}))
    stage.wait(10 * SECOND)
    await stage.fold()
    [shown] = await stage.show()
    assert shown.facts.members[0].started_at == NOON  # type: ignore[union-attr]


async def test_so_many_and_so_large_webhooks_are_folded_at_a_time(stage: Stage) -> None:
    for number in range(limits.FOLD_WEBHOOKS + 1):
        await stage.put(webhook(alert(host=f"h{number}"), group=f"{number}"))
    first = await stage.journal.fold(now=stage.now)
    assert (first.webhooks, first.has_more) == (limits.FOLD_WEBHOOKS, True)
    second = await stage.journal.fold(now=stage.now)
    assert (second.webhooks, second.has_more) == (1, False)
    for _ in range(3):
        await stage.put(webhook(alert(padding="x" * limits.FOLD_BYTES)))
    assert (await stage.journal.fold(now=stage.now)).webhooks == 1


async def test_a_webhook_goes_where_it_is_addressed_and_to_nobody_else(stage: Stage) -> None:
    stage.hear(subscribed=(OPS, ADA))
    await stage.post(alert(), to=DEV)
    assert [each.destination for each in await stage.show()] == [DEV]


async def test_a_body_of_megabytes_comes_through_whole(stage: Stage) -> None:
    await stage.post(alert(padding="x" * 3_000_000))
    [shown] = await stage.show()
    annotations = shown.facts.members[0].annotations  # type: ignore[union-attr]
    assert len(annotations["padding"]) == 3_000_000


async def test_a_webhook_that_our_own_fault_cannot_fold_is_shown_as_it_came(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    fold = Folding.alerts

    def fail(self: Folding, notification: Notification, *rest: object, **named: object) -> None:
        if any("poison" in each.labels["host"] for each in notification.alerts):
            raise ZeroDivisionError
        fold(self, notification, *rest, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Folding, "alerts", fail)
    for number, host in enumerate(("a", "poison", "b", "poison", "c")):
        await stage.put(webhook(alert(host=f"{host} {number}"), group=f"{number}"))
    while (await fold_webhooks(journal=stage.journal, now=stage.now)).webhooks:
        pass
    shown = await stage.drain()
    assert sorted(names(each)[0][0] for each in of_kind(Kind.CARD, shown)) == ["a 0", "b 2", "c 4"]
    raw = [each.facts for each in of_kind(Kind.UNREADABLE, shown)]
    assert len(raw) == 2
    for facts in raw:
        assert isinstance(facts, UnreadableFacts)
        assert "ZeroDivisionError" in facts.fault
        assert json.loads(facts.raw)["alerts"][0]["labels"]["host"].startswith("poison")


async def test_a_body_of_other_bytes_is_shown_as_far_as_it_can_be(stage: Stage) -> None:
    await stage.journal.put(b'\xff{"odd', addressed=None, source="", now=stage.now)
    await fold_webhooks(journal=stage.journal, now=stage.now)
    [shown] = await stage.show()
    assert isinstance(shown.facts, UnreadableFacts)
    assert shown.facts.raw == '\\xff{"odd'


async def test_giving_up_what_somebody_else_has_folded_shows_nothing(stage: Stage) -> None:
    await stage.journal.give_up(1, "a fault", now=stage.now)
    assert await stage.show() == []


async def test_three_unreadable_members_are_three_messages_and_four_are_one(stage: Stage) -> None:
    stage.hear(subscribed=(ADA,))
    await stage.post("a", "b", "c")
    assert len(await stage.show()) == 3
    stage.wait(10 * SECOND)
    await stage.post(*(f"odd {number}" for number in range(40)))
    [shown] = await stage.show()
    assert isinstance(shown.facts, UnreadableFacts)
    assert "odd 0" in shown.facts.raw
    assert "odd 39" in shown.facts.raw
    assert "40 members" in shown.facts.fault


async def test_an_unreadable_member_of_megabytes_is_cut_and_says_so(stage: Stage) -> None:
    await stage.post("x" * 1_000_000)
    [shown] = await stage.show()
    assert isinstance(shown.facts, UnreadableFacts)
    assert len(shown.facts.raw) < limits.UNREADABLE_KEPT + 100
    assert "+900002 characters" in shown.facts.raw


async def test_the_watchdog_is_reported_and_not_shown(stage: Stage) -> None:
    await stage.put(webhook(alert("Watchdog", severity="none", host="eu")))
    assert len((await stage.journal.fold(now=stage.now)).pipelines) == 1
    await stage.put(webhook(alert("Watchdog", ends=NOON + SECOND)))
    assert not (await stage.journal.fold(now=stage.now)).pipelines
    assert await stage.show() == []
    await stage.put(webhook(alert("Watchdog"), alert(), "unreadable"))
    assert (await stage.journal.fold(now=stage.now)).pipelines
    card, raw = await stage.show()
    assert (names(card), raw.kind) == ([("web-1", True)], Kind.UNREADABLE)


async def test_a_webhook_that_could_not_be_kept_is_in_no_part_there(tmp_path: object) -> None:
    from bridge.errors import Outage  # noqa: PLC0415

    stage = Stage(Database(f"sqlite:///{tmp_path}/absent/bridge.db"))
    with pytest.raises(Outage):
        await stage.put(webhook(alert()))
    await stage.database.close()


async def test_what_nobody_hears_waits_and_goes_to_the_first_chats_that_listen(
    stage: Stage,
) -> None:
    stage.hear(subscribed=())
    await stage.post(alert(host="a"), {"labels": 5})
    await stage.post(alert(host="a", ends=NOON + SECOND), alert(host="b"))
    assert await stage.claim() == []
    assert (await stage.outbox.depth()).unheard == 2
    assert await stage.destinations.adopt(now=NOON) == 0
    stage.hear(subscribed=(ADA, DEV))
    assert await stage.destinations.adopt(now=NOON) == 4
    shown = await stage.show()
    for here in (ADA, DEV):
        card, raw = [each for each in shown if each.destination == here]
        assert (names(card), card.is_loud) == ([("b", True), ("a", False)], True)
        assert isinstance(raw.facts, UnreadableFacts)
    assert (await stage.outbox.depth()).unheard == 0
    assert await stage.destinations.adopt(now=NOON) == 0
    assert (await stage.records.balance()).total == 0


async def test_adopting_into_a_chat_with_a_standing_card_joins_it(stage: Stage) -> None:
    await stage.post(alert(host="a"))
    await stage.show()
    stage.hear(subscribed=())
    await stage.post(alert(host="b"))
    stage.hear(subscribed=(OPS,))
    await stage.destinations.adopt(now=NOON)
    [card] = await stage.claim()
    assert card.telegram_id is not None
    assert sorted(names(card)) == [("a", True), ("b", True)]


async def test_what_repeats_unheard_for_days_is_one_message(stage: Stage) -> None:
    stage.hear(subscribed=())
    for _ in range(5):
        await stage.post(alert())
        stage.wait(3600 * SECOND)
    assert (await stage.outbox.depth()).unheard == 1


async def test_what_was_unheard_and_is_adopted_by_a_broken_chat_goes_to_the_fallback(
    stage: Stage,
) -> None:
    stage.hear(subscribed=())
    await stage.post(alert())
    stage.hear(subscribed=(ADA,), fallback=BOB)
    await stage.destinations.break_off(ADA, "chat_refuses", "blocked", now=stage.now)
    await stage.destinations.adopt(now=stage.now)
    cards = of_kind(Kind.CARD, await stage.show())
    assert [(each.destination, names(each)) for each in cards] == [(BOB, [("web-1", True)])]
    assert cards[0].facts.instead_of == str(ADA)  # type: ignore[union-attr]


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(labels=JSON, annotations=JSON, rest=st.dictionaries(st.text(), JSON), group=JSON)
async def test_any_json_is_folded_and_something_of_it_waits(
    stage: Stage, labels: object, annotations: object, rest: dict[str, object], group: object
) -> None:
    odd = rest | {"labels": labels, "annotations": annotations}
    body = {"alerts": [odd, rest, labels], "groupKey": group, "groupLabels": group}
    before = (await stage.outbox.depth()).waiting
    stage.wait(7200 * SECOND)
    await stage.put({**body, "receiver": annotations, "truncatedAlerts": labels})
    await stage.fold()
    assert (await stage.journal.backlog()).webhooks == 0
    assert (await stage.outbox.depth()).waiting >= before
    assert (await stage.records.balance()).total == 0
    assert NOBODY not in {each.destination.chat_id for each in await stage.claim()}
