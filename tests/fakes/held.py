"""Connections that are held, and say nothing."""

from __future__ import annotations

import asyncio
import socket


async def is_let_go(held: socket.socket) -> bool:
    """Say whether the door lets go of somebody within a moment."""
    try:
        async with asyncio.timeout(0.3):
            return await asyncio.get_running_loop().sock_recv(held, 1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True
