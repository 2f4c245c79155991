from __future__ import annotations

import contextlib
from typing import Any

import pytest
from aiogram import html
from aiogram.utils.formatting import Bold, Code, Italic, Text
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.markup.entities import (
    check_entities,
    find_entities,
    format_text,
    parse_html,
    utf16_length,
)
from sandbox.refusals import Refusal

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
TYPES = ("bold", "italic", "underline", "spoiler", "code", "pre", "blockquote", "text_link")


def _short(entities: list[dict[str, Any]]) -> list[tuple[str, int, int]]:
    return [(each["type"], each["offset"], each["length"]) for each in entities]


def _entity(kind: str, offset: int, length: int, **more: object) -> dict[str, Any]:
    return {"type": kind, "offset": offset, "length": length, **more}


def _format(
    text: str,
    parse_mode: str | None = None,
    entities: list[dict[str, Any]] | None = None,
    limit: int = 4096,
) -> tuple[str, list[dict[str, Any]]]:
    return format_text(
        text,
        parse_mode=parse_mode,
        entities=entities,
        limit=limit,
        what="message",
    )


def _refusal(text: str, parse_mode: str | None = None, **more: Any) -> str:
    with pytest.raises(Refusal) as caught:
        _format(text, parse_mode, **more)
    return caught.value.description.removeprefix("Bad Request: ")


# -- HTML ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "plain", "entities"),
    [
        ("<b>a</b><strong>b</strong>", "ab", [("bold", 0, 1), ("bold", 1, 1)]),
        (
            "<i>a</i> <u>b</u> <s>c</s>",
            "a b c",
            [("italic", 0, 1), ("underline", 2, 1), ("strikethrough", 4, 1)],
        ),
        ("<tg-spoiler>a</tg-spoiler>", "a", [("spoiler", 0, 1)]),
        ('<span class="tg-spoiler">a</span>', "a", [("spoiler", 0, 1)]),
        ("😀<B >a</b >", "😀a", [("bold", 2, 1)]),
        ("<b>a</>", "a", [("bold", 0, 1)]),
        ("<b></b>a", "a", []),
        ("<blockquote expandable>a</blockquote>", "a", [("expandable_blockquote", 0, 1)]),
        ("&lt;b&gt; &amp;amp; &quot; &#65;&#x42; &nbsp; &", '<b> &amp; " AB &nbsp; &', []),
        ("<code>a</code><pre>b</pre>", "ab", [("code", 0, 1), ("pre", 1, 1)]),
    ],
)
def test_html_is_read(text: str, plain: str, entities: list[tuple[str, int, int]]) -> None:
    shown, found = parse_html(text)
    assert (shown, _short(found)) == (plain, entities)


def test_code_inside_pre_gives_it_its_language() -> None:
    for text in (
        '<pre><code class="language-py">x</code></pre>',
        '<code class="language-py"><pre>x</pre></code>',
    ):
        assert parse_html(text) == ("x", [_entity("pre", 0, 1, language="py")])


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("é <host>", 'Unsupported start tag "host" at byte offset 3'),
        ("<b", "Unclosed start tag at byte offset 0"),
        ("<b x", 'Unclosed start tag "b" at byte offset 0'),
        ("<b>", 'Can\'t find end tag corresponding to start tag "b"'),
        ("a</b>", "Unexpected end tag at byte offset 1"),
        ("<b>a</b", "Unclosed end tag at byte offset 4"),
        ("<b>a</i>", 'Unmatched end tag at byte offset 4, expected "</b>", found "</i>"'),
        ('<a ="x">', 'Empty attribute name in the tag "a" at byte offset 0'),
        ("<a href=x/>", "Unexpected end of name token at byte offset 8"),
        ('<span class="x">a</span>', 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
        ("a < b", 'Unsupported start tag "" at byte offset 2'),
        ('<tg-emoji emoji-id="x">a</tg-emoji>', "Invalid custom emoji identifier specified"),
        ('<tg-time unix="5" format="q">a</tg-time>', "Invalid date format used"),
    ],
)
def test_broken_html_is_refused_by_its_byte(text: str, fault: str) -> None:
    assert _refusal(text, "HTML") == f"can't parse entities: {fault}"


def test_a_reference_has_at_most_nine_characters() -> None:
    assert parse_html("&#1114110;")[0] == chr(1114110)
    assert parse_html("&#x0000041;")[0] == "&#x0000041;"


def test_an_endless_reference_is_plain_text() -> None:
    assert parse_html("&#" + "1" * 9000 + ";")[0] == "&#" + "1" * 9000 + ";"


def test_half_a_surrogate_pair_by_reference_is_refused() -> None:
    assert "unmatched surrogate code units" in _refusal("&#xd83d;", "HTML")


def test_a_link_in_html_is_written_telegrams_way() -> None:
    assert parse_html('<a href="EXAMPLE.com?a=1&amp;b">x</a>')[1] == [
        _entity("text_link", 0, 1, url="http://example.com/?a=1&b"),
    ]


