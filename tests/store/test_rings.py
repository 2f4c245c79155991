from __future__ import annotations

import pytest

from bridge.core.alerts import Severity
from bridge.core.outbox import Failed, Kind, Reason
from bridge.core.rings import Loudness, RingKind
from tests.fakes.clock import NOON
from tests.fakes.webhooks import alert
from tests.store.stage import HOUR, MINUTE, SECOND, Stage, card, names, of_kind, ring

ALL, NONE = frozenset(Severity), frozenset[Severity]()


async def rings(stage: Stage) -> list[tuple[RingKind, list[tuple[str, bool]]]]:
    """Show all that waits and tell which rings there were."""
    shown = of_kind(Kind.RING, await stage.show())
    assert all(each.is_loud for each in shown)
    return [(ring(each).kind, names(each)) for each in shown]


async def test_a_new_alert_in_a_card_that_was_shown_rings_in_reply_to_it(stage: Stage) -> None:
    await stage.post(alert(host="a"))
    [shown] = await stage.claim()
    number = await stage.settle(shown)
    await stage.post(alert(host="a"), alert(host="b"))
    first, second = await stage.show()
    assert (first.kind, first.reply_to, first.is_loud) == (Kind.RING, number, True)
    assert (ring(first).kind, names(first)) == (RingKind.NEW, [("b", True)])
    assert ring(first).firing == 2
    assert (second.kind, second.is_loud) == (Kind.CARD, False)
    assert card(second).change is not None


async def test_a_new_alert_in_a_card_that_nobody_has_seen_does_not_ring(stage: Stage) -> None:
    await stage.post(alert(host="a"))
    await stage.post(alert(host="b"))
    [shown] = await stage.show()
    assert shown.kind is Kind.CARD
    assert len(names(shown)) == 2


async def test_a_new_alert_in_a_card_that_is_being_shown_this_instant_rings(stage: Stage) -> None:
    await stage.post(alert(host="a"))
    [shown] = await stage.claim()
    await stage.post(alert(host="b"))
    number = await stage.settle(shown)
    first, _ = await stage.show()
    assert (first.kind, first.reply_to) == (Kind.RING, number)


async def test_several_webhooks_while_a_ring_waits_are_one_ring(stage: Stage) -> None:
    await stage.post(alert(host="a"))
    await stage.show()
    for host in "bcd":
        await stage.post(alert(host=host))
    assert await rings(stage) == [(RingKind.NEW, [("b", True), ("c", True), ("d", True)])]


async def test_one_webhook_rings_once_however_many_alerts_it_brings(stage: Stage) -> None:
    await stage.post(alert(host="a"))
    await stage.show()
    await stage.post(*(alert(host=f"h{number}") for number in range(40)))
    [(kind, about)] = await rings(stage)
    assert (kind, len(about)) == (RingKind.NEW, 40)


async def test_a_ring_that_is_under_way_does_not_swallow_the_next(stage: Stage) -> None:
    await stage.post(alert(host="a"))
    await stage.show()
    await stage.post(alert(host="b"))
    [first] = await stage.claim()
    await stage.post(alert(host="c"))
    await stage.settle(first)
    assert await rings(stage) == [(RingKind.NEW, [("c", True)])]


async def test_a_ring_whose_alerts_are_over_meanwhile_is_dropped(stage: Stage) -> None:
    await stage.post(alert(host="a"))
    await stage.show()
    await stage.post(alert(host="b"))
    await stage.post(alert(host="b", ends=NOON + SECOND))
    assert await rings(stage) == []
    assert (await stage.outbox.depth()).waiting == 0


async def test_a_dropped_ring_costs_no_call(stage: Stage) -> None:
    await stage.post(alert(host="a"))
    await stage.show()
    stage.wait(MINUTE)
    for number in range(12):
        await stage.post(alert(host=f"h{number}"))
        await stage.post(alert(host=f"h{number}", ends=stage.now))
        [edit] = await stage.show()
        assert edit.kind is Kind.CARD
        stage.wait(7 * SECOND)


async def test_a_ring_tells_only_of_what_still_fires(stage: Stage) -> None:
    await stage.post(alert(host="a"))
    await stage.show()
    await stage.post(alert(host="b"), alert(host="c"))
    await stage.post(alert(host="b", ends=NOON + SECOND))
    assert await rings(stage) == [(RingKind.NEW, [("c", True)])]


async def test_an_alert_that_comes_back_with_a_worse_severity_rings_as_worse(stage: Stage) -> None:
    await stage.post(alert(severity="warning"))
    await stage.show()
    await stage.post(alert(severity="critical"))
    assert await rings(stage) == [(RingKind.WORSE, [("web-1", True)])]


async def test_an_alert_that_comes_back_milder_rings_as_new(stage: Stage) -> None:
    await stage.post(alert(severity="critical"))
    await stage.show()
    await stage.post(alert(severity="warning"))
    assert await rings(stage) == [(RingKind.NEW, [("web-1", True)])]


async def test_a_resolve_is_silent(stage: Stage) -> None:
    await stage.post(alert(host="a"), alert(host="b"))
    await stage.show()
    await stage.post(alert(host="a", ends=NOON + SECOND))
    await stage.post(alert(host="b", ends=NOON + SECOND))
    [edit] = await stage.show()
    assert (edit.kind, edit.is_loud) == (Kind.CARD, False)


