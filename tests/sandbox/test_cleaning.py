from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.markup.cleaning import clean_spans, clean_text, is_invisible, trim, utf16_length
from sandbox.markup.spans import Span
from sandbox.refusals import Refusal


def _bold(offset: int, length: int) -> Span:
    return Span("bold", offset, length)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("a\tb\0c\x1f", "a b c "),
        ("a\r\nb", "a\nb"),
        ("a\u202eb\u2028c", "abc"),
        ("a\u0333b\u033fc\u030ad", "abcd"),
        ("\u200e\u200f\u200ex", "\u200c\u200c\u200ex"),
        ("a\x7fb", "a\x7fb"),
        ("👨\u200d👩", "👨\u200d👩"),
    ],
)
def test_controls_become_blanks_and_bidi_overrides_go(text: str, cleaned: str) -> None:
    assert clean_text(text) == cleaned


def test_half_a_surrogate_pair_is_no_text() -> None:
    with pytest.raises(Refusal, match="encoded in UTF-8"):
        clean_text("\ud83d")


def test_entities_move_over_what_is_removed() -> None:
    assert clean_spans("a\rb\u202ec", [_bold(2, 3)]) == ("abc", [_bold(1, 2)])


def test_an_entity_over_nothing_that_stays_goes() -> None:
    assert clean_spans("a\r\rb", [_bold(1, 2)]) == ("ab", [])


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (_bold(0, 3), "begin.* offset 0 ends after the end of the text at UTF-16 offset 3"),
        (_bold(3, 1), "begins after the end of the text at UTF-16 offset 3"),
        (_bold(1, 1), "begins in a middle of a UTF-16 symbol at byte offset 4"),
        (_bold(0, 1), "offset 0 ends in a middle of a UTF-16 symbol at byte offset 4"),
    ],
)
def test_an_entity_outside_the_text_or_inside_a_symbol_is_refused(span: Span, said: str) -> None:
    with pytest.raises(Refusal, match=said):
        clean_spans("😀", [span])


def test_blanks_at_the_end_shorten_entities() -> None:
    assert trim("ab \n", [_bold(0, 4)]) == ("ab", [_bold(0, 2)])
    assert trim("ab  c  ", [_bold(5, 2)]) == ("ab  c", [])


def test_blanks_in_front_go_only_as_far_as_no_entity_covers_them() -> None:
    assert trim("  ab", [_bold(2, 2)]) == ("ab", [_bold(0, 2)])
    assert trim("  ab", [_bold(1, 3)]) == (" ab", [_bold(0, 3)])


@pytest.mark.parametrize("text", ["", " \n", "\u200b\u200d", "\u2800\u3000", "\U000e0041\ufeff"])
def test_a_text_of_invisible_characters_is_empty(text: str) -> None:
    assert is_invisible(text)


def test_a_text_with_one_visible_character_is_not_empty() -> None:
    assert not is_invisible("\u200b.\u200b")


@settings(deadline=None)
@given(st.text())
def test_utf16_length_counts_what_utf16_writes(text: str) -> None:
    assert utf16_length(text) == len(text.encode("utf-16-le", "surrogatepass")) // 2


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    once = clean_text(text)
    assert clean_text(once) == once
