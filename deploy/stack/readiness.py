"""Ask programs whether they are up, many at once."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import httpx

ANSWER_SECONDS = 3.0


def ask_all(urls: Mapping[str, str]) -> dict[str, bool]:
    """Ask all programs at the same time; an empty address needs no answer."""
    asked = {name: url for name, url in urls.items() if url}
    up = {name: True for name in urls if name not in asked}
    if not asked:
        return up
    # Loading the certificates of the world takes longer than starting most programs, and nothing
    # here is encrypted. Everything is on this machine: a proxy of the environment is not asked.
    empty = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with (
        httpx.Client(timeout=ANSWER_SECONDS, trust_env=False, verify=empty) as client,
        ThreadPoolExecutor(max_workers=len(asked)) as pool,
    ):
        answers = pool.map(lambda url: is_ready(client, url), asked.values())
        return up | dict(zip(asked, answers, strict=True))


def is_ready(client: httpx.Client, url: str) -> bool:
    """Ask one program."""
    try:
        return client.get(url).is_success
    except httpx.HTTPError:
        return False
