"""Buttons: under a message, or in place of the phone's keyboard."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

PRESS_BYTES: Final = 64  # Bot API: callback_data
_DIGEST: Final = 10  # chosen: hex digits that tell apart far more hosts than an inventory holds
_HOST_MARK: Final = "#"


@dataclass(frozen=True, kw_only=True)
class Button:
    """A button under a message: one of `press`, `url` and `copy` says what it does."""

    label: str
    press: str = ""
    """A command as typed, without the slash; a host stands in it as `name_host` writes it.

    Whoever presses it asks for it in their own name: a button holds no rights.
    """
    url: str = ""
    copy: str = ""


@dataclass(frozen=True)
class Keyboard:
    """Buttons under a message, row by row."""

    rows: tuple[tuple[Button, ...], ...]


@dataclass(frozen=True)
class Offer:
    """Words offered in place of the phone's keyboard, row by row; pressing one sends it."""

    rows: tuple[tuple[str, ...], ...]


def name_host(host: str) -> str:
    """Name a host in few bytes, the same for as long as it is called so."""
    digest = hashlib.sha256(host.lower().encode()).hexdigest()
    return f"{_HOST_MARK}{digest[:_DIGEST]}"


def is_host_name(word: str) -> bool:
    """Say whether a word of a pressed button stands for a host."""
    return word.startswith(_HOST_MARK)


def in_rows(buttons: list[Button], width: int) -> tuple[tuple[Button, ...], ...]:
    """Lay buttons out, so many a row."""
    starts = range(0, len(buttons), width)
    return tuple(tuple(buttons[start : start + width]) for start in starts)
