"""The outside address that wants to hear once a minute that the bridge is well."""

from __future__ import annotations

import asyncio
from typing import Final

import httpx

from bridge import limits
from bridge.errors import Outage

PARTY: Final = "the heartbeat's address"
# A proxy for the outside must not catch calls to this machine.
_DIRECT: Final = {f"all://{host}": None for host in ("localhost", "127.0.0.1", "[::1]")}


class Heartbeat:
    """An address that is itself a key: it stands in no error and no log."""

    def __init__(self, url: str) -> None:
        self._url = url
        # It is an outside address: where only the machine's proxy leads out, it is taken.
        self._client = httpx.AsyncClient(
            timeout=limits.HEARTBEAT_TIMEOUT_SECONDS,
            trust_env=True,
            mounts=_DIRECT,
            follow_redirects=True,
            max_redirects=3,
        )

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    async def ping(self) -> None:
        """Call it once.

        Raises:
            Outage: it did not answer well.
        """
        try:
            # As a whole: the library's limit is for each piece of an answer that drips.
            async with (
                asyncio.timeout(limits.HEARTBEAT_TIMEOUT_SECONDS),
                self._client.stream("GET", self._url) as answer,
            ):
                code = answer.status_code
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, TimeoutError) as fault:
            # Without its cause: that may quote the address, or the one it leads on to.
            raise Outage(PARTY, f"cannot be reached ({type(fault).__name__})") from None
        if not httpx.codes.is_success(code):
            raise Outage(PARTY, f"answers {code}")
