"""Text inside a query: the only place where anything that came from outside is put into PromQL."""

from __future__ import annotations

from typing import Final

_SPECIAL: Final = frozenset(r"\.+*?()|[]{}^$")


def quote_value(text: str) -> str:
    """Write a text as a label value in PromQL."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    plain = (each if each >= " " else f"\\u{ord(each):04x}" for each in escaped)
    return f'"{"".join(plain)}"'


def quote_regex(text: str) -> str:
    """Write a text as a regular expression that matches it alone."""
    return "".join(f"\\{each}" if each in _SPECIAL else each for each in text)
