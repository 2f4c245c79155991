"""A root helper that serves while a test runs."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from agent.root_verbs import Root
from agent.rooted import Server

US = os.geteuid()
Serve = Callable[..., Path]


@contextlib.contextmanager
def open_roots(folder: Path) -> Iterator[Serve]:
    """Start helpers that listen in a folder; all of them end with the context."""
    with contextlib.ExitStack() as running:

        def run(root: Root | None = None, user: int = US) -> Path:
            path = folder / "root.sock"
            server = Server(path, user, root or Root())
            server.open()
            thread = threading.Thread(target=server.serve)
            thread.start()
            running.callback(thread.join)
            running.callback(server.close)
            return path

        yield run
