"""Whether a program of this container answers."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

ANSWER_SECONDS = 4.0  # less than the engine waits for the check
OK = 200


def is_healthy(address: str) -> bool:
    """Ask once."""
    parts = urlsplit(address)
    if parts.hostname is None:
        return False
    line = http.client.HTTPConnection(parts.hostname, parts.port, timeout=ANSWER_SECONDS)
    try:
        line.request("GET", parts.path or "/")
        return line.getresponse().status == OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        line.close()
