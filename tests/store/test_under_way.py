"""What happens to a message, or to its chat, while somebody is showing it."""

from __future__ import annotations

from bridge import limits
from bridge.core.audience import Destination
from bridge.core.outbox import Failed, Kind, Reason, Sent
from tests.fakes.clock import NOON
from tests.fakes.webhooks import alert
from tests.store.stage import ADA, MINUTE, OPS, SECOND, Stage, card, notice, of_kind

FRESH = Destination(-1_000_100)
IN_THE_OLD = 17
"""A number that a message has in the old group, and another one in the new."""


async def test_a_number_of_the_old_group_is_never_taken_for_one_of_the_new(stage: Stage) -> None:
    await stage.post(alert())
    [first] = await stage.claim()
    await stage.destinations.move(OPS.chat_id, FRESH.chat_id, now=stage.now)
    await stage.settle(first, Sent(IN_THE_OLD))
    [anew] = of_kind(Kind.CARD, await stage.drain(MINUTE))
    assert (anew.destination, anew.telegram_id, anew.is_loud) == (FRESH, None, False)
    await stage.post(alert(ends=NOON + SECOND))
    [edit] = await stage.show()
    assert edit.telegram_id not in {None, IN_THE_OLD}
    assert not card(edit).firing


async def test_nor_does_one_that_failed_meanwhile_bring_it_back(stage: Stage) -> None:
    await stage.post(alert())
    [first] = await stage.claim()
    await stage.settle(first, Sent(IN_THE_OLD))
    await stage.post(alert(host="web-2"))
    [ring] = await stage.claim()
    await stage.settle(ring)
    [edit] = await stage.claim()
    assert edit.telegram_id == IN_THE_OLD
    await stage.destinations.move(OPS.chat_id, FRESH.chat_id, now=stage.now)
    await stage.settle(edit, Failed(Reason.OUTAGE))
    [anew] = of_kind(Kind.CARD, await stage.drain(MINUTE))
    assert (anew.destination, anew.telegram_id) == (FRESH, None)


async def test_a_move_that_several_hear_of_is_told_once(stage: Stage) -> None:
    stage.hear(admins=(ADA,))
    await stage.post(alert())
    [first] = await stage.claim()
    await stage.destinations.move(OPS.chat_id, FRESH.chat_id, now=stage.now)
    stage.wait()
    await stage.settle(first, Failed(Reason.MIGRATED, moved_to=FRESH.chat_id))
    told = of_kind(Kind.NOTICE, await stage.drain(MINUTE))
    assert [(each.destination, notice(each).detail) for each in told] == [(ADA, str(FRESH))]


async def test_whoever_stood_still_until_another_showed_it_changes_nothing(stage: Stage) -> None:
    for outcome in (Failed(Reason.OUTAGE), Failed(Reason.MESSAGE_GONE), Sent(8)):
        host = type(outcome).__name__ + str(getattr(outcome, "reason", ""))
        await stage.post(alert(host=host), group=host)
        [late] = await stage.claim()
        stage.wait(limits.CLAIM_LEASE + SECOND)
        [prompt] = await stage.claim()
        number = await stage.settle(prompt)
        await stage.settle(late, outcome)
        stage.wait(MINUTE)
        await stage.post(alert(host=host, ends=stage.now), group=host)
        [edit] = await stage.claim()
        assert edit.telegram_id == number, "what is shown is edited, and shown once"
        await stage.settle(edit)


async def test_a_lease_that_nobody_else_took_is_still_ones_own(stage: Stage) -> None:
    await stage.post(alert())
    [late] = await stage.claim()
    stage.wait(limits.CLAIM_LEASE + SECOND)
    await stage.settle(late)
    assert await stage.show() == []
