from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from bridge import limits
from bridge.core.access import parse_scope
from bridge.core.logins import LoginFacts, LoginKind, Logouts
from bridge.core.outbox import Claimed, Failed, Kind, Reason
from bridge.store.logins import Logins
from bridge.store.tables import logins, messages
from tests.fakes.clock import NOON
from tests.store.stage import ADA, DEV, INVENTORY, MINUTE, OPS, SECOND, Stage


def facts(kind: LoginKind = LoginKind.LOGIN, host: str = "web-1", **more: Any) -> LoginFacts:
    told: dict[str, Any] = {
        "host": host,
        "kind": kind,
        "user": "bob \u202e\ud800\0",
        "address": "192.0.2.9",
        "method": "password",
        "first": NOON,
        "last": NOON,
    }
    return LoginFacts(**(told | more))


def failures(count: int, **more: Any) -> LoginFacts:
    return facts(LoginKind.FAILURE, count=count, **more)


async def put(stage: Stage, event: str, told: LoginFacts) -> bool:
    return await Logins(stage.database, stage.hearing).put(event, told, now=stage.now)


def told_of(claimed: list[Claimed]) -> list[tuple[int, LoginKind, str]]:
    found = []
    for each in claimed:
        assert isinstance(each.facts, LoginFacts)
        found.append((each.destination.chat_id, each.facts.kind, each.facts.host))
    return sorted(found, key=str)


async def test_a_login_is_one_message_in_every_chat_that_hears(stage: Stage) -> None:
    stage.hear(subscribed=(OPS, DEV))
    assert await put(stage, "e1", facts())
    shown = await stage.show()
    assert {each.destination for each in shown} == {OPS, DEV}
    assert all(each.kind is Kind.LOGIN and each.is_loud for each in shown)
    assert all(each.facts == facts() for each in shown)


async def test_an_event_told_twice_is_known_once(stage: Stage) -> None:
    assert await put(stage, "e1", facts())
    assert not await put(stage, "e1", facts())
    assert await put(stage, "e1", facts(host="web-2")), "another host counts for itself"
    assert len(await stage.drain()) == 2
    assert await stage.scalar(select(func.count()).select_from(logins)) == 2


async def test_an_event_that_was_kept_is_shown_after_a_crash(stage: Stage) -> None:
    await put(stage, "e1", facts())
    (message,) = await stage.claim()
    await stage.settle(message, Failed(Reason.OUTAGE))
    assert not await put(stage, "e1", facts())
    assert told_of(await stage.drain()) == [(OPS.chat_id, LoginKind.LOGIN, "web-1")]


@pytest.mark.parametrize(
    ("logouts", "loud"), [(Logouts.MESSAGE, [True]), (Logouts.SILENT, [False]), (Logouts.NONE, [])]
)
async def test_a_logout_is_told_as_the_owner_wants(
    stage: Stage, logouts: Logouts, loud: list[bool]
) -> None:
    stage.hear(logouts=logouts)
    assert await put(stage, "e1", facts(LoginKind.LOGOUT))
    assert [each.is_loud for each in await stage.show()] == loud


async def test_who_went_before_trying_is_kept_and_not_told(stage: Stage) -> None:
    assert await put(stage, "e1", failures(9, method="preauth"))
    assert await stage.show() == []
    assert await stage.scalar(select(func.count()).select_from(logins)) == 1


# -- failures ------------------------------------------------------------------------------------


async def test_a_thousand_failures_in_a_minute_are_one_message(stage: Stage) -> None:
    await put(stage, "e1", failures(1, user="admin"))
    (first,) = await stage.show()
    stage.wait(MINUTE)
    await put(stage, "e2", failures(999, last=stage.now, users=37))
    (second,) = await stage.show()
    assert second.telegram_id is not None, "it is edited"
    assert not first.is_loud
    assert not second.is_loud
    assert isinstance(second.facts, LoginFacts)
    assert (second.facts.count, second.facts.users) == (1000, 37)
    assert len(stage.shown) == 1


async def test_an_attack_of_hours_costs_few_edits_and_counts_everything(stage: Stage) -> None:
    begun, number = stage.now, 0
    while stage.now - begun < timedelta(hours=5):
        number += 1
        await put(stage, f"e{number}", failures(100, first=stage.now, last=stage.now))
        await stage.show()
        stage.wait(MINUTE)
    assert len(stage.shown) == 1
    assert len(stage.log) <= 20
    stage.wait(limits.FAILURES_EDITED)
    await put(stage, "last", failures(1, first=stage.now, last=stage.now))
    await stage.show()
    (told,) = stage.shown.values()
    assert isinstance(told, LoginFacts)
    assert told.count == 100 * number + 1


async def test_failures_of_another_day_and_another_host_are_another_message(stage: Stage) -> None:
    await put(stage, "e1", failures(1))
    await put(stage, "e2", failures(1, host="web-2"))
    await stage.drain()
    stage.wait(limits.FAILURES_TOGETHER + MINUTE)
    await put(stage, "e3", failures(1, first=stage.now, last=stage.now))
    await stage.drain()
    assert len(stage.shown) == 3


