"""Long lists, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

Each = TypeVar("Each")


@dataclass(frozen=True, kw_only=True)
class Page:
    """A part of a list."""

    number: int
    """From 1."""
    pages: int


def choose_page(wanted: int, length: int, size: int) -> Page:
    """Give the page of a list that was wanted, or the last there is."""
    pages = max(1, -(-length // size))
    return Page(number=min(max(wanted, 1), pages), pages=pages)


def cut_page(everything: Sequence[Each], page: Page, size: int) -> Sequence[Each]:
    """Give what stands on a page."""
    return everything[(page.number - 1) * size : page.number * size]
