from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from bridge import limits
from bridge.core.alerts import Alert, Status, parse_webhook
from bridge.core.audience import Destination
from bridge.core.cards import Muting
from bridge.core.listed import Listed, ListedGroup, Listing, Standing
from bridge.core.reconciling import (
    Memory,
    OpenEpisode,
    Repairs,
    Writer,
    find_route,
    reconcile,
    write_letters,
)
from tests.fakes.clock import NOON

MINUTE = timedelta(minutes=1)
STANDING = Standing(
    started_at=NOON - timedelta(days=1), group_wait=timedelta(seconds=40), has_times=False
)
PATIENCE = STANDING.group_wait + limits.MISSING_SHORTEST


def alert(host: str, name: str = "AgentDown") -> Alert:
    return Alert(
        status=Status.FIRING,
        labels={"alertname": name, "host": host},
        annotations={"summary": f"{host} is down"},
        started_at=NOON - timedelta(hours=1),
        ended_at=None,
        generator_url="http://p/graph",
        fingerprint="9110b3396cab5fe1",
    )


def listed(host: str, muting: Muting | None = None, name: str = "AgentDown") -> Listed:
    return Listed(
        alert=alert(host, name), receivers=frozenset({"chat"}), muting=muting, is_settled=True
    )


def listing(*alerts: Listed, up_for: timedelta = timedelta(days=1)) -> Listing:
    return Listing(alerts=alerts, standing=STANDING, up_for=up_for)


def held(
    host: str,
    number: int = 1,
    *,
    muting: Muting | None = None,
    vouched_at: datetime | None = NOON,
    started_at: datetime = NOON - timedelta(hours=1),
) -> OpenEpisode:
    return OpenEpisode(
        id=number,
        identity=alert(host).identity,
        started_at=started_at,
        muting=muting,
        vouched_at=vouched_at,
    )


