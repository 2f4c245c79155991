from __future__ import annotations

import io

from rich.console import Console

from deploy.stack.voice import Voice


class Listener:
    """What a person at a terminal would read."""

    def __init__(self) -> None:
        self._file = io.StringIO()
        self.voice = Voice(Console(file=self._file, highlight=False, emoji=False, markup=False))

    @property
    def text(self) -> str:
        return self._file.getvalue()
