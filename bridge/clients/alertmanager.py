"""An Alertmanager's API v2, as far as we compare what it lists with what we hold."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, TypeVar
from urllib.parse import urlsplit

import httpx

from bridge import limits
from bridge.core.listed import (
    ListedGroup,
    Listing,
    UnlikeAlertmanagerError,
    parse_alerts,
    parse_groups,
    parse_standing,
)
from bridge.errors import Outage

PARTY: Final = "Alertmanager"
_EVERYTHING: Final = dict.fromkeys(("active", "silenced", "inhibited", "unprocessed"), "true")

Told = TypeVar("Told")


class Alertmanager:
    """One Alertmanager."""

    def __init__(self, url: str, *, user: str | None = None, password: str | None = None) -> None:
        self._url = url.rstrip("/")
        self._place = urlsplit(url).netloc.rpartition("@")[2]
        self._client = httpx.AsyncClient(
            auth=(user, password or "") if user else None,
            timeout=limits.ALERTMANAGER_TIMEOUT_SECONDS,
            trust_env=False,  # a proxy for the outside must not catch calls to our own programs
        )

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    async def fetch_listing(self, *, now: datetime) -> Listing:
        """Ask for everything that is not over, and how long it has run.

        Raises:
            Outage: there is no answer, or none that makes sense.
        """
        body, _ = await self._get("/api/v2/alerts", **_EVERYTHING)
        alerts = await self._read(body, lambda decoded: parse_alerts(decoded, now))
        # Asked after the list: a restart between the two shows.
        body, its_now = await self._get("/api/v2/status")
        standing = await self._read(body, parse_standing)
        # By its own clock, which need not be ours.
        return Listing(
            alerts=alerts, standing=standing, up_for=(its_now or now) - standing.started_at
        )

    async def fetch_groups(self, *, now: datetime) -> tuple[ListedGroup, ...]:
        """Ask for the groups of all receivers.

        Raises:
            Outage: there is no answer, or none that makes sense.
        """
        body, _ = await self._get("/api/v2/alerts/groups")
        return await self._read(body, lambda decoded: parse_groups(decoded, now))

    async def _get(self, path: str, **query: str) -> tuple[bytes, datetime | None]:
        """Fetch a bounded body, and the time that Alertmanager goes by."""
        try:
            async with (
                asyncio.timeout(limits.ALERTMANAGER_TIMEOUT_SECONDS),
                self._client.stream("GET", f"{self._url}{path}", params=query) as answer,
            ):
                if answer.status_code != httpx.codes.OK:
                    raise self._outage(f"answers {answer.status_code} to {path}")
                body = bytearray()
                async for piece in answer.aiter_bytes():
                    body += piece
                    if len(body) > limits.ALERTMANAGER_BYTES:
                        raise self._outage(f"answers too much to {path}")
        except TimeoutError:
            raise self._outage(f"does not answer {path} in time") from None
        except (httpx.HTTPError, httpx.InvalidURL) as fault:
            raise self._outage(f"cannot be asked ({type(fault).__name__})") from None
        return bytes(body), _read_date(answer.headers.get("date", ""))

    async def _read(self, body: bytes, parse: Callable[[object], Told]) -> Told:
        """Read a body, a large one beside the loop."""

        def read() -> Told:
            return parse(json.loads(body))

        try:
            if len(body) <= limits.INLINE_PARSE_BYTES:
                return read()
            return await asyncio.to_thread(read)
        except (ValueError, RecursionError, UnlikeAlertmanagerError) as fault:
            words = str(fault) if isinstance(fault, UnlikeAlertmanagerError) else "no JSON"
            raise self._outage(f"its answer is not Alertmanager's ({words})") from None

    def _outage(self, reason: str) -> Outage:
        """Say which of several it is, and nothing else of its address."""
        return Outage(PARTY, f"{reason} ({self._place})")


def _read_date(header: str) -> datetime | None:
    try:
        return parsedate_to_datetime(header).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None
