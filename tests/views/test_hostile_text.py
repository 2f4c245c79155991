"""Whatever stands in a label or an annotation is read in the chat as it was written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.core.cards import CardFacts, Member, UnreadableFacts, in_order
from bridge.core.formatted import Entity, Formatted, utf16_length
from bridge.limits import MESSAGE_CHARACTERS, MESSAGE_ENTITIES
from bridge.views.cards import CardRenderer, create_card_renderer
from bridge.views.locale import LANGUAGES
from bridge.views.markup import plain
from sandbox.entities import format_text

NOW = datetime(2026, 11, 20, 14, 6, 22, tzinfo=UTC)
FOUND: Final = {
    *("mention", "hashtag", "cashtag", "bot_command"),
    *("url", "email", "phone_number", "bank_card_number"),
}
"""What Telegram finds in a text by itself."""

LITERAL = [
    "a_b *c* [d](e) <f>",
    "<b>bold</b> </code></pre> <a href='tg://user?id=1'>x</a>",
    "&lt;b&gt; &amp;amp; &#60; &nbsp",
    "<!-- x --> <![CDATA[y]]> <?z?> <script>",
    "{{ 7 * 7 }} {% if x %} {# y #} ${x} #{x}",
    "%s %(name)s %% %d %",
    "$x ${y} $(z) `w` \\n \\ \\u202e",
    '\'" onclick="x',
    "🔥👨‍👩‍👧‍👦🇹🇼🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f1️⃣",
    "שלום עולם مرحبا بالعالم",
    "ﷺ 日本語 Ελληνικά ไทย हिन्दी",
    "..... ,,, ;;; ___ *** ~~~ ||| >>> ###",
]
TRICKY = [
    "\x00",
    "nul\x00inside",
    "two\nlines\r\nthree\rfour",
    "\n\n\n",
    "   ",
    "\t\ttabs\t",
    "\ud800lone\udfff",
    "safe\u202egnp.exe\u202c \u2066x\u2069",
    "zero\u200bwidth\u2060\ufeff\u00ad",
    "\u2028\u2029\u0085\x0b\x0c",
    "Z\u0300\u0301\u0302\u0303\u0304\u0305\u0306algo",
    "A\u030a q\u0333 x\u033f",
    "\u200e\u200f\u200e\u200f",
    "\U000e0041\U000e007f",
    "\ufffe\uffff\U0010ffff\ue000",
    "\u3164\u115f\u2800",
]

hostile = st.one_of(
    st.sampled_from(LITERAL + TRICKY),
    st.text(max_size=40),
    st.text(alphabet="<>&;/\"'=b code\n\u202e🔥\ud800", max_size=30),
    st.builds(lambda text, times: text * times, st.text(min_size=1, max_size=4), st.just(5000)),
)


@st.composite
def members(draw: st.DrawFn) -> Member:
    names = st.sampled_from(["alertname", "host", "instance", "severity", "job"]) | hostile
    notes = st.sampled_from(["summary", "description", "value", "runbook_url", "runbook"])
    started_at = NOW - timedelta(seconds=draw(st.integers(0, 10**7)))
    ended_at = draw(st.none() | st.just(NOW))
    return Member(
        labels=draw(st.dictionaries(names, hostile, max_size=6)),
        annotations=draw(st.dictionaries(notes, hostile, max_size=5)),
        started_at=started_at,
        ended_at=ended_at,
        generator_url=draw(hostile | st.just("http://prometheus.example.com:9090/graph?g0=1")),
    )


cards = st.builds(
    lambda listed, source, truncated: CardFacts(
        members=in_order(listed), group_labels={}, source=source, truncated=truncated
    ),
    st.lists(members(), max_size=12),
    hostile,
    st.integers(0, 3),
)


def fail(name: str, error: Exception) -> None:
    raise AssertionError(name) from error


RENDERER = create_card_renderer(fail)


def render(card: CardFacts, language: str = "en", renderer: CardRenderer = RENDERER) -> Formatted:
    return renderer.render_card(card, language=language, zone=UTC, now=NOW)


def accept(formatted: Formatted) -> None:
    """Send it past Telegram's own checks: it must come out as it went in."""
    sent = [
        {"type": each.kind, "offset": each.offset, "length": each.length}
        | ({"url": each.url} if each.url else {})
        for each in formatted.entities
    ]
    text, entities = format_text(
        formatted.text, parse_mode=None, entities=sent, limit=MESSAGE_CHARACTERS, what="message"
    )
    assert text == formatted.text
    kept = [
        Entity(each["type"], each["offset"], each["length"], url=each.get("url"))
        for each in entities
        if each["type"] not in FOUND
    ]
    assert whole(kept) == whole(list(formatted.entities))


