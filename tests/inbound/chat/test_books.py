"""Who did what, as an admin reads it on a phone."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bridge.core.audit import Entry
from bridge.core.stats import StatsFacts
from bridge.inbound.chat.books import BooksCommands
from bridge.inbound.chat.command import Commands
from tests.fakes.chat import ADMIN, NOON, FakeChat


class FullAudit:
    """Has many long entries."""

    def __init__(self, letters: int) -> None:
        self.letters = letters

    async def newest(self, most: int) -> Sequence[tuple[int, Entry]]:
        words = "x" * self.letters
        return [
            (number, Entry(at=NOON, who=1, name="Ada", what=words, on="db-1", detail=words))
            for number in range(most)
        ]


async def no_stats() -> StatsFacts:
    raise NotImplementedError


async def ask(words: str, letters: int) -> list[str]:
    chat = FakeChat(Commands(BooksCommands(no_stats, FullAudit(letters)).commands))
    [said] = await chat.say(f"/audit {words}", ADMIN)
    return said.text.splitlines()


@pytest.mark.parametrize("letters", [60, 300])
async def test_what_does_not_fit_is_shortened_and_counted(letters: int) -> None:
    *lines, last = await ask("50", letters)
    assert len(lines) > 20
    assert last == f"and {51 - len(lines)} more"
    assert all(line.endswith("x" if letters == 60 else "…") for line in lines[1:])


async def test_what_fits_is_told_whole() -> None:
    lines = await ask("50", 5)
    assert len(lines) == 51
    assert lines[-1].endswith("Ada xxxxx → db-1 · xxxxx")
