from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.views.chart_fonts import BUNDLED, can_write, choose_families, find_file
from bridge.views.chart_text import clean_label, shorten_label


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("web-1", "web-1"),
        ("two\nlines\t and  blanks ", "two lines and blanks"),
        ("\x00\x1bweb\u202e\u200b", "web"),
        ("🔥 fire ☎️", "fire"),
        ("pod_$1_$2", "pod_$1_$2"),
        ("half \ud800", "half"),
        ("資料庫", "資料庫"),
        ("5 °C ≥ 3 µs", "5 °C ≥ 3 µs"),
    ],
)
def test_a_label_is_one_line_of_letters(text: str, clean: str) -> None:
    assert clean_label(text) == clean


def test_letters_that_no_font_has_are_boxes() -> None:
    assert clean_label("a字b", str.isascii) == "a□b"


@given(st.text(max_size=60))
def test_every_label_can_be_written_with_the_bundled_font(text: str) -> None:
    label = clean_label(text, lambda each: can_write((BUNDLED,), each))
    assert can_write((BUNDLED,), label)
    assert "\n" not in label


def test_what_is_too_wide_loses_its_middle() -> None:
    def measure(text: str) -> float:
        return 10.0 * len(text)

    assert shorten_label("abcdefghij", 100, measure) == "abcdefghij"
    assert shorten_label("abcdefghij", 70, measure) == "abc…hij"
    assert shorten_label("abcdefghij", 20, measure) == "a…"
    assert shorten_label("abcdefghij", 0, measure) == "…"


@given(st.text(max_size=50), st.integers(1, 60))
def test_a_shortened_label_fits(text: str, width: int) -> None:
    assert len(shorten_label(text, width, len)) <= width


def test_the_bundled_font_writes_russian_and_no_chinese() -> None:
    assert can_write((BUNDLED,), "загрузка CPU, %")
    assert not can_write((BUNDLED,), "記憶體使用率")
    assert find_file(BUNDLED) != find_file(BUNDLED, bold=True)


def test_fonts_are_asked_for_by_name_or_file_and_the_bundled_one_is_always_there(
    tmp_path: Path,
) -> None:
    serif = next(Path(mpl.get_data_path()).rglob("DejaVuSerif.ttf"))
    no_font = tmp_path / "no.ttf"
    no_font.write_text("no font")
    families = choose_families(
        ["dejavu sans mono", "Never Heard Of", str(serif), str(no_font), str(tmp_path / "gone.ttf")]
    )
    assert families[:3] == ("DejaVu Sans Mono", "DejaVu Serif", BUNDLED)
    assert choose_families([])[0] == BUNDLED