@pytest.mark.parametrize("url", ["http://localhost:9090", "http://prometheus:9090", "x", ""])
def test_a_bad_link_in_html_is_dropped_without_a_word(url: str) -> None:
    assert parse_html(f'<a href="{url}">x</a>') == ("x", [])


def test_a_time_in_html_keeps_its_format() -> None:
    text = '<tg-time unix="1700000000" format="tDw">then</tg-time>'
    assert parse_html(text)[1] == [
        _entity("date_time", 0, 4, unix_time=1700000000, date_time_format="wDt"),
    ]


@settings(deadline=None)
@given(TEXT)
def test_what_aiogram_quotes_is_read_literally(text: str) -> None:
    assert parse_html(html.quote(text)) == (text, [])


@settings(deadline=None)
@given(TEXT.filter(bool), TEXT.filter(bool))
def test_what_aiogram_formats_comes_back_as_its_entities(one: str, two: str) -> None:
    node = Text(Bold(one), " ", Italic(Code(two)))
    plain, entities = parse_html(node.as_html())
    text, expected = node.render()
    assert plain == text
    assert sorted(_short(entities)) == sorted((e.type, e.offset, e.length) for e in expected)


@settings(deadline=None)
@given(st.text("<>/&;#abipre code=\"' \n\0x😀é-", max_size=60))
def test_no_text_breaks_the_parser(text: str) -> None:
    with contextlib.suppress(Refusal):
        _format(text, "HTML")


# -- a sender's own entities -----------------------------------------------------------------


def test_a_style_is_cut_where_another_begins() -> None:
    given_ = [_entity("bold", 0, 6), _entity("text_link", 2, 2, url="http://a.b")]
    assert _short(_format("abcdef", entities=given_)[1]) == [
        ("bold", 0, 2),
        ("text_link", 2, 2),
        ("bold", 2, 2),
        ("bold", 4, 2),
    ]


def test_touching_spans_of_one_style_are_joined() -> None:
    given_ = [_entity("bold", 0, 2), _entity("bold", 2, 2)]
    assert _short(_format("abcd", entities=given_)[1]) == [("bold", 0, 4)]


def test_the_check_alone_joins_and_sorts_too() -> None:
    given_ = [_entity("italic", 3, 1), _entity("bold", 2, 1), _entity("bold", 0, 2)]
    assert _short(check_entities("abcd", given_)) == [("bold", 0, 3), ("italic", 3, 1)]
    with pytest.raises(Refusal, match="after the end of the text"):
        check_entities("abcd", [_entity("bold", 0, 5)])


@pytest.mark.parametrize(("offset", "length"), [(0, 3), (3, 3), (0, 6)])
def test_code_that_crosses_a_quotes_edge_is_dropped(offset: int, length: int) -> None:
    given_ = [_entity("code", offset, length), _entity("blockquote", 2, 2)]
    assert _short(check_entities("abcdef", given_)) == [("blockquote", 2, 2)]


def test_code_takes_no_style_inside() -> None:
    given_ = [_entity("code", 1, 2), _entity("bold", 0, 4)]
    assert _short(_format("abcd", entities=given_)[1]) == [
        ("bold", 0, 1),
        ("code", 1, 2),
        ("bold", 3, 1),
    ]


def test_code_may_stand_in_a_quote() -> None:
    given_ = [_entity("blockquote", 0, 4), _entity("pre", 1, 2)]
    assert _short(_format("abcd", entities=given_)[1]) == [("blockquote", 0, 4), ("pre", 1, 2)]


def test_of_two_overlapping_codes_the_first_stays() -> None:
    given_ = [_entity("code", 0, 3), _entity("pre", 2, 2)]
    assert _short(_format("abcd", entities=given_)[1]) == [("code", 0, 3)]


def test_a_bad_link_among_entities_is_refused() -> None:
    given_ = [_entity("text_link", 0, 1, url="http://localhost:9090")]
    said = "entity URL 'http://localhost:9090' is invalid: Wrong HTTP URL"
    assert _refusal("x", entities=given_) == said


@pytest.mark.parametrize(
    ("entity", "said"),
    [
        (_entity("bold", 0, 9), "entity beginning at UTF-16 offset 0 ends after the end"),
        (_entity("bold", -1, 1), "receive an entity with incorrect offset -1"),
        (_entity("bold", 0, -1), "receive an entity with incorrect length -1"),
        (_entity("fancy", 0, 1), "can't parse MessageEntity: Unsupported type specified"),
        (_entity("text_link", 0, 1), "can't parse MessageEntity: Can't find field \"url\""),
        (_entity("date_time", 0, 1, unix_time=0), "invalid date specified"),
        (
            _entity("date_time", 0, 1, unix_time=5, date_time_format="q"),
            "can't parse MessageEntity: Invalid date-time format specified",
        ),
    ],
)
def test_a_wrong_entity_is_refused(entity: dict[str, Any], said: str) -> None:
    assert _refusal("abc", entities=[entity]).startswith(said)


