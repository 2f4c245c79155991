"""A bridge that ends itself by SIGKILL at one chosen point of its work.

The points are counted, not named: every await of ours at which something else may run, or every
statement that the database is given. Counting needs no knowledge of the flows, so a flow that is
added is killed at its awaits without a word here.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import threading
from collections.abc import Coroutine, Generator
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine, event

import bridge

HOUSE: Final = str(Path(bridge.__file__).parent)
# Where the loop waits for its next turn: nothing is at stake.
OUTSIDE: Final = (f"{HOUSE}/app.py", f"{HOUSE}/running.py", f"{HOUSE}/inbound/timers.py")
# What a story asks for as often as it likes; and looking alone changes nothing.
LOOKING: Final = f"{HOUSE}/inbound/web/health.py"


class Doom:
    """Counts points and ends the process at one of them; at 0 it only counts."""

    def __init__(self, at: int, note: Path) -> None:
        self._at = at
        self._points = itertools.count(1)  # several threads ask the database
        self._note = note

    def pass_point(self, what: str) -> None:
        """Count one point; what it was is written down for whoever reads of the failure."""
        passed = next(self._points)
        if self._at == 0:
            _write(self._note, str(passed))
        elif passed == self._at:
            _write(self._note, what)
            os.kill(os.getpid(), signal.SIGKILL)


class Watched(Coroutine[Any, Any, Any]):
    """A coroutine whose every suspension inside our house is a point."""

    def __init__(self, inner: Coroutine[Any, Any, Any], doom: Doom) -> None:
        self._inner = inner
        self._doom = doom

    def send(self, value: Any) -> Any:
        """Go on until the next suspension."""
        waits_for = self._inner.send(value)
        self._pass()
        return waits_for

    def throw(self, kind: Any, value: Any = None, trace: Any = None) -> Any:
        """Go on with a fault until the next suspension."""
        fault = kind if value is None else value
        waits_for = self._inner.throw(fault) if trace is None else self._inner.throw(fault, trace)
        self._pass()
        return waits_for

    def close(self) -> None:
        """End it."""
        self._inner.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        """Be awaited as what it watches."""
        return self._inner.__await__()

    def _pass(self) -> None:
        where = _innermost(self._inner)
        if where:
            self._doom.pass_point(where)


def await_doom(loop: asyncio.AbstractEventLoop, *, kind: str, at: int, note: str) -> None:
    """Let this process die at the point of that number: `await` or `statement`."""
    doom = Doom(at, Path(note))
    if kind == "statement":

        def count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            doom.pass_point(statement)

        event.listen(Engine, "before_cursor_execute", count)
        event.listen(Engine, "commit", lambda _connection: doom.pass_point("COMMIT"))
        return

    def create(on: asyncio.AbstractEventLoop, work: Any, **named: Any) -> asyncio.Task[Any]:
        return asyncio.Task(Watched(work, doom), loop=on, **named)

    loop.set_task_factory(create)


def _innermost(work: Any) -> str:
    """Name the innermost line of ours that waits; empty where none of interest does."""
    found = ""
    while work is not None:
        frame = getattr(work, "cr_frame", None)
        work = getattr(work, "cr_await", None)
        if frame is None:
            continue
        file = frame.f_code.co_filename
        if file == LOOKING:
            return ""
        if file.startswith(HOUSE) and file not in OUTSIDE:
            found = f"{file.removeprefix(HOUSE)}:{frame.f_lineno} {frame.f_code.co_name}"
    return found


def _write(note: Path, text: str) -> None:
    """Write at one stroke: whoever reads meanwhile finds the former text."""
    fresh = note.with_suffix(f".{threading.get_ident()}")  # several threads ask the database
    fresh.write_text(text)
    fresh.replace(note)
