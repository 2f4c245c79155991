"""Prometheus, as far as we ask it questions.

The library is synchronous and waits for ever unless told otherwise, and its timeout is for each
piece of an answer: it works in threads that nobody waits for, and its exceptions end here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from json import JSONDecodeError
from typing import Any, Final

from bridge import limits
from bridge.clients.threads import call_apart
from bridge.core.endings import Sample
from bridge.errors import Outage

PARTY: Final = "Prometheus"
THREADS: Final = 2  # chosen: a question that hangs does not keep the next one waiting


class Prometheus:
    """A Prometheus, or whatever speaks its HTTP API."""

    def __init__(self, url: str, *, user: str | None = None, password: str | None = None) -> None:
        # Takes 0.2 s, which a command that only prints its usage should not pay.
        from prometheus_api_client.exceptions import (  # noqa: PLC0415 - see above
            PrometheusApiClientException,
        )
        from prometheus_api_client.prometheus_connect import (  # noqa: PLC0415 - see above
            PrometheusConnect,
        )

        # As bytes: the library would write text as Latin-1. It takes None, whatever it declares.
        auth: Any = (user.encode(), (password or "").encode()) if user else None
        self._refusal = PrometheusApiClientException
        self._connect = PrometheusConnect(
            url.rstrip("/"),
            auth=auth,
            retry=0,  # whoever asks decides whether to ask again
            timeout=limits.PROMETHEUS_TIMEOUT_SECONDS,
        )
        # A proxy for the outside must not catch calls to our own programs; it has no other switch.
        self._connect._session.trust_env = False  # noqa: SLF001
        self._free = asyncio.Semaphore(THREADS)

    async def close(self) -> None:
        """Let go of the connections; a question under way ends by itself or with the program."""
        self._connect.close()

    async def fetch(self, promql: str) -> list[Sample]:
        """Ask for the values of this moment.

        Raises:
            Outage: there is no whole answer in time, or none that makes sense.
        """
        patience = limits.PROMETHEUS_TIMEOUT_SECONDS
        try:
            async with asyncio.timeout(patience):
                await self._free.acquire()
                # Freed by the thread's own end: an answer that drips goes on when we have left.
                return await call_apart(
                    PARTY,
                    lambda: self._translated(self._ask, promql),
                    self._free.release,
                    name="prometheus",
                )
        except TimeoutError:
            raise Outage(PARTY, f"no whole answer within {patience} s") from None

    def _ask(self, promql: str) -> list[Sample]:
        patience = {"timeout": f"{limits.PROMETHEUS_TIMEOUT_SECONDS}s"}
        return [_read_sample(each) for each in self._connect.custom_query(promql, patience)]

    def _translated(self, call: Callable[[str], list[Sample]], promql: str) -> list[Sample]:
        """Make every failure ours, without an address or an answer that may hold a secret."""
        try:
            return call(promql)
        except self._refusal as fault:
            raise Outage(PARTY, f"refuses the question ({_code(fault)})") from None
        except (JSONDecodeError, TypeError, LookupError, AttributeError) as fault:
            reason = f"its answer is not Prometheus's ({type(fault).__name__})"
            raise Outage(PARTY, reason) from None
        except (OSError, ValueError) as fault:  # the library's transport faults are one or both
            raise Outage(PARTY, f"cannot be asked ({type(fault).__name__})") from None


def _read_sample(series: Any) -> Sample:  # one of the answer's `result`
    labels = {str(name): str(value) for name, value in series["metric"].items()}
    return Sample(labels=labels, value=float(series["value"][1]))


def _code(refusal: Exception) -> str:
    """Find the status in `HTTP Status Code 401 (b'…')`, the only place that has it."""
    words = str(refusal).split(maxsplit=4)
    return words[3] if len(words) > 3 and words[3].isdigit() else "unknown"  # noqa: PLR2004
