"""Everything the bridge depends on is asked whether it is there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from bridge.core.readiness import Readiness
from bridge.errors import BridgeError

Check = Callable[[], Awaitable[str | None]]
"""Answers what is wrong in a sentence, or None."""


async def check_readiness(checks: Mapping[str, Check]) -> Readiness:
    """Ask all at once; a party that fails says why in its own words."""
    problems = await asyncio.gather(*(_ask(check) for check in checks.values()))
    return Readiness(dict(zip(checks, problems, strict=True)))


async def _ask(check: Check) -> str | None:
    try:
        return await check()
    except BridgeError as fault:
        return fault.sentence
