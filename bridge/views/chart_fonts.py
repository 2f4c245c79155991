"""Fonts of pictures: those that were asked for, the bundled one, and what else the machine has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Final

from matplotlib.font_manager import FontProperties, fontManager, get_font

BUNDLED: Final = "DejaVu Sans"
"""Comes with the library: Latin, Greek, Cyrillic; neither Chinese nor Japanese nor Korean."""
# The first of these that is installed; one is enough, and each of them is large.
_EASTERN: Final = (
    *("Noto Sans CJK TC", "Noto Sans TC", "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC"),
    *("Source Han Sans TC", "Source Han Sans SC", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei"),
    *("Droid Sans Fallback", "AR PL UMing TW", "AR PL UKai TW", "PingFang TC", "Heiti TC"),
    *("Hiragino Sans", "Microsoft JhengHei", "Microsoft YaHei", "Unifont"),
)


def choose_families(asked: Iterable[str]) -> tuple[str, ...]:
    """Give the families to draw with: of each letter, the first that has it.

    What was asked for, by name or as a file, comes first; what is not there is passed over.
    """
    chosen = [family for each in asked if (family := _find(each)) is not None]
    eastern = next((each for each in _EASTERN if _find(each) is not None), None)
    return tuple(dict.fromkeys([*chosen, BUNDLED, *([eastern] if eastern else [])]))


def has_glyph(families: Sequence[str], character: str) -> bool:
    """Say whether one of the families can draw a character."""
    return _covered(tuple(families), ord(character))


def can_write(families: Sequence[str], text: str) -> bool:
    """Say whether the families can draw a whole text."""
    return all(each.isspace() or has_glyph(families, each) for each in text)


@lru_cache(maxsize=64)
def find_file(family: str, *, bold: bool = False) -> str:
    """Find the file of a family."""
    weight = "bold" if bold else "normal"
    return str(fontManager.findfont(FontProperties(family=[family], weight=weight)))


@lru_cache(maxsize=4096)  # chosen: more characters than the charts of a day have
def _covered(families: tuple[str, ...], codepoint: int) -> bool:
    return any(get_font(find_file(family)).get_char_index(codepoint) for family in families)


def _find(asked: str) -> str | None:
    if "/" in asked:
        return _load(Path(asked).expanduser())
    names = {name.lower(): name for name in fontManager.get_font_names()}
    return names.get(asked.lower())


def _load(path: Path) -> str | None:
    known = {entry.fname for entry in fontManager.ttflist}
    # RuntimeError is what the library says of a file that is no font.
    with suppress(OSError, RuntimeError):
        if str(path) not in known:
            fontManager.addfont(str(path))
        return get_font(str(path)).family_name
    return None
