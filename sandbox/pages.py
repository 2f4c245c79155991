"""The chat page's own files, served as they lie, under a strict content policy."""

from __future__ import annotations

import re
from pathlib import Path

from aiohttp import web

PAGE_DIR = Path(__file__).parent / "page"

_NAME = re.compile(r"[a-z0-9_-]{1,64}\.[a-z]{1,16}")  # one of the folder's own, in no other
_POLICY = (
    "default-src 'self'; img-src 'self' blob:; media-src 'self' blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
}


def routes() -> list[web.RouteDef]:
    """List the routes of the page; they stand last, because the second takes any name."""
    return [web.get("/", _serve_page), web.get("/{path:.+}", _serve_page)]


async def _serve_page(request: web.Request) -> web.StreamResponse:
    name = request.match_info.get("path", "") or "index.html"
    if name == "favicon.ico":
        name = "icon.svg"
    path = PAGE_DIR / name
    kind = _TYPES.get(path.suffix)
    if kind is None or not _NAME.fullmatch(name) or not path.is_file():
        return web.json_response({"error": "There is no such page."}, status=404)
    return web.FileResponse(path, headers={**PAGE_HEADERS, "Content-Type": kind})