async def test_the_hourly_repeat_rings_for_critical_alerts_and_says_repeat(stage: Stage) -> None:
    await stage.post(alert())
    await stage.show()
    stage.wait(HOUR)
    await stage.post(alert())
    edit, again = sorted(await stage.show(), key=lambda each: each.kind.value)
    assert (ring(again).kind, names(again)) == (RingKind.REPEAT, [("web-1", True)])
    assert again.reply_to == edit.telegram_id
    assert card(edit).repeated_at == stage.now


async def test_the_hourly_repeat_of_a_warning_is_a_silent_edit(stage: Stage) -> None:
    await stage.post(alert(severity="warning"))
    await stage.show()
    stage.wait(HOUR)
    await stage.post(alert(severity="warning"))
    [edit] = await stage.show()
    assert (edit.kind, edit.is_loud) == (Kind.CARD, False)
    assert card(edit).repeated_at == stage.now


@pytest.mark.parametrize(
    ("severity", "rung"), [("critical", [RingKind.REPEAT]), ("warning", list[RingKind]())]
)
async def test_a_repeat_that_brings_another_value_is_a_repeat_all_the_same(
    stage: Stage, severity: str, rung: list[RingKind]
) -> None:
    await stage.post(alert(severity=severity, value="95.0 %"))
    await stage.show()
    stage.wait(5 * MINUTE)
    await stage.post(alert(severity=severity, value="96.0 %"))
    [edit] = await stage.show()
    assert (edit.kind, card(edit).repeated_at) == (Kind.CARD, None), "the next member of a cluster"
    stage.wait(HOUR)
    await stage.post(alert(severity=severity, value="97.0 %"))
    shown = await stage.show()
    [edit] = of_kind(Kind.CARD, shown)
    assert (card(edit).members[0].value, card(edit).repeated_at) == ("97.0 %", stage.now)
    assert [ring(each).kind for each in of_kind(Kind.RING, shown)] == rung


async def test_what_a_cluster_or_a_retry_delivers_again_within_minutes_is_no_repeat(
    stage: Stage,
) -> None:
    await stage.post(alert())
    await stage.show()
    for _ in range(5):
        stage.wait(5 * MINUTE)
        await stage.post(alert())
        assert await stage.show() == []
    stage.wait(5 * MINUTE)
    await stage.post(alert())
    assert [kind for kind, _ in await rings(stage)] == [RingKind.REPEAT]
    stage.wait(MINUTE)
    await stage.post(alert())
    assert await stage.show() == []


async def test_a_webhook_with_news_is_no_repeat(stage: Stage) -> None:
    await stage.post(alert(host="a"))
    await stage.show()
    stage.wait(HOUR)
    await stage.post(alert(host="a"), alert(host="b"))
    assert await rings(stage) == [(RingKind.NEW, [("b", True)])]


async def test_what_repeats_before_it_was_ever_shown_does_not_ring_beside_it(stage: Stage) -> None:
    await stage.post(alert())
    [shown] = await stage.claim()
    await stage.settle(shown, Failed(Reason.RATE_LIMIT, wait=3 * HOUR))
    for _ in range(2):
        stage.wait(HOUR)
        await stage.post(alert())
    stage.wait(HOUR)
    [shown] = await stage.show()
    assert (shown.kind, shown.is_loud) == (Kind.CARD, True)


async def test_what_is_new_is_not_told_together_with_what_repeats(stage: Stage) -> None:
    await stage.post(alert(host="a"))
    await stage.show()
    stage.wait(HOUR)
    await stage.post(alert(host="a"))
    await stage.post(alert(host="b"))
    assert await rings(stage) == [(RingKind.NEW, [("b", True)])]


async def test_which_severities_sound_is_the_owners_choice(stage: Stage) -> None:
    stage.hear(
        loudness=Loudness(
            new=frozenset({Severity.CRITICAL}), worse=NONE, repeat=ALL, resolved=frozenset()
        )
    )
    await stage.post(alert(host="a", severity="warning"))
    [shown] = await stage.show()
    assert not shown.is_loud
    await stage.post(alert(host="b", severity="warning"))
    assert await rings(stage) == []
    await stage.post(alert(host="c", severity="critical"))
    assert await rings(stage) == [(RingKind.NEW, [("c", True)])]
    stage.wait(HOUR)
    await stage.post(*(alert(host=host, severity="warning") for host in "ab"))
    assert [kind for kind, _ in await rings(stage)] == [RingKind.REPEAT]


async def test_who_asks_for_it_hears_that_everything_is_over(stage: Stage) -> None:
    stage.hear(loudness=Loudness(resolved=ALL))
    await stage.post(alert(host="a"), alert(host="b"))
    await stage.show()
    await stage.post(alert(host="a", ends=NOON + SECOND))
    assert await rings(stage) == []
    await stage.post(alert(host="b", ends=NOON + SECOND))
    assert await rings(stage) == [(RingKind.RESOLVED, [("b", False)])]


async def test_the_end_of_everything_takes_the_place_of_a_ring_that_still_waits(
    stage: Stage,
) -> None:
    stage.hear(loudness=Loudness(resolved=ALL))
    await stage.post(alert(host="a"))
    await stage.show()
    await stage.post(alert(host="b"))
    await stage.post(alert(host="a", ends=NOON + SECOND), alert(host="b", ends=NOON + SECOND))
    [(kind, about)] = await rings(stage)
    assert kind is RingKind.RESOLVED
    assert sorted(about) == [("a", False), ("b", False)]
