from __future__ import annotations

import itertools
import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import limits
from bridge.core.cards import CardFacts, Member
from bridge.core.notices import NoticeKind
from bridge.core.outbox import Failed, Reason, Sent
from bridge.core.second_way import SecondWay, WaitingCard, gather_alike, is_reached
from tests.fakes.clock import NOON

PATIENCE = timedelta(minutes=5)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
OUTAGE = Failed(Reason.OUTAGE)


def card(number: int, revision: int = 1, *, episodes: tuple[int, ...] = ()) -> WaitingCard:
    members = tuple(
        Member(
            labels={"alertname": "HighLoad", "host": f"web-{each}"},
            annotations={},
            started_at=NOON,
            ended_at=None,
            episode_id=each,
        )
        for each in episodes or (number,)
    )
    return number, revision, CardFacts(members=members, group_labels={"host": str(number)})


def restarted(second_way: SecondWay) -> SecondWay:
    again = SecondWay(PATIENCE)
    again.restore(json.loads(json.dumps(second_way.write())))
    return again


def away(since: datetime = NOON) -> SecondWay:
    second_way = SecondWay(PATIENCE)
    second_way.note_outcome(OUTAGE, since)
    return second_way


@pytest.mark.parametrize("reason", Reason)
def test_only_a_telegram_that_is_not_there_or_knows_us_no_more_counts_as_away(
    reason: Reason,
) -> None:
    expected = {Reason.OUTAGE: False, Reason.NOT_AUTHORISED: False, Reason.UNFORESEEN: None}
    assert is_reached(Failed(reason)) is expected.get(reason, True)
    assert is_reached(Sent(1)) is True


def test_telegram_is_away_once_nothing_has_got_through_for_the_patience() -> None:
    second_way = away()
    assert second_way.since == NOON
    for minute in range(1, 6):
        second_way.note_outcome(OUTAGE, NOON + minute * MINUTE)
    assert second_way.since == NOON
    assert not second_way.is_away(NOON + PATIENCE - SECOND)
    assert second_way.is_away(NOON + PATIENCE)
    second_way.note_outcome(Failed(Reason.CHAT_REFUSES), NOON + PATIENCE)
    assert not second_way.is_away(NOON + PATIENCE)


def test_a_look_at_the_bot_finds_an_outage_though_nothing_waits() -> None:
    second_way = SecondWay(PATIENCE)
    second_way.note_probe(NOON, is_well=False)
    assert second_way.is_away(NOON + PATIENCE)
    second_way.note_probe(NOON + PATIENCE, is_well=True)
    assert second_way.since is None


def test_a_bot_that_answers_proves_nothing_while_its_messages_fail() -> None:
    second_way = away()
    for step in range(1, 21):
        now = NOON + step * limits.HEALTH_PASS
        second_way.note_probe(now, is_well=True)
        if step % 4 == 0:
            second_way.note_outcome(OUTAGE, now)
    assert second_way.is_away(NOON + PATIENCE)
    second_way.note_probe(NOON + PATIENCE + limits.AWAY_DOUBT + SECOND, is_well=True)
    assert second_way.since is None, "nobody tries to send any more: the bot's word counts"


def test_a_revision_goes_each_way_once() -> None:
    second_way, now = away(), NOON + PATIENCE
    waiting = [card(1), card(2)]
    assert second_way.choose("ntfy", waiting, now) == waiting
    second_way.note_taken("ntfy", waiting, now)
    now += limits.DIGEST_EVERY
    assert second_way.choose("ntfy", [*waiting, card(3)], now) == [card(3)]
    assert second_way.choose("ntfy", [card(1, 2), card(2)], now) == [card(1, 2)]
    assert second_way.choose("mail", waiting, now) == waiting


def test_a_way_gets_one_digest_a_minute_at_most() -> None:
    second_way, now = away(), NOON + PATIENCE
    second_way.note_taken("ntfy", [card(1)], now)
    assert second_way.choose("ntfy", [card(2)], now + limits.DIGEST_EVERY - SECOND) == []
    assert second_way.choose("ntfy", [card(2)], now + limits.DIGEST_EVERY) == [card(2)]


def test_a_way_that_fails_is_tried_again_ever_more_rarely_and_for_ever() -> None:
    second_way, now = away(), NOON + PATIENCE
    waits = []
    for _ in range(40):
        again_at = second_way.note_refused("ntfy", now, jitter=1.0)
        assert second_way.choose("ntfy", [card(1)], again_at - SECOND) == []
        assert second_way.choose("ntfy", [card(1)], again_at) == [card(1)]
        waits.append((again_at - now) / MINUTE)
        now = again_at
    assert waits[:6] == [1, 2, 4, 8, 15, 15]
    assert set(waits[4:]) == {15}
    second_way.note_taken("ntfy", [card(1)], now)
    assert second_way.note_refused("ntfy", now, jitter=0.0) == now + MINUTE / 2