def passes(
    until: timedelta,
    look: Callable[[datetime], tuple[list[Listing | None], list[OpenEpisode]]],
    memory: Memory = Memory(),  # noqa: B008 - frozen
) -> list[Repairs]:
    """Run a pass every half minute."""
    found: list[Repairs] = []
    for turn in range(until // limits.RECONCILE_PASS + 1):
        now = NOON + turn * limits.RECONCILE_PASS
        listings, episodes = look(now)
        found.append(reconcile(listings, episodes, {"chat"}, memory, now))
        memory = found[-1].memory
    return found


def test_an_episode_that_every_list_has_lost_ends_when_it_was_first_seen_absent() -> None:
    found = passes(5 * MINUTE, lambda _: ([listing(), listing()], [held("web-1")]))
    assert [each.endings for each in found[:-1]] == [{}] * 10
    assert found[-1].endings == {1: NOON}


def test_an_end_is_never_before_the_beginning() -> None:
    late = held("web-1", started_at=NOON + 3 * MINUTE)
    found = passes(5 * MINUTE, lambda _: ([listing()], [late]))
    assert found[-1].endings == {1: NOON + 3 * MINUTE}


def test_an_episode_that_no_list_ever_had_is_left_alone() -> None:
    found = passes(60 * MINUTE, lambda _: ([listing()], [held("web-1", vouched_at=None)]))
    assert not any(each.endings for each in found)


def test_one_list_that_has_it_is_enough() -> None:
    found = passes(60 * MINUTE, lambda _: ([listing(), listing(listed("web-1"))], [held("web-1")]))
    assert not any(each.endings for each in found)


@pytest.mark.parametrize(
    "silent", [None, listing(up_for=4 * MINUTE)], ids=["does not answer", "has just restarted"]
)
def test_without_every_alertmanagers_word_nothing_ends(silent: Listing | None) -> None:
    found = passes(60 * MINUTE, lambda _: ([listing(), silent], [held("web-1")]))
    assert not any(each.endings for each in found)


def test_one_silent_turn_begins_the_wait_anew() -> None:
    def look(now: datetime) -> tuple[list[Listing | None], list[OpenEpisode]]:
        return [None if now == NOON + 4 * MINUTE else listing()], [held("web-1")]

    found = passes(10 * MINUTE, look)
    ends = [each.endings for each in found if each.endings]
    assert ends[0] == {1: NOON + 4 * MINUTE + limits.RECONCILE_PASS}


def test_no_alertmanager_at_all_ends_nothing() -> None:
    found = passes(60 * MINUTE, lambda _: ([], [held("web-1")]))
    assert not any(each.endings for each in found)


def test_after_a_gap_between_passes_the_wait_begins_anew() -> None:
    first = reconcile([listing()], [held("web-1")], {"chat"}, Memory(), NOON)
    later = NOON + timedelta(hours=1)
    after = reconcile([listing()], [held("web-1")], {"chat"}, first.memory, later)
    assert after.endings == {}
    put_back = reconcile([listing()], [held("web-1")], {"chat"}, after.memory, NOON)
    assert put_back.endings == {}
    assert put_back.memory.absent == {1: NOON}


def test_an_alert_whose_beginning_never_came_is_missed_once_a_webhook_is_overdue() -> None:
    found = passes(PATIENCE + MINUTE, lambda _: ([listing(listed("web-1"))], []))
    overdue = [number for number, each in enumerate(found) if each.missed]
    assert overdue[0] == -(-PATIENCE // limits.RECONCILE_PASS)
    assert found[-1].missed == [alert("web-1").identity]


def test_what_was_put_is_not_put_again_at_once() -> None:
    identity = alert("web-1").identity
    first = passes(PATIENCE + MINUTE, lambda _: ([listing(listed("web-1"))], []))[-1]
    memory = first.memory.noting_put([identity], [identity], NOON + PATIENCE + MINUTE)
    for turn in range(28):
        now = NOON + PATIENCE + MINUTE + (turn + 1) * limits.RECONCILE_PASS
        repairs = reconcile([listing(listed("web-1"))], [], {"chat"}, memory, now)
        memory = repairs.memory
        assert repairs.missed == []


def test_a_group_that_turns_out_muted_waits_anew() -> None:
    identity = alert("web-1").identity
    first = passes(PATIENCE + MINUTE, lambda _: ([listing(listed("web-1"))], []))[-1]
    memory = first.memory.noting_put([identity], [], NOON + PATIENCE + MINUTE)
    assert memory.missing == {identity: NOON + PATIENCE + MINUTE}
    assert memory.put == {}


@pytest.mark.parametrize(
    "quiet",
    [
        listed("web-1", Muting.SILENCED),
        listed("web-1", Muting.INHIBITED),
        replace(listed("web-1"), is_settled=False),
        replace(listed("web-1"), receivers=frozenset({"pager"})),
        listed("web-1", name="Watchdog"),
    ],
    ids=["silenced", "inhibited", "unprocessed", "for somebody else", "Watchdog"],
)
def test_what_alertmanager_would_not_send_us_is_not_missed(quiet: Listed) -> None:
    found = passes(60 * MINUTE, lambda _: ([listing(quiet)], []))
    assert not any(each.missed for each in found)


def test_an_alertmanager_that_hides_its_quiet_times_makes_nothing_missed() -> None:
    old = replace(listed("web-1"), tells_times=False)
    told = replace(listing(old), standing=replace(STANDING, has_times=True))
    assert not any(each.missed for each in passes(60 * MINUTE, lambda _: ([told], [])))
    plain = listing(old)
    assert any(each.missed for each in passes(60 * MINUTE, lambda _: ([plain], [])))


@pytest.mark.parametrize(
    ("before", "said", "change"),
    [
        (None, [Muting.SILENCED], {1: Muting.SILENCED}),
        (Muting.SILENCED, [None], {1: None}),
        (Muting.SILENCED, [Muting.INHIBITED], {1: Muting.INHIBITED}),
        (None, [Muting.INHIBITED, Muting.SILENCED], {1: Muting.SILENCED}),
        (None, [Muting.SILENCED, None], {}),
        (Muting.SILENCED, [Muting.SILENCED], {}),
        (Muting.SILENCED, [], {}),
    ],
)
def test_what_is_muted_in_every_list_is_shown_so_and_no_more_once_it_is_not(
    before: Muting | None, said: list[Muting | None], change: dict[int, Muting | None]
) -> None:
    lists = [listing(listed("web-1", each)) for each in said]
    repairs = reconcile(lists, [held("web-1", muting=before)], {"chat"}, Memory(), NOON)
    assert repairs.mutings == change


def test_the_end_of_an_inhibition_is_believed_once_it_has_lasted() -> None:
    episode = held("web-1", muting=Muting.INHIBITED)
    found = passes(limits.INHIBITION_OVER, lambda _: ([listing(listed("web-1"))], [episode]))
    assert [each.mutings for each in found[:-1]] == [{}] * (len(found) - 1)
    assert found[-1].mutings == {1: None}


def test_an_inhibition_that_is_back_at_once_was_never_over() -> None:
    episode = held("web-1", muting=Muting.INHIBITED)

    def look(now: datetime) -> tuple[list[Listing | None], list[OpenEpisode]]:
        is_free = (now - NOON) // limits.RECONCILE_PASS % 2
        return [listing(listed("web-1", None if is_free else Muting.INHIBITED))], [episode]

    assert not any(each.mutings for each in passes(10 * MINUTE, look))


def test_what_was_reported_meanwhile_counts_as_absent_anew() -> None:
    episodes = [held("web-1"), held("web-2", 2)]
    last = passes(5 * MINUTE, lambda _: ([listing()], episodes))[-1]
    memory = last.memory.noting_kept({1})
    after = reconcile([listing()], episodes, (), memory, NOON + 5 * MINUTE + limits.RECONCILE_PASS)
    assert after.endings == {2: NOON}
    assert after.memory.absent[1] == NOON + 5 * MINUTE + limits.RECONCILE_PASS


def test_what_alertmanager_has_not_looked_at_yet_changes_no_muting() -> None:
    raw = replace(listed("web-1"), is_settled=False)
    episode = held("web-1", muting=Muting.SILENCED)
    assert reconcile([listing(raw)], [episode], {"chat"}, Memory(), NOON).mutings == {}


def test_an_episode_is_vouched_for_when_a_list_has_it_and_seldom_again() -> None:
    old = NOON - limits.VOUCH_AGAIN
    episodes = [
        held("web-1", 1, vouched_at=None),
        held("web-2", 2, vouched_at=NOON),
        held("web-3", 3, vouched_at=old),
        held("web-4", 4, vouched_at=None),
    ]
    lists = [listing(listed("web-1"), listed("web-2"), listed("web-3")), None]
    assert reconcile(lists, episodes, set(), Memory(), NOON).vouched == [1, 3]


def test_a_silence_that_hides_an_end_and_swallows_the_next_firing_hides_nothing_here() -> None:
    """Alertmanager tells of neither: the end was muted, and the firing is already in its log."""
    phases: list[tuple[timedelta, Listing, list[OpenEpisode]]] = [
        (timedelta(0), listing(listed("web-1", Muting.SILENCED)), [held("web-1")]),
        (MINUTE, listing(), [held("web-1", muting=Muting.SILENCED)]),
        (7 * MINUTE, listing(listed("web-1")), []),
        (12 * MINUTE, listing(), []),
    ]

    def look(now: datetime) -> tuple[list[Listing | None], list[OpenEpisode]]:
        for (begins, told, episodes), (ends, _, _) in pairwise(phases):
            if begins <= now - NOON < ends:
                return [told], episodes
        return [listing()], []

    found = passes(11 * MINUTE, look)
    assert found[0].mutings == {1: Muting.SILENCED}
    assert {1: NOON + MINUTE} in [each.endings for each in found]
    assert [alert("web-1").identity] in [each.missed for each in found]


def group(*alerts: Alert, receiver: str = "we.b hook") -> ListedGroup:
    return ListedGroup(receiver=receiver, labels={"host": "web-1"}, alerts=alerts)


def test_a_letter_is_read_as_the_webhook_that_should_have_come() -> None:
    missed = alert("web-1")
    writer = Writer(
        receiver="we.b hook",
        alertmanager="http://am:9093",
        addressed=Destination(-7, 3),
        routes=('{}/{severity=~"critical"}',),
    )
    groups = [group(missed, alert("web-2")), group(missed), group(missed, receiver="pager")]
    (letter,) = write_letters([missed.identity], groups, [writer])
    read = parse_webhook(letter.body, NOON)
    assert read.alerts == (replace(missed, received_at=NOON),)
    assert (read.receiver, read.alertmanager) == ("we.b hook", "http://am:9093")
    assert read.group_key == '{}/{severity=~"critical"}:{host="web-1"}'
    assert read.group_labels == {"host": "web-1"}
    assert letter.writer is writer
    assert letter.identities == {missed.identity}


@pytest.mark.parametrize("routes", [(), ("{}", '{}/{a="b"}')])
def test_a_group_whose_route_is_not_known_goes_by_its_labels(routes: tuple[str, ...]) -> None:
    writer = Writer(receiver="we.b hook", alertmanager="", routes=routes)
    missed = alert("web-1")
    (letter,) = write_letters([missed.identity], [group(missed)], [writer])
    assert letter.body["groupKey"] == ""


def test_every_way_of_a_receiver_gets_its_letter_and_no_other() -> None:
    missed = alert("web-1")
    writers = [
        Writer(receiver="we.b hook", alertmanager="", addressed=Destination(-1)),
        Writer(receiver="we.b hook", alertmanager="", addressed=Destination(-2)),
        Writer(receiver="pager", alertmanager=""),
    ]
    letters = write_letters([missed.identity], [group(missed)], writers)
    assert [each.writer.addressed for each in letters] == [Destination(-1), Destination(-2)]
    assert write_letters([], [group(missed)], writers) == []


@pytest.mark.parametrize(
    ("key", "labels", "route"),
    [
        ('{}:{host="web-1"}', {"host": "web-1"}, "{}"),
        ('{}/{a="b:{c"}:{a="b", z="é"}', {"z": "é", "a": "b"}, '{}/{a="b:{c"}'),
        ("{}:{}", {}, "{}"),
        ("by hand", {"host": "web-1"}, ""),
        ('{}:{host="web-2"}', {"host": "web-1"}, ""),
        ("", {}, ""),
    ],
)
def test_the_route_of_a_group_is_read_from_its_key(
    key: str, labels: dict[str, str], route: str
) -> None:
    assert find_route(key, labels) == route
