"""Whatever stands in a label or an annotation is read in the chat as it was written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.core.boards import BoardFacts, BoardState
from bridge.core.cards import (
    CardFacts,
    Change,
    Ending,
    ListFacts,
    Member,
    Muting,
    UnreadableFacts,
    in_order,
)
from bridge.core.formatted import Content, Entity, Formatted, utf16_length
from bridge.core.logins import LoginFacts, LoginKind
from bridge.core.notices import NoticeFacts, NoticeKind
from bridge.core.outbox import Facts, Form, Reason
from bridge.core.rings import RingFacts, RingKind
from bridge.limits import CAPTION_CHARACTERS, MESSAGE_CHARACTERS, MESSAGE_ENTITIES
from bridge.views.locale import LANGUAGES
from bridge.views.markup import legible, plain
from bridge.views.renderer import create_message_renderer
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
        ending=draw(st.none() | st.sampled_from(Ending)),
        muting=draw(st.none() | st.sampled_from(Muting)),
        generator_url=draw(hostile | st.just("http://prometheus.example.com:9090/graph?g0=1")),
    )


moments = st.sampled_from([NOW, NOW - timedelta(hours=30), datetime.max.replace(tzinfo=UTC)])
listed = st.lists(members(), max_size=12).map(in_order)

cards = st.builds(
    CardFacts,
    members=listed,
    group_labels=st.dictionaries(hostile, hostile, max_size=2),
    receiver=hostile,
    source=hostile,
    truncated=st.integers(0, 3),
    change=st.none()
    | st.builds(
        Change,
        at=moments,
        begun=st.integers(0, 9),
        ended=st.integers(0, 9),
        worse=st.integers(0, 9),
    ),
    repeated_at=st.none() | moments,
    instead_of=hostile,
    instead_because=hostile | st.sampled_from([each.value for each in Reason]),
)
others = st.one_of(
    st.builds(ListFacts, card=cards),
    st.builds(
        RingFacts,
        kind=st.sampled_from(RingKind),
        members=listed,
        firing=st.integers(0, 9999),
        at=moments,
    ),
    st.builds(
        BoardFacts,
        state=st.sampled_from(BoardState),
        opened_at=moments,
        over_at=st.none() | moments,
        arrived=st.integers(0, 99_999),
        members=listed,
    ),
    st.builds(
        NoticeFacts,
        kind=st.sampled_from(NoticeKind),
        since=moments,
        until=st.none() | moments,
        subject=hostile,
        reason=hostile | st.sampled_from([each.value for each in Reason]),
        detail=hostile,
        fallback=hostile,
        count=st.integers(0, 9999),
    ),
    st.builds(
        LoginFacts,
        host=hostile,
        kind=st.sampled_from(LoginKind),
        user=hostile,
        address=hostile,
        method=hostile,
        count=st.integers(1, 99_999),
        first=moments,
        last=moments,
        users=st.integers(1, 99),
        addresses=st.integers(1, 99),
    ),
)


def fail(name: str, error: Exception) -> None:
    raise AssertionError(name) from error


RENDERER = create_message_renderer(fail)


def show(facts: Facts, language: str = "en", form: Form = Form.FORMATTED) -> Content:
    return RENDERER.render(facts, form, language=language, zone=UTC, now=NOW)


def render(facts: Facts, language: str = "en", form: Form = Form.FORMATTED) -> Formatted:
    return show(facts, language, form).text


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


def check_bounds(formatted: Formatted, limit: int = MESSAGE_CHARACTERS) -> None:
    assert 0 < len(formatted) <= limit
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
    shown = render(card, form=Form.PLAIN)
    assert shown.entities == ()
    check_bounds(shown)
    accept(shown)


@given(hostile, hostile, hostile, st.sampled_from(LANGUAGES))
@settings(deadline=None, max_examples=60)
def test_nothing_unreadable_is_refused_on_its_way(
    raw: str, fault: str, source: str, language: str
) -> None:
    facts = UnreadableFacts(raw=raw, fault=fault, source=source)
    for formatted in (render(facts, language), render(facts, form=Form.PLAIN)):
        check_bounds(formatted)
        accept(formatted)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(others, st.sampled_from(LANGUAGES), st.sampled_from(Form))
def test_no_ring_list_board_or_notice_is_refused_or_changed_on_its_way(
    facts: Facts, language: str, form: Form
) -> None:
    content = show(facts, language, form)
    has_file = isinstance(facts, ListFacts | BoardFacts) and form is Form.FORMATTED
    assert (content.attachment is not None) == has_file
    check_bounds(content.text, CAPTION_CHARACTERS if has_file else MESSAGE_CHARACTERS)
    accept(content.text)
    if form is Form.PLAIN:
        assert content.text.entities == ()


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(cards, st.sampled_from(LANGUAGES))
def test_a_cards_file_holds_every_label_and_annotation_whole(
    card: CardFacts, language: str
) -> None:
    attachment = show(ListFacts(card=card), language).attachment
    assert attachment is not None
    text = attachment.content.decode()
    for member in card.members:
        for name, value in [*member.labels.items(), *member.annotations.items()]:
            written = legible(value).replace("\n", "\n        ")
            assert f"    {legible(name)} = {written}" in text
    assert legible(text) == text


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(listed, st.sampled_from(LANGUAGES))
def test_a_boards_file_has_a_line_for_every_alert(members: list[Member], language: str) -> None:
    facts = BoardFacts(
        state=BoardState.STORM, opened_at=NOW, over_at=None, arrived=9, members=tuple(members)
    )
    attachment = show(facts, language).attachment
    assert attachment is not None
    text = attachment.content.decode()
    titles = len({member.is_firing for member in members})
    assert text.count("\n") == len(members) + 2 * titles + 2 + bool(members)
    assert legible(text) == text


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("value", LITERAL + TRICKY)
def test_every_kind_of_message_takes_any_text_anywhere(value: str, form: Form) -> None:
    card = everywhere(value)
    notices = [
        NoticeFacts(kind=kind, since=NOW, subject=value, reason=value, detail=value, fallback=value)
        for kind in NoticeKind
    ]
    logins = [
        LoginFacts(
            host=value, kind=kind, user=value, address=value, method=value, first=NOW, last=NOW
        )
        for kind in LoginKind
    ]
    rings = [RingFacts(kind=kind, members=card.members, firing=9, at=NOW) for kind in RingKind]
    boards = [
        BoardFacts(state=state, opened_at=NOW, over_at=NOW, arrived=9, members=card.members)
        for state in BoardState
    ]
    everything: list[Facts] = [*notices, *logins, *rings, *boards, ListFacts(card=card)]
    for facts in everything:
        content = show(facts, form=form)
        check_bounds(content.text, MESSAGE_CHARACTERS)
        accept(content.text)