def test_the_chats_are_told_how_many_alerts_went_elsewhere_and_from_when_to_when() -> None:
    second_way, now = away(), NOON + PATIENCE
    second_way.note_taken("ntfy", [card(1, episodes=(1, 2)), card(2, episodes=(2, 3))], now)
    second_way.note_taken("mail", [card(1, episodes=(1, 2))], now)
    second_way.note_outcome(Sent(7), now + MINUTE)
    [notice] = second_way.over
    assert notice.kind is NoticeKind.TELEGRAM_WAS_AWAY
    assert (notice.since, notice.until, notice.count) == (NOON, now + MINUTE, 3)
    second_way.note_told(notice)
    assert second_way.over == ()


def test_an_outage_in_which_nothing_went_elsewhere_is_not_told() -> None:
    second_way = away()
    second_way.note_outcome(Sent(7), NOON + 2 * PATIENCE)
    assert second_way.over == ()


def test_a_restart_neither_repeats_nor_forgets() -> None:
    before, now = away(), NOON + PATIENCE
    before.note_taken("ntfy", [card(1)], now)
    before.note_refused("mail", now, jitter=1.0)
    after = restarted(before)
    assert not after.is_unwritten
    assert after.is_away(now)
    later = now + limits.DIGEST_EVERY
    assert after.choose("ntfy", [card(1), card(2)], now) == []
    assert after.choose("ntfy", [card(1), card(2)], later) == [card(2)]
    assert after.choose("mail", [card(1)], later) == [card(1)]
    after.note_probe(later, is_well=True)
    [notice] = after.over
    assert (notice.since, notice.count) == (NOON, 1)


def test_an_outage_that_began_again_before_it_was_told_is_told_as_two() -> None:
    second_way, now = away(), NOON + PATIENCE
    second_way.note_taken("ntfy", [card(1)], now)
    second_way.note_outcome(Sent(1), now)
    second_way.note_outcome(OUTAGE, now + SECOND)
    assert [notice.since for notice in second_way.over] == [NOON]
    assert second_way.since == now + SECOND
    again = now + SECOND + PATIENCE
    assert second_way.choose("ntfy", [card(1)], again) == [], "it has gone there already"


def test_a_clock_that_is_put_back_stops_neither_the_count_nor_a_way() -> None:
    second_way, now = away(), NOON + PATIENCE
    second_way.note_taken("ntfy", [card(1)], now)
    earlier = now - timedelta(hours=2)
    assert second_way.choose("ntfy", [card(2)], earlier) == [card(2)]
    second_way.note_outcome(OUTAGE, earlier)
    assert second_way.is_away(earlier + PATIENCE)


@pytest.mark.parametrize(
    "broken",
    [
        None,
        7,
        [],
        {},
        {"since": "soon"},
        {"since": None, "alerts": 1, "ways": {}},
        {"since": None, "alerts": [], "ways": {"a": {}}},
        {"since": None, "alerts": [], "ways": []},
    ],
)
def test_a_memory_of_another_version_is_as_good_as_none(broken: object) -> None:
    second_way = SecondWay(PATIENCE)
    second_way.restore(broken)
    assert second_way.since is None
    assert second_way.choose("ntfy", [card(1)], NOON) == [card(1)]


def test_cards_that_no_longer_wait_are_let_go() -> None:
    second_way = away()
    second_way.note_taken("ntfy", [card(1), card(2)], NOON)
    second_way.forget_all_but([card(2)])
    assert second_way.write()["ways"]["ntfy"]["sent"] == {"2": 1}


def test_what_several_chats_would_show_alike_is_told_once() -> None:
    here, there = card(1), card(1)
    both = [(1, 1, here[2]), (2, 4, there[2])]
    assert gather_alike([*both, card(3)]) == [both, [card(3)]]


