"""What a person typed, as a sentence may repeat it."""

from __future__ import annotations

from typing import Final

LONGEST: Final = 40
"""Characters of it that are repeated: enough to recognise it, and a sentence stays one line."""


def show_word(word: str) -> str:
    """Shorten a word, and replace what would break the line or cannot be sent."""
    shortened = word if len(word) <= LONGEST else f"{word[:LONGEST]}…"
    return "".join(
        each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in shortened
    )
