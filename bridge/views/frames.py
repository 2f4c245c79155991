"""How the bridge and the process that draws speak: what is sent is preceded by what and how long.

request    length, pickled facts
answer     kind, length, bytes: ready, with the samples it can write; a picture; a fault in words
"""

from __future__ import annotations

from typing import Final

READY: Final = b"R"
PICTURE: Final = b"P"
FAULT: Final = b"F"
LENGTH: Final = 4
"""Bytes of a length, the largest first."""
HEAD: Final = len(READY) + LENGTH
"""Bytes before what an answer holds."""


def pack_request(request: bytes) -> bytes:
    """Write what is asked for."""
    return len(request).to_bytes(LENGTH) + request


def pack_answer(kind: bytes, payload: bytes) -> bytes:
    """Write an answer."""
    return kind + len(payload).to_bytes(LENGTH) + payload


def read_head(head: bytes) -> tuple[bytes, int]:
    """Read what an answer is, and how much of it follows."""
    return head[:-LENGTH], int.from_bytes(head[-LENGTH:])
