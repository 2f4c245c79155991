"""What stands behind the commands for hosts: a host, a span, a filter, and the command as typed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from bridge import limits
from bridge.core.access import Scope, parse_scope
from bridge.core.spans import parse_span
from bridge.errors import Mistake

_SHORTEST: Final = timedelta(seconds=1)


def read_limit(text: str) -> tuple[timedelta, str]:
    """Read a span that may stand before a command; the command stays byte for byte.

    Raises:
        Mistake: the span is longer than a command may take.
    """
    first, rest = split_word(text)
    try:
        within = parse_span(first)
    except ValueError:
        return limits.JOB_USUAL, text
    if not rest:
        return limits.JOB_USUAL, text
    if not _SHORTEST <= within <= limits.JOB_LONGEST:
        minutes = int(limits.JOB_LONGEST.total_seconds() // 60)
        raise Mistake("A command may take %(minutes)s minutes at most.", minutes=minutes)
    return within, rest


def read_port(word: str) -> int:
    """Read a TCP port: digits from 1 to 65535 and nothing else.

    Raises:
        Mistake: it is none.
    """
    if word.isascii() and word.isdigit() and len(word) <= 5 and 0 < int(word) <= 65535:  # noqa: PLR2004 - TCP
        return int(word)
    raise Mistake("%(word)s is no port; write a number from 1 to 65535.", word=word)


def split_word(text: str) -> tuple[str, str]:
    """Take the first word off; what is behind it keeps every blank."""
    first, _, rest = text.strip().partition(" ")
    return (first, rest.lstrip(" ")) if "\n" not in first else (text.strip(), "")


def read_filter(text: str) -> tuple[Scope, str]:
    """Read `label=value` words that stand before a command."""
    words: list[str] = []
    rest = text.strip()
    while rest:
        first, behind = split_word(rest)
        name, sign, value = first.partition("=")
        if not (sign and value and name.replace("_", "").isalnum() and behind):
            break
        words.append(first)
        rest = behind
    return parse_scope(words), rest


def read_top(words: Sequence[str]) -> tuple[str | None, str, int]:
    """Read `[host] [cpu|mem] [number]`."""
    left, count, by = list(words), limits.TOP_USUAL, "cpu"
    if left and left[-1].isascii() and left[-1].isdigit():
        count = min(max(int(left.pop()[:6]), 1), limits.TOP_MOST)
    if left and left[-1].lower() in {"cpu", "mem"}:
        by = left.pop().lower()
    if len(left) > 1:
        raise Mistake("%(word)s is one word too many.", word=left[1])
    return (left[0] if left else None), by, count
