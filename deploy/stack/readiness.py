"""Ask programs whether they are up, many at once."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import httpx

ANSWER_SECONDS = 3.0


def is_ready(url: str) -> bool:
    """Ask one program; an empty address needs no answer."""
    if not url:
        return True
    try:
        # Everything here is on this machine: a proxy of the environment is not asked.
        with httpx.Client(timeout=ANSWER_SECONDS, trust_env=False) as client:
            return client.get(url).is_success
    except httpx.HTTPError:
        return False


def ask_all(urls: Mapping[str, str]) -> dict[str, bool]:
    """Ask all programs at the same time."""
    if not urls:
        return {}
    with ThreadPoolExecutor(max_workers=len(urls)) as pool:
        return dict(zip(urls, pool.map(is_ready, urls.values()), strict=True))
