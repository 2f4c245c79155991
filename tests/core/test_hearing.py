from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from bridge.core.access import Scope, parse_scope
from bridge.core.audience import Destination, Hearer, choose_audience
from bridge.core.boards import BoardFacts, BoardState
from bridge.core.cards import CardFacts, ListFacts, Member, UnreadableFacts
from bridge.core.hearing import Ear, Hearing
from bridge.core.inventory import parse_inventory
from bridge.core.kinds import AlertKind
from bridge.core.notices import NoticeFacts, NoticeKind
from bridge.core.outbox import Facts, is_pressing
from bridge.core.preferences import Notify, Preferences, QuietHours
from bridge.core.rings import RingFacts, RingKind
from tests.fakes.clock import NOON

OPS, DEV, FALLBACK = Destination(-100), Destination(-200), Destination(-900)
TOPIC, FORUM = Destination(-300, 9), Destination(-300)
INVENTORY = parse_inventory("web-1 192.0.2.1:9100 group=web\ndb-1 192.0.2.2:9100 group=db")
DATABASES = parse_scope(["group=db"])
CRITICAL_ONLY = Preferences(notify=Notify.CRITICAL)
OFF = Preferences(notify=Notify.OFF)


def labels(host: str = "web-1", severity: str = "critical", **more: str) -> dict[str, str]:
    return {"alertname": "AgentDown", "host": host, "severity": severity, **more}


def hearing(**ears: Ear) -> Hearing:
    places = {"ops": OPS, "dev": DEV, "fallback": FALLBACK, "topic": TOPIC, "forum": FORUM}
    return Hearing(
        subscribed=(OPS, DEV),
        find_host=INVENTORY.find,
        ears={places[name]: ear for name, ear in ears.items()},
    )


def limited(scope: Scope = DATABASES) -> Ear:
    return Ear(scope=scope)


def test_who_has_chosen_nothing_hears_everything() -> None:
    assert hearing().hears(OPS, labels())
    assert hearing().hears(OPS, {})
    assert hearing().hears_unreadable(OPS)


def test_a_limited_chat_hears_of_its_own_hosts_only() -> None:
    known = hearing(ops=limited())
    assert known.hears(OPS, labels("db-1"))
    assert known.hears(OPS, labels("DB-1"))
    assert not known.hears(OPS, labels("web-1"))


def test_a_limited_chat_hears_of_nothing_that_has_no_host_of_the_inventory() -> None:
    known = hearing(ops=limited())
    for host in ("", "mail-1"):
        assert not known.hears(OPS, labels(host))
    assert not known.hears(OPS, {"alertname": "Odd", "group": "db"})
    assert not known.hears_unreadable(OPS)


def test_a_limit_without_any_host_leaves_nothing() -> None:
    nowhere = Scope((("host", frozenset()),))
    assert not hearing(ops=limited(nowhere)).hears(OPS, labels("db-1"))


def test_a_topic_listens_like_its_chat_and_both_limits_hold() -> None:
    quiet = Preferences(muted=frozenset({AlertKind.DOWN}))
    known = hearing(forum=Ear(preferences=quiet, scope=DATABASES), topic=Ear())
    assert not known.hears(TOPIC, labels("db-1"))
    own = Ear(preferences=Preferences(muted=frozenset()), scope=parse_scope(["host=db-1"]))
    known = hearing(forum=Ear(preferences=quiet, scope=DATABASES), topic=own)
    assert known.hears(TOPIC, labels("db-1"))
    assert not known.hears(TOPIC, labels("web-1"))


def attuned(
    known: Hearing, *subscribed: Destination, broken: Destination
) -> dict[Destination, Hearer]:
    chosen = choose_audience(subscribed, None, broken={broken: "chat_refuses"}, fallback=FALLBACK)
    return {each.destination: known.attune(each) for each in chosen}


def test_the_fallback_hears_what_the_broken_chat_wants_whatever_it_wants_itself() -> None:
    known = hearing(ops=Ear(preferences=CRITICAL_ONLY), fallback=Ear(preferences=OFF))
    instead = attuned(known, OPS, broken=OPS)[FALLBACK]
    assert instead.hears(labels())
    assert not instead.hears(labels(severity="warning"))
    assert instead.hears_unreadable


def test_a_limited_fallback_hears_of_its_own_hosts_only() -> None:
    instead = attuned(hearing(fallback=limited()), OPS, broken=OPS)[FALLBACK]
    assert instead.hears(labels("db-1"))
    assert not instead.hears(labels("web-1"))
    assert not instead.hears_unreadable


def test_a_fallback_that_hears_for_itself_too_hears_what_either_wants() -> None:
    known = hearing(
        ops=Ear(preferences=CRITICAL_ONLY),
        fallback=Ear(preferences=Preferences(muted=frozenset({AlertKind.DOWN}))),
    )
    both = attuned(known, OPS, FALLBACK, broken=OPS)[FALLBACK]
    assert both.instead_of is None
    assert both.hears(labels())
    assert both.hears(labels(severity="info", resource="cpu", alertname="Busy"))
    assert not both.hears(labels(severity="info"))


def test_phones_are_quiet_by_the_clocks_of_the_chat_else_of_the_settings() -> None:
    lunch = Preferences(quiet=QuietHours(12 * 60, 13 * 60))
    known = hearing(ops=Ear(preferences=lunch))
    assert known.is_quiet(OPS, NOON)
    assert not known.is_quiet(DEV, NOON)
    east = replace(known, zone=timezone(timedelta(hours=2)))
    assert not east.is_quiet(OPS, NOON)
    assert east.is_quiet(OPS, NOON - timedelta(hours=2))
    there = hearing(ops=Ear(preferences=replace(lunch, zone="Asia/Taipei")))
    assert there.is_quiet(OPS, datetime(2026, 11, 20, 4, 30, tzinfo=UTC))


def member(severity: str, *, ended: bool = False) -> Member:
    return Member(
        labels=labels(severity=severity),
        annotations={},
        started_at=NOON,
        ended_at=NOON if ended else None,
    )


def card(*members: Member) -> CardFacts:
    return CardFacts(members=members, group_labels={})


CRITICAL, WARNING, OVER = member("critical"), member("warning"), member("critical", ended=True)
MATTER = NoticeFacts(kind=NoticeKind.PIPELINE_SILENT, since=NOON)
STORM = {"state": BoardState.STORM, "opened_at": NOON, "over_at": None, "arrived": 1}


@pytest.mark.parametrize(
    ("facts", "is_so"),
    [
        (card(WARNING, CRITICAL), True),
        (card(WARNING, OVER), False),
        (ListFacts(card=card(CRITICAL)), False),
        (RingFacts(kind=RingKind.STORM, members=(CRITICAL,), firing=1, at=NOON), True),
        (RingFacts(kind=RingKind.NEW, members=(WARNING,), firing=2, at=NOON), False),
        (RingFacts(kind=RingKind.RESOLVED, members=(OVER,), firing=0, at=NOON), False),
        (BoardFacts(members=(WARNING, CRITICAL), **STORM), True),  # type: ignore[arg-type]
        (BoardFacts(members=(WARNING, OVER), **STORM), False),  # type: ignore[arg-type]
        (MATTER, True),
        (UnreadableFacts(raw="7", fault="it is not an object"), True),
    ],
)
def test_in_quiet_hours_only_what_is_or_may_be_critical_is_pressing(
    facts: Facts,
    is_so: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    assert is_pressing(facts) is is_so