def test_what_the_text_holds_itself_is_found_anew() -> None:
    given_ = [_entity("mention", 0, 2), _entity("bold", 0, 2)]
    assert _short(_format("hi /ack", entities=given_)[1]) == [("bold", 0, 2), ("bot_command", 3, 4)]


def test_nothing_is_found_inside_code() -> None:
    given_ = [_entity("code", 0, 4)]
    assert _short(_format("/ack", entities=given_)[1]) == [("code", 0, 4)]


def test_over_a_hundred_entities_the_rest_is_dropped_without_a_word() -> None:
    given_ = [_entity("code", 2 * place, 1) for place in range(150)]
    assert len(_format("x " * 150, entities=given_)[1]) == 100
    styles = [_entity("bold", 2 * place, 1) for place in range(150)]
    assert len(_format("x " * 150, entities=styles)[1]) == 100


@st.composite
def _texts_with_entities(draw: st.DrawFn) -> tuple[str, list[dict[str, Any]]]:
    text = draw(st.text("ab \n\r\t😀\u202e/@.", min_size=1, max_size=30))
    length = utf16_length(text)
    places = st.tuples(st.sampled_from(TYPES), st.integers(0, length), st.integers(0, length + 1))
    chosen = draw(st.lists(places, max_size=8))
    return text, [_entity(kind, at, size, url="http://a.b") for kind, at, size in chosen]


@settings(deadline=None, max_examples=300)
@given(_texts_with_entities())
def test_any_entities_come_out_sorted_and_inside_the_text(
    case: tuple[str, list[dict[str, Any]]],
) -> None:
    text, given_ = case
    try:
        shown, entities = _format(text, entities=given_)
    except Refusal:
        return
    offsets = [(each["offset"], -each["length"]) for each in entities]
    assert offsets == sorted(offsets)
    for each in entities:
        assert each["length"] > 0
        assert each["offset"] + each["length"] <= utf16_length(shown)
    assert _format(shown, entities=entities) == (shown, entities)  # settled is settled


# -- the text itself -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("/start@ops_bot now", [("bot_command", 0, 14)]),
        ("a/b </x> //y", []),
        ("@opswire and @pic, a@b", [("mention", 0, 8), ("mention", 13, 4)]),
        ("#tag #1 #日本2 #a#", [("hashtag", 0, 4), ("hashtag", 8, 4)]),
        ("see https://example.com/a(b). ok", [("url", 4, 24)]),
        ("mail ops@example.com", [("email", 5, 15)]),
        ("10.0.0.1:9100 and web-1:9100", [("url", 0, 13)]),
        ("README.md", [("url", 0, 9)]),
        ("node.rb Done.Next 1.2.3", []),
        ("tg://resolve?domain=x", [("url", 0, 21)]),
        ("😀 /ack", [("bot_command", 3, 4)]),
    ],
)
def test_a_text_shows_its_own_entities(text: str, found: list[tuple[str, int, int]]) -> None:
    assert _short(find_entities(text)) == found


def test_a_text_is_cleaned_and_trimmed_with_its_entities() -> None:
    shown, entities = _format("\n <b>\ta\r b</b> \n", "HTML")
    assert (shown, _short(entities)) == (" a b", [("bold", 0, 4)])


@pytest.mark.parametrize("text", ["<b></b>", " \n", "\u200b", "<i> </i>"])
def test_a_text_with_nothing_visible_is_refused(text: str) -> None:
    assert _refusal(text, "HTML") == "text must be non-empty"


def test_an_absent_text_is_refused() -> None:
    assert _refusal("") == "message text is empty"


def test_the_limit_counts_characters_after_parsing() -> None:
    assert len(_format("😀" * 4096)[0]) == 4096
    assert _format("<b>" + "a" * 4096 + "</b>", "HTML")[0] == "a" * 4096
    assert _refusal("a" * 4097) == "message is too long"


def test_a_captions_limit_has_its_own_words_and_it_may_be_empty() -> None:
    with pytest.raises(Refusal, match="message caption is too long"):
        format_text("a" * 1025, parse_mode=None, entities=None, limit=1024, what="caption")
    assert format_text("", parse_mode=None, entities=None, limit=1024, what="caption") == ("", [])


def test_markup_has_a_limit_in_bytes_before_it_is_read() -> None:
    assert _refusal("&lt;" * 8193, "HTML") == "text is too long"


def test_the_parse_modes_name_is_read_in_any_case() -> None:
    assert _format("<b>a</b>", "html")[0] == "a"
    assert _format("*a*", "MARKDOWN")[0] == "a"
    assert _refusal("a", "rst") == "unsupported parse_mode"


@settings(deadline=None)
@given(st.text(), st.sampled_from([None, "HTML", "Markdown", "MarkdownV2"]))
def test_no_text_breaks_formatting(text: str, parse_mode: str | None) -> None:
    try:
        shown, entities = _format(text, parse_mode)
    except Refusal:
        return
    assert shown
    assert all(each["offset"] + each["length"] <= utf16_length(shown) for each in entities)
