"""Everything the bridge depends on is asked whether it is there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from bridge import limits
from bridge.core.readiness import Readiness
from bridge.errors import BridgeError
from bridge.logs import create_log

_log = create_log(__name__)

Check = Callable[[], Awaitable[str | None]]
"""Answers what is wrong in a sentence, or None."""


async def check_readiness(checks: Mapping[str, Check]) -> Readiness:
    """Ask all at once; a party that fails says why in its own words, one that is silent is named.

    Whatever a check does, there is an answer: an old one would go on saying that all is well.
    """
    problems = await asyncio.gather(*(_ask(check) for check in checks.values()))
    return Readiness(dict(zip(checks, problems, strict=True)))


async def _ask(check: Check) -> str | None:
    try:
        async with asyncio.timeout(limits.HEALTH_PATIENCE.total_seconds()):
            return await check()
    except BridgeError as fault:
        return fault.sentence
    except TimeoutError:
        return f"no answer within {limits.HEALTH_PATIENCE.total_seconds():.0f} s"
    except Exception as fault:  # noqa: BLE001 - a check that fails unforeseen has not passed
        _log.error("a check failed unforeseen", action="readiness", exc_info=fault)
        return f"the check itself failed ({type(fault).__name__}); the log has the details"