def test_what_is_news_goes_before_what_has_changed_and_the_worst_before_the_rest() -> None:
    second_way, now = away(), NOON + PATIENCE
    worse = replace(card(5)[2].members[0], labels={"alertname": "Down", "severity": "critical"})
    critical = (5, 1, CardFacts(members=(worse,), group_labels={}))
    assert second_way.choose("ntfy", [card(1), critical], now) == [critical, card(1)]
    second_way.note_taken("ntfy", [critical], now)
    second_way.note_taken("ntfy", [card(1)], now + MINUTE)
    later = now + 2 * MINUTE
    second_way.note_taken("ntfy", [(5, 2, critical[2])], later)
    again = [(5, 3, critical[2]), card(1, 2), card(2)]
    assert second_way.choose("ntfy", again, later + MINUTE) == [again[2], again[1], again[0]]


def test_an_absence_that_ends_while_a_digest_is_sent_is_told_when_it_is_taken() -> None:
    second_way, now = away(), NOON + PATIENCE
    chosen = second_way.choose("mail", [card(1)], now)
    second_way.note_outcome(Sent(1), now + SECOND)
    assert not list(second_way.over)
    second_way.note_taken("mail", chosen, now + 9 * SECOND)
    [notice] = second_way.over
    assert (notice.since, notice.until, notice.count) == (NOON, now + SECOND, 1)
    second_way.note_told(notice)
    later = now + timedelta(hours=10)
    second_way.note_outcome(OUTAGE, later)
    second_way.note_outcome(Sent(2), later + SECOND)
    assert second_way.over == (), "nothing went elsewhere in that second"


def test_an_absence_that_was_told_is_told_again_when_a_slower_way_takes_more() -> None:
    second_way, now = away(), NOON + PATIENCE
    quick = second_way.choose("ntfy", [card(1)], now)
    slow = second_way.choose("mail", [card(1), card(2)], now)
    second_way.note_taken("ntfy", quick, now)
    second_way.note_outcome(Sent(1), now + SECOND)
    [first] = second_way.over
    second_way.note_taken("mail", slow, now + MINUTE)
    [grown] = second_way.over
    assert (grown.since, first.count, grown.count) == (first.since, 1, 2)
    second_way.note_told(first)
    assert second_way.over == (grown,)


EVENTS = st.sampled_from(["fails", "works", "probe fails", "probe works", "restart"])
CHANGES = st.sampled_from(["change", "shown"])
REFUSING = st.sampled_from(["", "ntfy", "mail"])
STEPS = st.lists(st.tuples(EVENTS, CHANGES, st.integers(1, 4), REFUSING), max_size=80)


class Simulation:
    """An outage in which cards change while some ways refuse."""

    def __init__(self) -> None:
        self.second_way = SecondWay(PATIENCE)
        self.now = NOON
        self.waiting: dict[int, int] = {}
        self.taken: set[tuple[str, int, int]] = set()
        self._revisions = itertools.count(1)

    def cards(self) -> list[WaitingCard]:
        return [card(number, revision) for number, revision in self.waiting.items()]

    def meet(self, event: str) -> None:
        if event == "restart":
            self.second_way = restarted(self.second_way)
        elif event.startswith("probe"):
            self.second_way.note_probe(self.now, is_well=event == "probe works")
        else:
            self.second_way.note_outcome(OUTAGE if event == "fails" else Sent(1), self.now)

    def change(self, change: str, number: int) -> None:
        if change == "change":
            self.waiting[number] = next(self._revisions)
        else:
            self.waiting.pop(number, None)

    def send(self, refusing: str) -> None:
        self.second_way.forget_all_but(self.cards())
        for way in ("ntfy", "mail"):
            chosen = self.second_way.choose(way, self.cards(), self.now)
            if chosen and way == refusing:
                self.second_way.note_refused(way, self.now, jitter=1.0)
            elif chosen:
                sent = {(way, number, revision) for number, revision, _ in chosen}
                assert not sent & self.taken, "sent twice"
                self.taken |= sent
                self.second_way.note_taken(way, chosen, self.now)

    def left(self) -> set[tuple[str, int, int]]:
        """Name what would go, were every way willing for long enough."""
        late = self.now + limits.DIGEST_BACKOFF_LONGEST
        return {
            (way, number, revision)
            for way in ("ntfy", "mail")
            for number, revision, _ in self.second_way.choose(way, self.cards(), late)
        }


@given(STEPS)
def test_whatever_happens_no_revision_goes_the_same_way_twice_and_none_is_left_out(
    steps: list[tuple[str, str, int, str]],
) -> None:
    scene = Simulation()
    for event, change, number, refusing in steps:
        scene.now += MINUTE
        scene.meet(event)
        scene.change(change, number)
        if scene.second_way.is_away(scene.now):
            scene.send(refusing)
            wanted = {(w, c, r) for w in ("ntfy", "mail") for c, r in scene.waiting.items()}
            assert scene.left() == wanted - scene.taken
