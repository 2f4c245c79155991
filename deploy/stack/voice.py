"""How the stack speaks: short lines, coloured at a terminal, plain elsewhere."""

from __future__ import annotations

import time

from rich.console import Console
from rich.text import Text

GOOD, BAD, QUIET = "✓", "✗", "·"
STYLES = {GOOD: "green", BAD: "bold red", QUIET: "dim"}
NAME_WIDTH = 18
ADDRESS_WIDTH = 17


class Voice:
    """Speaks to the person who started the stack."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, emoji=False, markup=False)

    def say(self, sentence: str, *, style: str = "") -> None:
        """Say a sentence, never wrapped: addresses must stay whole."""
        self._console.print(Text(sentence, style=style), soft_wrap=True)

    def mark(self, sign: str, sentence: str) -> None:
        """Say a sentence behind its mark."""
        line = Text.assemble("  ", (sign, STYLES.get(sign, "")), " ", sentence)
        self._console.print(line, soft_wrap=True)

    def program(self, sign: str, name: str, address: str, state: str) -> None:
        """Say how one program is, in columns."""
        self.mark(sign, f"{name:<{NAME_WIDTH}}{address:<{ADDRESS_WIDTH}} {state}".rstrip())

    def change(self, sign: str, sentence: str) -> None:
        """Say what just happened, with the time."""
        self.mark(sign, f"{time.strftime('%H:%M:%S')}  {sentence}")

    def quote(self, lines: list[str]) -> None:
        """Show lines of a log."""
        for line in lines:
            self.say(f"      {line}", style="dim")
