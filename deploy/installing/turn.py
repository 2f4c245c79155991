"""Lets one installation at a time change a machine."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.installing.machine import Refused


@contextmanager
def take_turn(folder: Path) -> Iterator[None]:
    """Hold the folder; the turn ends with the process, however that ends.

    Raises:
        Refused: another one holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise Refused(
            "another installation or removal is under way here; wait for its end"
        ) from None
    finally:
        os.close(descriptor)
