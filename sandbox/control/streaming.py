"""Long answers of the control API: the event stream, and files with safe headers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

from aiohttp import web

from sandbox.checks.numbers import parse_integer

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.state.events import Event, EventStream
    from sandbox.state.records import StoredFile

PING_SECONDS = 15.0


async def stream_events(request: web.Request, events: EventStream) -> web.StreamResponse:
    """Send what happens as Server-Sent Events, from where the listener left off."""
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/event-stream",
            "Cache-Control": "no-store",
            "X-Accel-Buffering": "no",
        }
    )
    asked = request.query.get("after") or request.headers.get("Last-Event-ID") or ""
    after = parse_integer(asked)
    if after is None:
        after = events.last  # from now on, not from when the greeting has gone out
    await response.prepare(request)
    await response.write(b": welcome\n\n")
    async for event in events.listen(after, ping_seconds=PING_SECONDS):
        try:
            await response.write(_render_event(event))
        except ConnectionError:
            break  # the page has gone
    return response


def send_file(file: StoredFile, path: Path) -> web.FileResponse:
    """Send a file so that a browser neither guesses at it nor runs it."""
    disposition = "inline" if file.kind == "photo" else "attachment"
    return web.FileResponse(
        path,
        headers={
            "Content-Type": file.mime if file.kind == "photo" else "application/octet-stream",
            "Content-Disposition": f"{disposition}; filename*=UTF-8''{quote(file.name)}",
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, max-age=3600",
        },
    )


def _render_event(event: Event | None) -> bytes:
    if event is None:
        return b": ping\n\n"
    body = json.dumps(event.content, ensure_ascii=False)
    return f"id: {event.sequence}\nevent: {event.kind}\ndata: {body}\n\n".encode()
