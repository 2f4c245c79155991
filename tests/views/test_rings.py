from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from bridge.core.cards import Ending, Member
from bridge.core.outbox import Form
from bridge.core.rings import RingFacts, RingKind
from bridge.limits import RING_CHARACTERS
from bridge.views.locale import LANGUAGES
from bridge.views.renderer import MessageRenderer
from tests.views.samples import NOW, alert, lines, show


def ring(kind: RingKind, *members: Member, firing: int | None = None) -> RingFacts:
    count = len(members) if firing is None else firing
    return RingFacts(kind=kind, members=members, firing=count, at=NOW)


DISK = alert("db-1", "DiskFull", "warning")


def test_a_ring_for_one_new_alert_names_it_and_says_what_its_rule_says(
    renderer: MessageRenderer,
) -> None:
    assert lines(renderer, ring(RingKind.NEW, alert(), firing=7)) == [
        "🔴🔔 1 new: web-1 · AgentDown",
        "web-1 does not answer",
        "7 firing in all",
    ]


def test_a_ring_for_many_names_the_worst_and_counts_the_rest(renderer: MessageRenderer) -> None:
    members = [alert(f"web-{number}") for number in range(5)]
    assert lines(renderer, ring(RingKind.NEW, *members, DISK)) == [
        "🔴🔔 6 new: web-0 · AgentDown, web-1 · AgentDown, web-2 · AgentDown and 3 more"
    ]


def test_a_worse_alert_says_how_bad_it_is_now(renderer: MessageRenderer) -> None:
    shown = lines(renderer, ring(RingKind.WORSE, alert(), DISK))
    assert shown == [
        "🔴⬆️ 2 worse: web-1 · AgentDown now critical, db-1 · DiskFull now warning",
    ]


def test_a_repeat_looks_different_from_new_and_says_since_how_long(
    renderer: MessageRenderer,
) -> None:
    old = alert(started_at=NOW - timedelta(hours=3))
    members = [old, *(alert(f"web-{number}") for number in range(11))]
    assert lines(renderer, ring(RingKind.REPEAT, *members))[0].startswith(
        "🔴🔁 still firing for 3 h: web-1 · AgentDown, "
    )
    assert "and 9 more" in lines(renderer, ring(RingKind.REPEAT, *members))[0]


def test_a_storms_ring_counts_by_severity(renderer: MessageRenderer) -> None:
    members = [alert(f"web-{number}") for number in range(4)]
    members += [alert(f"db-{number}", "DiskFull", "warning") for number in range(1_033)]
    shown = lines(renderer, ring(RingKind.STORM, *members, firing=2_000))
    assert shown[0].startswith("🔴🔔 1,037 new in the last minute, 4 critical: web-0 · AgentDown, ")
    assert shown[0].endswith("and 1,034 more")
    assert shown[1:] == ["🔴 4 · 🟡 1,033", "2,000 firing in all"]


def test_a_resolve_that_rings_is_green_only_where_all_is_well(renderer: MessageRenderer) -> None:
    well = alert(ended_at=NOW)
    lost = alert(ended_at=NOW, ending=Ending.UNREACHABLE)
    assert lines(renderer, ring(RingKind.RESOLVED, well, firing=0))[0] == (
        "✅ RESOLVED: web-1 · AgentDown"
    )
    assert lines(renderer, ring(RingKind.RESOLVED, well, lost, firing=0))[0].startswith(
        "⚪ NO DATA, 1 over, 1 without data: "
    )
    assert lines(renderer, ring(RingKind.RESOLVED, firing=0)) == ["✅ RESOLVED"]


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("kind", [kind for kind in RingKind if kind is not RingKind.RESOLVED])
def test_a_ring_whose_alerts_are_over_by_now_says_so(
    renderer: MessageRenderer, kind: RingKind, form: Form
) -> None:
    assert lines(renderer, ring(kind, firing=3), form=form) == [
        "✅ over again before this could be said"
    ]


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", RingKind)
def test_mark_host_and_name_stand_in_a_notifications_first_words(
    renderer: MessageRenderer, kind: RingKind, language: str, form: Form
) -> None:
    ended_at = NOW if kind is RingKind.RESOLVED else None
    members = [alert(f"web-{number}", ended_at=ended_at) for number in range(40)]
    text = show(renderer, ring(kind, *members), language, form).text.text
    assert text.startswith("✅" if ended_at else "🔴")
    assert "web-0 · AgentDown" in text[:80]


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", RingKind)
@pytest.mark.parametrize("count", [1, 2, 3, 2000])
def test_a_ring_is_short_whatever_its_alerts_are_called(
    renderer: MessageRenderer, kind: RingKind, language: str, form: Form, count: int
) -> None:
    long = alert("h" * 5000, "n" * 5000, "severe" * 500)
    wordy = dataclasses.replace(long, annotations={"summary": "s" * 5000})
    content = show(renderer, ring(kind, *[wordy] * count, firing=99_999), language, form)
    assert len(content.text) <= RING_CHARACTERS
    assert content.is_whole
    assert content.attachment is None