def whole(entities: list[Entity]) -> set[tuple[str, str | None, int]]:
    """List every unit with its formatting: Telegram cuts bold in pieces around what it finds."""
    return {
        (each.kind, each.url, unit) for each in entities for unit in range(each.offset, each.end)
    }


def check_bounds(formatted: Formatted) -> None:
    assert 0 < len(formatted) <= MESSAGE_CHARACTERS
    assert len(formatted.entities) <= MESSAGE_ENTITIES
    assert all(0 <= each.offset < each.end for each in formatted.entities)
    assert all(each.end <= utf16_length(formatted.text) for each in formatted.entities)
    formatted.text.encode()


def everywhere(value: str) -> CardFacts:
    member = Member(
        labels=dict.fromkeys(["alertname", "host", "instance", "severity", "job", "other"], value)
        | {"instance": value + "!", value: "named"},
        annotations=dict.fromkeys(["summary", "value", "runbook"], value)
        | {"description": value + "!"},
        started_at=NOW - timedelta(minutes=4),
        ended_at=None,
        generator_url=value,
    )
    return CardFacts(members=(member,), group_labels={}, source=value)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("value", LITERAL)
def test_foreign_text_is_read_literally(value: str, language: str) -> None:
    card = render(everywhere(value), language)
    # Name, host, instance, severity, two labels and one label's name; summary, description, value
    # and runbook.
    assert card.text.count(value) == 11
    accept(card)


@pytest.mark.parametrize("value", TRICKY)
def test_what_cannot_be_seen_is_written_out_and_harmless(value: str) -> None:
    card = render(everywhere(value))
    assert plain(value).strip() in card.text
    check_bounds(card)
    accept(card)


@pytest.mark.parametrize("value", ["x", "🔥", "<", "\x00", "e\u0301", "\ud800", "\n", "ab "])
def test_a_hundred_kilobytes_in_every_place_still_make_one_message(value: str) -> None:
    card = render(everywhere(value * (100_000 // len(value))))
    check_bounds(card)
    accept(card)
    assert "characters)" in card.text


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(cards, st.sampled_from(LANGUAGES))
def test_no_card_is_refused_or_changed_on_its_way(card: CardFacts, language: str) -> None:
    shown = render(card, language)
    check_bounds(shown)
    accept(shown)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(cards)
def test_no_plain_card_is_refused_or_changed_on_its_way(card: CardFacts) -> None:
    shown = RENDERER.render_plain(card)
    assert shown.entities == ()
    check_bounds(shown)
    accept(shown)


@given(hostile, hostile, hostile, st.sampled_from(LANGUAGES))
@settings(deadline=None, max_examples=60)
def test_nothing_unreadable_is_refused_on_its_way(
    raw: str, fault: str, source: str, language: str
) -> None:
    facts = UnreadableFacts(raw=raw, fault=fault, source=source)
    shown = RENDERER.render_unreadable(facts, language=language, zone=UTC, now=NOW)
    for formatted in (shown, RENDERER.render_plain(facts)):
        check_bounds(formatted)
        accept(formatted)
