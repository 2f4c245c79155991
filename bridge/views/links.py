"""Which addresses Telegram takes as links, and the form it keeps them in."""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

LONGEST: Final = 2048  # chosen: longer addresses fail in browsers and on the way

_LAST_PORT: Final = 65535
_HOST: Final = re.compile(r"(?:[A-Za-z0-9._~-]|[^\x00-\x7f])+")
_UNSEEN: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u200b-\u200f\u2028-\u202e\u2060-\u206f]"
)


def is_linkable(url: str) -> bool:
    """Say whether Telegram makes a link of this address."""
    return canonical_link(url) is not None


def canonical_link(url: str) -> str | None:
    """Write an address as Telegram keeps it; None where it makes no link of it.

    A host needs a dot or is an IP address: `localhost` and bare names are refused. So are
    addresses with a name and password, which are secrets or a disguise.
    """
    trimmed = url.strip()
    if len(trimmed) > LONGEST or _UNSEEN.search(trimmed):
        return None
    try:
        parts = urlsplit(trimmed)
        port = parts.port
    except ValueError:
        return None
    host = parts.hostname or ""
    if parts.scheme not in {"http", "https"} or "@" in parts.netloc or not _is_host(host):
        return None
    if port is not None and not 0 < port <= _LAST_PORT:
        return None
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}{'' if port is None else f':{port}'}{_rest(parts)}"


def _is_host(host: str) -> bool:
    if ":" in host:
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            return False
        return "%" not in host
    return "." in host.strip(".") and _HOST.fullmatch(host) is not None


def _rest(parts: SplitResult) -> str:
    rest = parts.path if parts.path.startswith("/") else f"/{parts.path}"
    if parts.query:
        rest += f"?{parts.query}"
    if parts.fragment:
        rest += f"#{parts.fragment}"
    return rest.replace(" ", "%20")
