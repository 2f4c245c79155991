"""What the bot is called: asked at the console, where nothing else of Telegram is needed."""

from __future__ import annotations

from typing import Final

import aiohttp
from aiohttp_socks import ProxyConnectionError, ProxyConnector, ProxyError, ProxyTimeoutError

from bridge import limits
from bridge.errors import Outage

_SERVER: Final = "https://api.telegram.org"


async def fetch_bot_name(token: str, *, proxy: str | None, server: str = _SERVER) -> str:
    """Ask Telegram for the bot's name, without the `@`.

    Raises:
        Outage: it does not say; the reason holds no token.
    """
    timeout = aiohttp.ClientTimeout(total=limits.BOT_NAME_SECONDS)
    connector = ProxyConnector.from_url(proxy) if proxy else None
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, connector=connector) as session,
            session.get(f"{server}/bot{token}/getMe") as answer,
        ):
            told = await answer.json(content_type=None)
            return str(told["result"]["username"])
    except (KeyError, TypeError, ValueError) as fault:
        raise Outage("Telegram", "its answer holds no name; is the bot token right?") from fault
    except (
        aiohttp.ClientError,
        TimeoutError,
        OSError,
        ProxyError,
        ProxyConnectionError,
        ProxyTimeoutError,
    ) as fault:
        # The fault's own words quote the address, and with it the token.
        raise Outage("Telegram", type(fault).__name__) from None