async def test_failures_that_come_while_a_message_is_under_way_are_in_the_next(
    stage: Stage,
) -> None:
    await put(stage, "e1", failures(1))
    (message,) = await stage.claim()
    await put(stage, "e2", failures(9))
    await stage.settle(message)
    (again,) = await stage.show()
    assert isinstance(again.facts, LoginFacts)
    assert again.facts.count == 10


async def test_a_login_is_not_kept_waiting_by_failures(stage: Stage) -> None:
    for number in range(3):
        await put(stage, f"f{number}", failures(1, host=f"web-{number}"))
    await put(stage, "e1", facts())
    (first,) = await stage.claim()
    assert isinstance(first.facts, LoginFacts)
    assert first.facts.kind is LoginKind.LOGIN


async def test_logins_alone_open_no_board(stage: Stage) -> None:
    for number in range(30):
        await put(stage, f"e{number}", facts(LoginKind.LOGIN if number % 2 else LoginKind.LOGOUT))
    shown = await stage.drain(timedelta(minutes=30))
    assert len(shown) == 30
    assert {each.kind for each in shown} == {Kind.LOGIN}


# -- who hears -----------------------------------------------------------------------------------


async def test_a_chat_hears_of_the_hosts_that_exist_for_it(stage: Stage) -> None:
    stage.hear(subscribed=(OPS, ADA), find_host=INVENTORY.find)
    await stage.chats.limit(ADA, parse_scope(["group=db"]), now=stage.now)
    await put(stage, "e1", facts(host="web-1"))
    await put(stage, "e2", facts(host="db-1"))
    await put(stage, "e3", facts(host="unknown"))
    heard = told_of(await stage.drain())
    assert [host for chat, _, host in heard if chat == ADA.chat_id] == ["db-1"]
    assert sorted(host for chat, _, host in heard if chat == OPS.chat_id) == [
        "db-1",
        "unknown",
        "web-1",
    ]


@pytest.mark.parametrize("choice", ["kinds -login", "notify off", "notify critical"])
async def test_a_chat_that_switched_it_off_hears_of_no_login(stage: Stage, choice: str) -> None:
    await stage.choose(OPS, choice)
    assert await put(stage, "e1", facts())
    assert await stage.show() == []


async def test_in_quiet_hours_a_login_is_shown_without_a_sound(stage: Stage) -> None:
    await stage.choose(OPS, "quiet 00:00-23:59", "zone UTC")
    await put(stage, "e1", facts())
    (shown,) = await stage.show()
    assert not shown.is_loud


async def test_a_host_that_no_longer_exists_for_a_chat_is_not_told_of_any_more(
    stage: Stage,
) -> None:
    stage.hear(find_host=INVENTORY.find)
    await put(stage, "e1", facts(host="web-1"))
    await stage.chats.limit(OPS, parse_scope(["group=db"]), now=stage.now)
    assert await stage.drain() == []
    waiting = select(func.count()).where(messages.c.kind == Kind.LOGIN.value)
    assert await stage.scalar(waiting) == 0


async def test_with_nobody_to_hear_an_event_is_kept_and_waits_for_nobody(stage: Stage) -> None:
    stage.hear(subscribed=())
    assert await put(stage, "e1", facts())
    assert (await stage.outbox.depth()).waiting == 0


async def test_what_a_broken_chat_cannot_hear_its_fallback_does(stage: Stage) -> None:
    stage.hear(fallback=DEV)
    await put(stage, "e1", facts())
    (message,) = await stage.claim()
    await stage.settle(message, Failed(Reason.CHAT_REFUSES))
    await stage.show()
    await put(stage, "e2", facts())
    shown = await stage.drain()
    assert [each.destination for each in shown if each.kind is Kind.LOGIN] == [DEV]


async def test_a_chat_that_leaves_is_told_of_no_login_that_waits(stage: Stage) -> None:
    await stage.subscribe(ADA)
    await put(stage, "e1", facts())
    await stage.chats.unsubscribe(ADA, now=stage.now)
    assert {each.destination for each in await stage.drain()} == {OPS}


async def test_old_events_are_let_go_of(stage: Stage) -> None:
    await put(stage, "e1", facts())
    await stage.show()
    await stage.records.purge(before=stage.now)
    assert await stage.scalar(select(func.count()).select_from(logins)) == 1
    stage.wait(SECOND)
    await stage.records.purge(before=stage.now)
    assert await stage.scalar(select(func.count()).select_from(logins)) == 0
    assert await stage.scalar(select(func.count()).select_from(messages)) == 0


async def test_an_event_of_any_text_is_read_back_as_it_was(stage: Stage) -> None:
    for number, kind in enumerate(LoginKind):
        told = replace(facts(kind), user=f"{'x' * 100}\0\ud800'\"<b>", method="sudo root")
        await put(stage, f"e{number}", told)
        (shown,) = await stage.show()
        assert shown.facts == told
        stage.wait(MINUTE)
