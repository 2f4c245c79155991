"""Prometheus, as far as we ask it questions.

The library is synchronous and waits for ever unless told otherwise, and its timeout is for each
piece of an answer: it works in threads that nobody waits for, and its exceptions end here. What
alerts depend on has threads and connections of its own, which no question of a person takes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from json import JSONDecodeError
from typing import Any, Final, TypeVar

from bridge import limits
from bridge.clients.answers import PARTY, bounds_of_fleets, hear
from bridge.clients.threads import call_apart
from bridge.core.answers import Answer
from bridge.core.endings import Sample
from bridge.errors import BridgeError, Late, Mistake, Outage

THREADS: Final = 2  # chosen: a question that hangs does not keep the next one waiting
ASKING: Final = 4  # chosen: four people's slow questions at once; each is patient for seconds only
Said = TypeVar("Said")


class Prometheus:
    """A Prometheus, or whatever speaks its HTTP API."""

    def __init__(self, url: str, *, user: str | None = None, password: str | None = None) -> None:
        # Takes 0.2 s, which a command that only prints its usage should not pay.
        from prometheus_api_client.exceptions import (  # noqa: PLC0415 - see above
            PrometheusApiClientException,
        )

        self._refusal = PrometheusApiClientException
        self._connect = _connect(url, user, password, limits.PROMETHEUS_TIMEOUT_SECONDS)
        self._free = asyncio.Semaphore(THREADS)
        self._asking = _connect(url, user, password, limits.QUERY_SECONDS)
        self._asking._session.hooks["response"].append(hear)  # noqa: SLF001 - it offers no hook
        self._counting = _connect(url, user, password, limits.QUERY_SECONDS)
        self._counting._session.hooks["response"].append(  # noqa: SLF001 - the same
            partial(hear, bounds=bounds_of_fleets)
        )
        self._may_ask = asyncio.Semaphore(ASKING)

    async def close(self) -> None:
        """Let go of the connections; a question under way ends by itself or with the program."""
        self._connect.close()
        self._asking.close()
        self._counting.close()

    async def fetch(self, promql: str) -> list[Sample]:
        """Ask for the values of this moment.

        Raises:
            Outage: there is no whole answer in time, or none that makes sense.
        """
        patience = limits.PROMETHEUS_TIMEOUT_SECONDS
        return await self._call(lambda: self._ask(promql), self._free, patience)

    async def fetch_values(self, promql: str, at: datetime | None = None) -> Answer:
        """Ask for the values of a moment, of this one if none is given.

        Raises:
            Mistake: the query makes no sense.
            TooMuch: it is too long.
            Late: there is no answer in time.
            Outage: there is none at all, or none that makes sense.
        """
        patience = limits.QUERY_SECONDS
        params = {"timeout": f"{patience}s"}
        if at is not None:
            params["time"] = f"{at.timestamp():.3f}"
        answer: Answer = await self._call(
            lambda: self._asking.custom_query(promql, params), self._may_ask, patience
        )
        return answer

    async def fetch_fleet(self, promql: str) -> Answer:
        """Ask a question of our own, about thousands of hosts maybe, for the values of this moment.

        Raises:
            Late: there is no answer in time.
            Outage: there is none at all, or none that makes sense.
        """
        patience = limits.QUERY_SECONDS
        params = {"timeout": f"{patience}s"}
        try:
            answer: Answer = await self._call(
                lambda: self._counting.custom_query(promql, params), self._may_ask, patience
            )
        except Mistake as fault:  # ours, not that of whoever asks
            raise Outage(PARTY, f"refuses the question ({fault.sentence})") from None
        return answer

    async def fetch_range(self, promql: str, start: int, end: int, step: timedelta) -> Answer:
        """Ask for the values at each step between two moments, in seconds since 1970.

        Raises:
            Mistake: the query makes no sense.
            TooMuch: it is too long.
            Late: there is no answer in time.
            Outage: there is none at all, or none that makes sense.
        """
        patience = limits.QUERY_SECONDS
        first, last = (datetime.fromtimestamp(moment, UTC) for moment in (start, end))
        answer: Answer = await self._call(
            lambda: self._asking.custom_query_range(
                promql, first, last, f"{step.total_seconds():.3f}", {"timeout": f"{patience}s"}
            ),
            self._may_ask,
            patience,
        )
        return answer

    async def _call(
        self, call: Callable[[], Said], free: asyncio.Semaphore, patience: float
    ) -> Said:
        try:
            async with asyncio.timeout(patience):
                await free.acquire()
                # Freed by the thread's own end: an answer that drips goes on when we have left.
                return await call_apart(
                    PARTY, lambda: self._translated(call), free.release, name="prometheus"
                )
        except TimeoutError:
            raise Late(PARTY, f"no whole answer within {patience} s") from None

    def _ask(self, promql: str) -> list[Sample]:
        patience = {"timeout": f"{limits.PROMETHEUS_TIMEOUT_SECONDS}s"}
        return [_read_sample(each) for each in self._connect.custom_query(promql, patience)]

    def _translated(self, call: Callable[[], Said]) -> Said:
        """Make every failure ours, without an address or an answer that may hold a secret."""
        try:
            return call()
        except BridgeError:
            raise
        except self._refusal as fault:
            raise Outage(PARTY, f"refuses the question ({_code(fault)})") from None
        except (JSONDecodeError, TypeError, LookupError, AttributeError) as fault:
            reason = f"its answer is not Prometheus's ({type(fault).__name__})"
            raise Outage(PARTY, reason) from None
        except (OSError, ValueError) as fault:  # the library's transport faults are one or both
            kind = Late if "Timeout" in type(fault).__name__ else Outage
            raise kind(PARTY, f"cannot be asked ({type(fault).__name__})") from None


def _connect(url: str, user: str | None, password: str | None, patience: int) -> Any:
    """Open a connection of the library's."""
    from prometheus_api_client.prometheus_connect import (  # noqa: PLC0415 - see above
        PrometheusConnect,
    )

    # As bytes: the library would write text as Latin-1. It takes None, whatever it declares.
    auth: Any = (user.encode(), (password or "").encode()) if user else None
    connection = PrometheusConnect(
        url.rstrip("/"),
        auth=auth,
        retry=0,  # whoever asks decides whether to ask again
        timeout=patience,
    )
    # A proxy for the outside must not catch calls to our own programs; it has no other switch.
    connection._session.trust_env = False  # noqa: SLF001
    return connection


def _read_sample(series: Any) -> Sample:  # one of the answer's `result`
    labels = {str(name): str(value) for name, value in series["metric"].items()}
    return Sample(labels=labels, value=float(series["value"][1]))


def _code(refusal: Exception) -> str:
    """Find the status in `HTTP Status Code 401 (b'…')`, the only place that has it."""
    words = str(refusal).split(maxsplit=4)
    return words[3] if len(words) > 3 and words[3].isdigit() else "unknown"  # noqa: PLR2004
