"""Guess what a mistyped word was meant to be."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

# Chosen: "nodexporter" and "staus" are caught, "xyz" is not.
LIKENESS = 0.6


def suggest(word: str, known: Iterable[str]) -> str:
    """Give the ending of a sentence that names the nearest word; empty when none is near."""
    words = list(known)
    begun = [entry for entry in words if entry.startswith(word)]
    near = begun or difflib.get_close_matches(word, words, n=1, cutoff=LIKENESS)
    return f" (did you mean {' or '.join(near)}?)" if near else ""
