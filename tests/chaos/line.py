"""The wire between a bridge and Telegram, which can be cut and mended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

PIECE = 65_536  # bytes


class Line:
    """Carries bytes between a port of its own and another."""

    def __init__(self, port: int) -> None:
        self.port = 0
        self._far_port = port
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()

    async def mend(self) -> None:
        """Take connections, at the same port as before."""
        if self._server is None:
            self._server = await asyncio.start_server(self._join, "127.0.0.1", self.port)
            self.port = int(self._server.sockets[0].getsockname()[1])

    async def cut(self) -> None:
        """Refuse connections and end those there are, whatever is under way on them."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for end in list(self._ends):
            end.transport.abort()

    async def _join(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        try:
            far, forth = await asyncio.open_connection("127.0.0.1", self._far_port)
        except OSError:
            back.transport.abort()
            return
        self._ends |= {back, forth}
        try:
            # Nobody awaits this task: ended with its loop, it has nobody to tell.
            with suppress(asyncio.CancelledError):
                await asyncio.gather(_carry(near, forth), _carry(far, back))
        finally:
            self._ends -= {back, forth}
            for end in (back, forth):
                end.transport.abort()


async def _carry(source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await source.read(PIECE):
            to.write(piece)
            await to.drain()
    to.close()


@asynccontextmanager
async def open_line(port: int) -> AsyncIterator[Line]:
    """Lay a line to a port of this machine."""
    line = Line(port)
    await line.mend()
    try:
        yield line
    finally:
        await line.cut()
        await asyncio.sleep(0)
