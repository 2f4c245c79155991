"""Prometheus and Alertmanager, as far as we ask whether they are there."""

from __future__ import annotations

import httpx

from bridge import limits
from bridge.errors import Outage


class Monitor:
    """A program of the Prometheus family that answers `/-/ready`."""

    def __init__(
        self, party: str, url: str, *, user: str | None = None, password: str | None = None
    ) -> None:
        self._party = party
        self._url = url.rstrip("/")
        self._client = httpx.AsyncClient(
            auth=(user, password or "") if user else None,
            timeout=limits.HEALTH_TIMEOUT_SECONDS,
            trust_env=False,  # a proxy for the outside must not catch calls to our own programs
        )

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    async def probe(self) -> None:
        """Ask whether it is ready.

        Raises:
            Outage: it is not, or cannot be reached.
        """
        try:
            answer = await self._client.get(f"{self._url}/-/ready")
        except httpx.HTTPError as fault:
            reason = f"cannot be reached at {self._url} ({type(fault).__name__})"
            raise Outage(self._party, reason) from fault
        if answer.status_code != httpx.codes.OK:
            raise Outage(self._party, f"answers {answer.status_code} at {self._url}/-/ready")
