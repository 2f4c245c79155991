"""The chaos suite itself: a judge that sees nothing, or a cluster that lies, proves nothing."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from bridge.core.alerts import parse_webhook
from bridge.core.episodes import Episode, fold
from tests.chaos.clock import BentClock
from tests.chaos.cluster import Cluster
from tests.chaos.invariant import Shown, judge_chat, read_marks, read_message
from tests.chaos.truth import Extent, Group, draw_truth

FIRING, OVER = "Trial0001", "Trial0002"
TRUTH = {FIRING: True, OVER: False}
CARD = f"🔴 FIRING  box-00 · 1 firing, 1 over\n\n🔴 {FIRING}\ncritical\n\n✅ {OVER}\nlasted 4 min"


def shown(text: str, *, number: int = 1, kind: str = "card") -> Shown:
    return Shown(id=number, kind=kind, marks=tuple(read_marks(text)), text=text)


def message(text: str, **fields: Any) -> dict[str, Any]:
    plain = {"message_id": 1, "text": text, "caption": None, "document": None, "reply_to": None}
    return plain | fields


def test_the_judge_is_content_with_what_is_true() -> None:
    assert judge_chat(TRUTH, [shown(CARD)]) == judge_chat({}, [])


def test_the_judge_misses_what_is_not_shown_or_shown_otherwise() -> None:
    assert judge_chat(TRUTH, []).lost == (FIRING, OVER)
    assert judge_chat(TRUTH, [shown(f"✅ RESOLVED  box-00 · {FIRING}")]).lost == (FIRING, OVER)
    assert judge_chat(TRUTH, [shown(CARD, kind="ring")]).lost == (FIRING, OVER)


def test_the_judge_finds_what_nobody_keeps_true_any_more() -> None:
    stale = shown(f"🟡 FIRING  box-00 · {OVER}", number=2)
    assert judge_chat(TRUTH, [shown(CARD), stale]).surplus == (2,)
    assert judge_chat(TRUTH, [shown(CARD, number=2), shown(CARD, number=3)]).surplus == (2,)


def test_a_board_and_a_list_may_say_what_a_card_says_and_a_past_board_what_was() -> None:
    others = [shown(CARD, number=2, kind="board"), shown(CARD, number=3, kind="list")]
    assert judge_chat(TRUTH, [shown(CARD), *others]).surplus == ()
    past = shown(f"🔴 {OVER} · box-00", number=4, kind="past board")
    assert judge_chat(TRUTH, [shown(CARD), past]).surplus == ()


def test_marks_are_read_from_lines_and_from_the_sections_they_stand_in() -> None:
    assert read_marks(f"✅🔴 {OVER} · box-00") == [(OVER, False)]
    assert read_marks(f"⚪ NO DATA  box-00 · {OVER}") == [(OVER, False)]
    sections = f"FIRING: 1\n{FIRING} · box-00\n\nOVER: 1\n✅ {OVER} · box-00"
    assert read_marks(sections) == [(FIRING, True), (OVER, False)]


def test_messages_are_told_apart_by_what_they_carry_and_answer() -> None:
    file = {"url": "/control/files/x"}
    assert read_message(message(CARD)).kind == "card"
    assert read_message(message("🔴🔔 new: x", reply_to=5)).kind == "ring"
    # Its card may have been refused at first: then there is nothing to reply to.
    assert read_message(message("🔴🔔 1 new: box-00 · Trial0001")).kind == "ring"
    assert read_message(message("", document=file, reply_to=5)).kind == "list"
    board = message("", document=file, caption="🔴 STORM  3 firing")
    assert read_message(board, f"🔴 {FIRING}").marks == ((FIRING, True),)
    assert read_message(board).kind == "board"
    assert read_message(board | {"caption": "✅ STORM OVER  3 over"}).kind == "past board"


class Listener:
    """A bridge that keeps episodes and nothing else, and sometimes has no time."""

    def __init__(self, seed: int) -> None:
        self.latest: dict[str, Episode] = {}
        self.bodies: list[str] = []
        self._chance = random.Random(seed)  # noqa: S311 - repeatable, no secret
        self.door = httpx.AsyncClient(
            transport=httpx.MockTransport(self._answer), base_url="http://bridge"
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if self._chance.random() < 1 / 10:
            return httpx.Response(503)
        body = request.content.decode()
        self.bodies.append(body)
        for alert in parse_webhook(json.loads(body), datetime(2026, 11, 20, tzinfo=UTC)).alerts:
            name = alert.labels["alertname"]
            self.latest[name] = fold(self.latest.get(name), alert)[1]
        return httpx.Response(200)


async def told(seed: int, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Group], Listener]:
    """Tell a truth without waiting."""
    monkeypatch.setattr("tests.chaos.cluster.AGAIN", 0)
    listener = Listener(seed)
    chance = random.Random(seed)  # noqa: S311 - repeatable, no secret
    groups = draw_truth(chance, Extent(groups=3, members=4, turns=8))
    cluster = Cluster(seed, lambda: listener.door, longest_delay=0)
    async with listener.door:
        await cluster.tell(groups, pause=0)
    assert cluster.deliveries.refused == []
    return groups, listener


@pytest.mark.parametrize("seed", range(40))
async def test_whatever_the_members_say_can_be_put_together_to_the_truth(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups, listener = await told(seed, monkeypatch)
    truth = {each.name: each.is_firing for group in groups for each in group.subjects}
    assert {name: each.is_open for name, each in listener.latest.items()} == truth


async def test_the_members_do_repeat_leave_out_and_come_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, listener = await told(1, monkeypatch)
    bodies = [json.loads(body) for body in listener.bodies]
    assert len({body["externalURL"] for body in bodies}) == 3
    told_of = [
        (each["labels"]["alertname"], each["status"], each["startsAt"])
        for body in bodies
        for each in body["alerts"]
    ]
    assert len(told_of) > 1.5 * len(set(told_of))


def test_a_seed_says_all() -> None:
    extent = Extent(groups=3, members=4, turns=5)
    first, again, other = (
        draw_truth(random.Random(seed), extent)  # noqa: S311 - repeatable, no secret
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_the_bent_clock_runs_fast_and_jumps_for_all_who_read_it(tmp_path: Path) -> None:
    clock, other = BentClock(tmp_path / "clock"), BentClock(tmp_path / "clock")
    before = other.now()
    clock.jump(timedelta(hours=1))
    assert timedelta(hours=1) <= other.now() - before < timedelta(hours=1, minutes=10)
    clock.run(3600)
    assert other.rate == 3600
