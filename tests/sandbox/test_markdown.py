from __future__ import annotations

from typing import Any

import pytest
from aiogram.utils.text_decorations import markdown_decoration
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.markup.entities import parse_markdown, parse_markdown_v2
from sandbox.refusals import Refusal

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


def _short(entities: list[dict[str, Any]]) -> list[tuple[str, int, int]]:
    return [(each["type"], each["offset"], each["length"]) for each in entities]


def _fault(text: str) -> str:
    with pytest.raises(Refusal) as caught:
        parse_markdown_v2(text)
    return caught.value.description.removeprefix("Bad Request: can't parse entities: ")


@pytest.mark.parametrize(
    ("text", "plain", "entities"),
    [
        ("*a*", "a", [("bold", 0, 1)]),
        ("_a_ __b__", "a b", [("italic", 0, 1), ("underline", 2, 1)]),
        ("~a~ ||b||", "a b", [("strikethrough", 0, 1), ("spoiler", 2, 1)]),
        ("*_😀_*", "😀", [("bold", 0, 2), ("italic", 0, 2)]),
        ("`a*b`", "a*b", [("code", 0, 3)]),
        ("\\*a\\.b", "*a.b", []),
        (">a\n>b\nc", "a\nb\nc", [("blockquote", 0, 4)]),
        (">a\n>b||", "a\nb", [("expandable_blockquote", 0, 3)]),
        ("**a", "a", []),
    ],
)
def test_version_two_is_read(
    text: str,
    plain: str,
    entities: list[tuple[str, int, int]],
) -> None:
    shown, found = parse_markdown_v2(text)
    assert (shown, _short(found)) == (plain, entities)


def test_a_fenced_block_keeps_its_language() -> None:
    text, (entity,) = parse_markdown_v2("```python\nprint(1)```")
    assert (text, entity["type"], entity["language"]) == ("print(1)", "pre", "python")


def test_links_mentions_and_times_are_read() -> None:
    text = r"[a](http://x\.y/\)) [b](tg://user?id=7) ![c](tg://time?unix=5&format=r)"
    plain, found = parse_markdown_v2(text)
    assert plain == "a b c"
    assert found[0]["url"] == "http://x.y/)"
    assert found[1]["user"]["id"] == 7
    assert (found[2]["unix_time"], found[2]["date_time_format"]) == (5, "r")


def test_a_link_telegram_does_not_take_leaves_plain_text() -> None:
    assert parse_markdown_v2("[a](http://localhost:9090)") == ("a", [])


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a.b", "Character '.' is reserved and must be escaped with the preceding '\\'"),
        ("a > b", "Character '>' is reserved and must be escaped with the preceding '\\'"),
        ("я*b", "Can't find end of Bold entity at byte offset 2"),
        ("```py\nx", "Can't find end of PreCode entity at byte offset 0"),
        ("[a](b", "Can't find end of a URL at byte offset 4"),
        ("![a]", "The entity must contain a tg://emoji or tg://time URL"),
        ("![a](b)", "Invalid tg://emoji or tg://time URL specified"),
        (">*a\nb", "Can't find end of Bold entity at byte offset 1"),
    ],
)
def test_broken_version_two_is_refused_by_its_place(text: str, fault: str) -> None:
    assert _fault(text) == fault


@pytest.mark.parametrize(
    ("text", "plain", "entities"),
    [
        ("*a* _b_", "a b", [("bold", 0, 1), ("italic", 2, 1)]),
        ("*a_b*", "a_b", [("bold", 0, 3)]),
        ("`a` ```py\nb```", "a b", [("code", 0, 1), ("pre", 2, 1)]),
        ("[a](http://x.y) [localhost]", "a localhost", [("text_link", 0, 1)]),
        ("\\_a\\. b", "_a\\. b", []),
    ],
)
def test_the_older_version_is_read(
    text: str,
    plain: str,
    entities: list[tuple[str, int, int]],
) -> None:
    shown, found = parse_markdown(text)
    assert (shown, _short(found)) == (plain, entities)


def test_broken_older_markdown_is_refused_by_its_place() -> None:
    with pytest.raises(Refusal, match="end of the entity starting at byte offset 2"):
        parse_markdown("я_a")


@settings(deadline=None)
@given(TEXT)
def test_what_aiogram_quotes_is_read_literally(text: str) -> None:
    quoted = markdown_decoration.quote(text.replace("\\", ""))
    assert parse_markdown_v2(quoted) == (text.replace("\\", ""), [])


@settings(deadline=None)
@given(st.text("*_~|`[]()>!\\\n\r\0a😀tg:/?=.", max_size=40))
def test_no_text_breaks_the_parsers(text: str) -> None:
    for parse in (parse_markdown, parse_markdown_v2):
        try:
            plain, entities = parse(text)
        except Refusal:
            continue
        length = len(plain.encode("utf-16-le")) // 2
        assert all(each["offset"] + each["length"] <= length for each in entities)
