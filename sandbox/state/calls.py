"""The log of Bot API calls that the control API shows."""

from __future__ import annotations

import json
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.checks.schema import Upload

KEPT_CALLS = 10_000
_SECRET_FIELDS = frozenset({"secret_token"})


class CallLog:
    """Number the calls and keep the last ones."""

    def __init__(self) -> None:
        self.last = 0
        self._calls: deque[dict[str, Any]] = deque(maxlen=KEPT_CALLS)

    def add(self, call: dict[str, Any]) -> None:
        """Keep one call under the next number."""
        self.last += 1
        self._calls.append({"seq": self.last, **call})

    def after(self, sequence: int, limit: int) -> list[dict[str, Any]]:
        """List the calls after a number, oldest first."""
        newer = [call for call in self._calls if call["seq"] > sequence]
        return newer[:limit]

    def clear(self) -> None:
        """Forget the calls, not their numbers."""
        self._calls.clear()


def show_parameters(fields: Mapping[str, str], uploads: Mapping[str, Upload]) -> dict[str, Any]:
    """Show what was asked: JSON decoded, files as name and size, secrets left out."""
    shown: dict[str, Any] = {name: _decoded(value) for name, value in fields.items()}
    for name in _SECRET_FIELDS & shown.keys():
        shown[name] = "…"
    for name, upload in uploads.items():
        shown[name] = {"filename": upload.filename, "size": len(upload.content)}
    return shown


def _decoded(value: str) -> Any:
    if not value.startswith(("{", "[")):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value
