"""Who may use the control API: holders of the page token, from pages this server gave out."""

from __future__ import annotations

import hmac
import ipaddress
from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.answers import is_for_bots

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware

_LOOPBACK_NAMES = frozenset({"localhost", "localhost.localdomain", "ip6-localhost"})


def is_own_host(header: str, bound_host: str) -> bool:
    """Tell whether a Host header names this server, so that no rebound name gets through."""
    try:
        host = _strip_port(header)
        address = ipaddress.ip_address(host)
    except ValueError:
        return header.rpartition(":")[0] in _names(bound_host) or header in _names(bound_host)
    if address.is_loopback or host == bound_host:
        return True
    # Bound to every address: numbers cannot be rebound, names can.
    return _is_wildcard(bound_host)


def guard(page_token: str, bound_host: str) -> Middleware:
    """Create the middleware that stands before the page and the control API."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        # Bots come by any name; what lies there needs the bot's token, which no page can know.
        if is_for_bots(request):
            return await handler(request)
        if not is_own_host(request.headers.get("Host", ""), bound_host):
            return web.json_response({"error": "This name is not the sandbox's own."}, status=403)
        if request.path.startswith("/control") and not _is_authorized(request, page_token):
            sentence = "Send the page token: Authorization: Bearer <page_token>."
            return web.json_response({"error": sentence}, status=401)
        return await handler(request)

    return check


def _is_authorized(request: web.Request, page_token: str) -> bool:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    is_right = hmac.compare_digest(given.strip().encode(), page_token.encode())
    return scheme.casefold() == "bearer" and is_right


def _strip_port(header: str) -> str:
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.rpartition(":")[0] if header.count(":") == 1 else header


def _names(bound_host: str) -> frozenset[str]:
    return _LOOPBACK_NAMES | {bound_host}


def _is_wildcard(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False
