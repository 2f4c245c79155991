"""What is answered when nothing else answered: in the form that the caller reads."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

_LOG = logging.getLogger(__name__)
_BOT_ROUTES = ("/bot{", "/file/bot{")


def is_for_bots(request: web.Request) -> bool:
    """Tell whether a request reached a route of the Bot API: its path may only pretend to."""
    resource = request.match_info.route.resource
    return resource is not None and resource.canonical.startswith(_BOT_ROUTES)


@web.middleware
async def answer_failures(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every failure into JSON: the Bot API's form for bots, a sentence for the rest."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        return _render(request, error.status, error.reason)
    except ConnectionError:
        raise  # nobody is there to be answered
    except Exception:  # noqa: BLE001 - whatever it was, the caller reads an answer
        # The address holds the bot's token: it is not told.
        _LOG.exception("a %s request failed", request.method)
        return _render(request, HTTPStatus.INTERNAL_SERVER_ERROR, "Internal Server Error")


def _render(request: web.Request, status: int, reason: str) -> web.Response:
    body: dict[str, object] = {"error": f"{reason}."}
    if is_for_bots(request):
        body = {"ok": False, "error_code": int(status), "description": reason}
    return web.json_response(body, status=status)
