from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from bridge.core.formatted import (
    Entity,
    Formatted,
    boundary,
    fit,
    join,
    split,
    trim,
    utf16_length,
)

FAMILY = "👨‍👩‍👧‍👦"
FLAGS = "🇹🇼🇺🇦"
ENGLAND = "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"

PIECES = st.sampled_from(
    ["a", "word ", "line\n", "🔥", FAMILY, FLAGS, ENGLAND, "e\u0301", "日本", "שלום", "\n\n", " "]
)
KINDS = st.sampled_from(["bold", "code", "pre", "text_link", "blockquote"])


@st.composite
def formatted_texts(draw: st.DrawFn) -> Formatted:
    text = "".join(draw(st.lists(PIECES | st.text(max_size=5), max_size=60)))
    # Entities begin and end between characters, as in every text that Telegram accepts.
    places = st.integers(0, len(text))
    entities = []
    for _ in range(draw(st.integers(0, 8))):
        first, last = sorted((draw(places), draw(places)))
        offset, end = utf16_length(text[:first]), utf16_length(text[:last])
        if end > offset:
            entities.append(Entity(draw(KINDS), offset, end - offset))
    return Formatted(text, tuple(sorted(entities, key=lambda each: (each.offset, -each.length))))


def covered(formatted: Formatted, kind: str) -> list[str]:
    """Say which characters bear a kind of formatting."""
    units = formatted.text.encode("utf-16-le", "surrogatepass")
    marked: set[int] = set()
    for each in formatted.entities:
        if each.kind == kind:
            marked.update(range(each.offset, each.end))
    return [units[2 * at : 2 * at + 2].hex() for at in sorted(marked)]


def is_visible(text: str) -> bool:
    return not Formatted(text).is_blank


def test_length_counts_code_points_and_offsets_count_utf16_units() -> None:
    joined = join(["🔥🔥 ", Formatted("web-1", (Entity("code", 0, 5),))])
    assert len(joined) == 8
    assert joined.entities == (Entity("code", 5, 5),)


def test_parts_are_joined_with_their_separator() -> None:
    bold = Formatted("a", (Entity("bold", 0, 1),))
    joined = join([bold, bold], separator=" 🔥 ")
    assert joined.text == "a 🔥 a"
    assert joined.entities == (Entity("bold", 0, 1), Entity("bold", 5, 1))


def test_trimming_moves_entities_along_and_clips_them() -> None:
    trimmed = trim(Formatted(" \n🔥ab \n", (Entity("bold", 1, 5), Entity("code", 4, 4))))
    assert trimmed == Formatted("🔥ab", (Entity("bold", 0, 4), Entity("code", 2, 2)))


def test_a_text_of_blanks_trims_to_nothing() -> None:
    assert trim(Formatted(" \n ", (Entity("bold", 0, 2),))) == Formatted("")


def test_a_short_text_fits_unchanged() -> None:
    formatted = Formatted("ok", (Entity("bold", 0, 2),))
    assert fit(formatted, 2) is formatted


def test_a_long_text_is_fitted_with_a_visible_end() -> None:
    fitted = fit(Formatted("🔥" * 10, (Entity("bold", 0, 20),)), 5)
    assert fitted == Formatted("🔥🔥🔥🔥…", (Entity("bold", 0, 8),))


def test_fitting_takes_no_person_from_a_family() -> None:
    assert fit(Formatted("ab" + FAMILY), 5).text == "ab…"


def test_parts_end_at_line_ends() -> None:
    parts = split(Formatted("first line\nsecond line\nthird"), 24)
    assert [part.text for part in parts] == ["first line\nsecond line\n", "third"]


def test_a_long_line_is_cut_at_a_space() -> None:
    assert [part.text for part in split(Formatted("aaaa bbbb cccc"), 11)] == ["aaaa bbbb ", "cccc"]


def test_an_entity_is_closed_and_opened_again() -> None:
    parts = split(Formatted("aaaa\nbbbb", (Entity("text_link", 2, 5, url="http://a.b/"),)), 5)
    assert parts == [
        Formatted("aaaa\n", (Entity("text_link", 2, 3, url="http://a.b/"),)),
        Formatted("bbbb", (Entity("text_link", 0, 2, url="http://a.b/"),)),
    ]


def test_flags_and_families_stay_whole_where_there_is_room() -> None:
    for whole, size in ((FAMILY, 7), (FLAGS[:2], 2), (ENGLAND, 7), ("e\u0301", 2)):
        parts = split(Formatted(whole * 3), size + 1)
        assert [part.text for part in parts] == [whole] * 3


def test_a_heap_of_marks_longer_than_a_part_is_cut_all_the_same() -> None:
    text = "a" + "\u0301" * 500
    parts = split(Formatted(text), 100)
    assert "".join(part.text for part in parts) == text
    assert max(map(len, parts)) <= 100


def test_no_part_holds_more_entities_than_telegram_keeps() -> None:
    text = "ab" * 250
    formatted = Formatted(text, tuple(Entity("bold", 2 * at, 1) for at in range(250)))
    parts = split(formatted)
    assert [len(part.entities) for part in parts] == [100, 100, 50]
    assert "".join(part.text for part in parts) == text


def test_a_part_of_blanks_alone_is_not_sent() -> None:
    parts = split(Formatted("a" + " " * 30 + "b"), 10)
    assert [part.text.strip() for part in parts] == ["a", "b"]


@given(formatted_texts(), st.integers(1, 40))
@example(Formatted(FAMILY * 3, (Entity("bold", 0, 33),)), 3)
def test_splitting_loses_nothing_and_every_part_is_valid_alone(
    formatted: Formatted, limit: int
) -> None:
    parts = split(formatted, limit)
    kept = "".join(part.text for part in parts)
    assert list(filter(is_visible, kept)) == list(filter(is_visible, formatted.text))
    if kept == formatted.text:
        for kind in ("bold", "code", "text_link"):
            shares = [unit for part in parts for unit in covered(part, kind)]
            assert shares == covered(formatted, kind)
    for part in parts:
        assert 0 < len(part) <= limit
        assert not part.is_blank
        for entity in part.entities:
            assert entity.length > 0
            assert 0 <= entity.offset < entity.end <= utf16_length(part.text)


@given(st.lists(st.sampled_from(["ab ", "line\n", "🔥 x", FAMILY])), st.integers(12, 40))
def test_the_parts_put_together_are_the_text(pieces: list[str], limit: int) -> None:
    text = "".join(pieces).strip()
    assert "".join(part.text for part in split(Formatted(text), limit)) == text


@given(formatted_texts(), st.integers(1, 40))
def test_fitting_keeps_a_beginning_and_its_entities_in_bounds(
    formatted: Formatted, limit: int
) -> None:
    fitted = fit(formatted, limit)
    assert len(fitted) <= limit
    assert formatted.text.startswith(fitted.text.removesuffix("…"))
    assert all(0 <= each.offset < each.end <= utf16_length(fitted.text) for each in fitted.entities)


@given(st.text(max_size=80), st.integers(0, 80))
def test_a_boundary_is_never_behind_the_place_asked_for(text: str, end: int) -> None:
    assert 0 <= boundary(text, end) <= max(end, 0) or boundary(text, end) == len(text)
