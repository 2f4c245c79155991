"""Writes files as a host's owner would, whoever runs the tests."""

from __future__ import annotations

from pathlib import Path
from typing import Final

NOT_ROOT: Final = frozenset({4242})
"""Users of an agent that is neither root nor whoever runs the tests."""


def write_as_owner(path: Path, text: str | bytes, mode: int = 0o644) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(mode)
    return path
