from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.core.cards import CardFacts, Member
from bridge.core.second_way import Digest
from bridge.limits import TITLE_CHARACTERS
from bridge.views.locale import LANGUAGES
from bridge.views.renderer import MessageRenderer, create_message_renderer
from bridge.views.words import Words
from tests.views.samples import NOW, alert


def card(*members: Member, truncated: int = 0) -> CardFacts:
    return CardFacts(members=members, group_labels={}, truncated=truncated)


def digest(
    renderer: MessageRenderer, *cards: CardFacts, limit: int = 2_000, language: str = "en"
) -> tuple[str, str]:
    return written(renderer, *cards, limit=limit, language=language)[:2]


def written(
    renderer: MessageRenderer, *cards: CardFacts, limit: int = 2_000, language: str = "en"
) -> Digest:
    return renderer.render_digest(cards, limit=limit, language=language, zone=UTC, now=NOW)


def fail(name: str, error: Exception) -> None:
    raise AssertionError(name) from error


RENDERER = create_message_renderer(fail)


def test_a_digest_puts_the_worst_of_all_cards_first(renderer: MessageRenderer) -> None:
    title, text = digest(
        renderer,
        card(alert("db-1", "DiskFull", "warning"), alert("db-2", ended_at=NOW), truncated=3),
        card(alert()),
    )
    assert title == "🔴 2 firing, 1 over: web-1 · AgentDown"
    assert text.splitlines() == [
        "🔴 web-1 · AgentDown · since 14:02:10 UTC (4 min) · web-1 does not answer",
        "🟡 db-1 · DiskFull · since 14:02:10 UTC (4 min) · db-1 does not answer",
        "✅ db-2 · AgentDown · lasted 4 min 12 s · db-2 does not answer",
        "Alertmanager left out 3 more",
    ]


@pytest.mark.parametrize("limit", [100, 160, 500, 4_000])
def test_what_has_no_room_in_a_digest_is_counted(renderer: MessageRenderer, limit: int) -> None:
    members = [alert(f"web-{number}") for number in range(1_000)]
    title, text = digest(renderer, card(*members), limit=limit)
    assert len(title) + len(text) < limit
    more = re.search(r"and ([\d,]+) more", text)
    assert more is not None
    assert text.count("since") + int(more[1].replace(",", "")) == 1_000


def test_a_digest_that_fits_exactly_is_whole(renderer: MessageRenderer) -> None:
    members = [alert(f"web-{number}") for number in range(10)]
    title, text = digest(renderer, card(*members))
    exact = len(title) + 2 + len(text)
    assert digest(renderer, card(*members), limit=exact) == (title, text)
    assert "more" in digest(renderer, card(*members), limit=exact - 1)[1]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.builds(alert, st.text(max_size=400), st.text(max_size=400)), max_size=20),
    st.integers(0, 3_000),
    st.sampled_from(LANGUAGES),
    st.integers(1, 20),
)
def test_a_digest_never_exceeds_its_limit(
    members: list[Member], limit: int, language: str, size: int
) -> None:
    cards = [card(*members[at : at + size]) for at in range(0, len(members), size)]
    title, text, places = written(RENDERER, *cards, limit=limit, language=language)
    assert places == tuple(range(len(places)))
    assert places or not cards
    assert len(title) <= TITLE_CHARACTERS
    assert len(title) + len(text) <= limit
    assert "\n" not in title


def test_cards_for_which_there_is_no_room_wait_for_the_next_digest(
    renderer: MessageRenderer,
) -> None:
    cards = [card(alert(f"web-{number}"), alert(f"db-{number}")) for number in range(300)]
    told: list[int] = []
    for _ in range(300):
        rest = [place for place in range(300) if place not in told]
        if not rest:
            break
        title, text, places = written(renderer, *(cards[place] for place in rest), limit=3_500)
        assert places == tuple(range(len(places))), "in the order given"
        for place in places:
            assert f"web-{rest[place]} " in text
            assert f"db-{rest[place]} " in text
        assert title.startswith(f"🔴 {2 * len(places)} firing"), "only what it tells is counted"
        left = len(rest) - len(places)
        assert text.endswith(f"{left} more groups of alerts follow in the next message") or not left
        told += [rest[place] for place in places]
    assert sorted(told) == list(range(300))


def test_a_card_larger_than_a_digest_is_counted_and_lets_the_others_wait(
    renderer: MessageRenderer,
) -> None:
    large = card(*(alert(f"web-{number}") for number in range(1_000)), truncated=5)
    _, text, places = written(renderer, large, card(alert("db-1")))
    assert places == (0,)
    assert [re.sub(r"\d+", "#", line) for line in text.splitlines()[-3:]] == [
        "and # more",
        "Alertmanager left out # more",
        "# more group of alerts follows in the next message",
    ]
    assert written(renderer, card(alert("db-1")), large).written == (0,)


def test_a_digest_stops_writing_when_it_has_no_more_room(
    renderer: MessageRenderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[Member] = []
    since = Words.since

    def count(words: Words, started_at: datetime) -> str:
        lines.append(alert())
        return since(words, started_at)

    monkeypatch.setattr(Words, "since", count)
    digest(renderer, card(*(alert(f"web-{number}") for number in range(1_000))), limit=500)
    digest(renderer, *(card(alert(f"web-{number}")) for number in range(1_000)), limit=500)
    assert len(lines) < 30
