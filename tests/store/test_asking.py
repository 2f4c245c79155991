"""Questions that buttons and commands ask: one card, and what fires."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from bridge.core.access import EVERYWHERE, parse_scope
from bridge.core.audience import UNHEARD, Destination
from bridge.core.outbox import Claimed
from bridge.errors import Missing
from bridge.store.cards import Cards
from bridge.store.firing import Firing
from bridge.store.tables import messages
from tests.fakes.clock import NOON
from tests.fakes.webhooks import alert
from tests.store.stage import ADA, BOB, DEV, HOUR, INVENTORY, SECOND, Stage, card

DATABASES = parse_scope(["group=db"])


async def shown_card(stage: Stage, *alerts: object, to: Destination = ADA) -> Claimed:
    await stage.post(*alerts, to=to)
    [shown] = await stage.show()
    return shown


async def test_a_card_is_found_by_its_number_where_it_stands_and_nowhere_else(
    stage: Stage,
) -> None:
    cards = Cards(stage.database, INVENTORY.find)
    number = card(await shown_card(stage, alert(host="web-1"), alert(host="db-1"))).card_id
    assert number
    found = await cards.find(number, here=ADA, scope=EVERYWHERE)
    assert {each.host for each in found.members} == {"db-1", "web-1"}
    partly = await cards.find(number, here=ADA, scope=DATABASES)
    assert [each.host for each in partly.members] == ["db-1"]
    for here, scope, asked in (
        (BOB, EVERYWHERE, number),
        (ADA, parse_scope(["group=mail"]), number),
        (ADA, EVERYWHERE, number + 1),
        (UNHEARD, EVERYWHERE, number),
    ):
        with pytest.raises(Missing, match="no longer kept"):
            await cards.find(asked, here=here, scope=scope)


async def test_an_old_button_never_shows_the_card_that_took_its_number(stage: Stage) -> None:
    cards = Cards(stage.database, INVENTORY.find)
    shown = await shown_card(stage, alert(host="web-1"))
    number = card(shown).card_id or 0
    below = await stage.scalar(select(messages.c.telegram_id).where(messages.c.card_id == number))
    found = await cards.find(number, here=ADA, scope=EVERYWHERE, below=below)
    assert [each.host for each in found.members] == ["web-1"]
    with pytest.raises(Missing, match="no longer kept"):
        await cards.find(number, here=ADA, scope=EVERYWHERE, below=below + 1)


async def test_whoever_is_limited_is_not_told_what_happened_to_other_hosts(stage: Stage) -> None:
    stage.hear(subscribed=(ADA,))
    await stage.post(alert(host="web-1"), alert(host="db-1"), truncatedAlerts=3)
    [shown] = await stage.show()
    await stage.post(alert(host="web-1", ends=NOON + SECOND), alert(host="db-1"), truncatedAlerts=3)
    cards = Cards(stage.database, INVENTORY.find)
    found = await cards.find(card(shown).card_id or 0, here=ADA, scope=EVERYWHERE)
    assert found.change is not None
    assert found.truncated == 3
    limited = await cards.find(card(shown).card_id or 0, here=ADA, scope=parse_scope(["group=db"]))
    assert (limited.change, limited.truncated) == (None, 0)
    assert [each.host for each in limited.members] == ["db-1"]


async def test_a_card_is_found_from_every_topic_of_its_forum_and_after_a_move(
    stage: Stage,
) -> None:
    cards = Cards(stage.database, INVENTORY.find)
    number = card(await shown_card(stage, alert(), to=DEV)).card_id
    found = await cards.find(number, here=Destination(DEV.chat_id), scope=EVERYWHERE)
    assert found.firing
    await stage.destinations.move(DEV.chat_id, -1_000_200, now=stage.now)
    assert (await cards.find(number, here=DEV, scope=EVERYWHERE)).firing


async def test_a_card_that_was_purged_or_taken_back_is_missing(stage: Stage) -> None:
    cards = Cards(stage.database, INVENTORY.find)
    stage.hear(subscribed=())
    await stage.subscribe(ADA)
    await stage.post(alert())
    [shown] = await stage.show()
    await stage.chats.unsubscribe(ADA, now=stage.now)
    with pytest.raises(Missing):
        await cards.find(card(shown).card_id, here=ADA, scope=EVERYWHERE)


async def test_what_fires_is_told_worst_first_within_bounds_and_limits(stage: Stage) -> None:
    firing = Firing(stage.database, INVENTORY.find)
    assert (await firing.find()).total == 0
    await stage.post(
        alert("A", host="web-1", severity="warning"),
        alert("B", host="db-1", severity="info"),
        alert("C", host="db-1", severity="critical"),
        alert("D", host="", severity="critical", starts=NOON - HOUR),
        alert("E", host="db-2", ends=NOON + SECOND),
    )
    everything = await firing.find()
    assert [each.member.name for each in everything.alerts] == ["C", "D", "A", "B"]
    assert (everything.total, everything.left_out, everything.muted) == (4, 0, 0)
    assert [each.acked_by for each in everything.alerts] == [""] * 4
    some = await firing.find(most=2)
    assert ([each.member.name for each in some.alerts], some.left_out) == (["C", "D"], 2)
    limited = await firing.find(scope=DATABASES)
    assert [each.member.name for each in limited.alerts] == ["C", "B"]
    one = await firing.find(host="DB-1", scope=EVERYWHERE)
    assert [each.member.name for each in one.alerts] == ["C", "B"]
    assert (await firing.find(host="web-1", scope=DATABASES)).total == 0
