"""The Bot API over HTTP: `/bot<token>/<method>` and `/file/bot<token>/<path>`."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiohttp import web

from sandbox import refusals
from sandbox.botapi.methods import METHODS
from sandbox.checks.intake import read_body
from sandbox.checks.numbers import parse_integer
from sandbox.checks.schema import Call, Upload, check_answer, parse_call
from sandbox.refusals import Refusal
from sandbox.state import transcript
from sandbox.state.calls import show_parameters
from sandbox.state.updates import LARGEST_BATCH

if TYPE_CHECKING:
    from sandbox.state.faults import Fault
    from sandbox.state.world import World

_LOG = logging.getLogger(__name__)

_NAMES = {name.casefold(): name for name in (*METHODS, "getUpdates")}
_BAD_GATEWAY = """<html>
<head><title>502 Bad Gateway</title></head>
<body><center><h1>502 Bad Gateway</h1></center><hr><center>nginx</center></body>
</html>
"""


@dataclass
class _Asked:
    """One request: what it asks, and what is known of it for the log."""

    method: str
    fields: dict[str, str] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    fault: Fault | None = None

    @property
    def chat_id(self) -> int | None:
        """The chat that the call is about, when it names one by number."""
        return parse_integer(self.fields.get("chat_id", ""))


class BotApi:
    """Answer the bot."""

    def __init__(self, world: World, token: str) -> None:
        self._world = world
        self._token = token

    def routes(self) -> list[web.RouteDef]:
        """List the routes of the Bot API."""
        return [
            web.route("*", "/bot{token}/{method}", self.answer),
            web.get("/file/bot{token}/{path:.+}", self.download),
            web.route("*", "/bot{rest:.*}", self._refuse_address),
            web.route("*", "/file/bot{rest:.*}", self._refuse_address),
        ]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one call as Telegram would, or as an injected fault says."""
        if not self._is_ours(request):
            return _render(refusals.unauthorized())
        asked = _Asked(_NAMES.get(request.match_info["method"].casefold(), ""))
        try:
            asked.method = asked.method or _refuse_unknown(request.match_info["method"])
            asked.fields, asked.uploads = await read_body(request)
        except Refusal as refusal:
            self._note(asked, refusal)
            return _render(refusal)
        asked.fault = self._world.faults.take(asked.method, asked.chat_id)
        if asked.fault is not None:
            return await self._misbehave(request, asked, asked.fault)
        return await self._perform(asked)

    async def download(self, request: web.Request) -> web.StreamResponse:
        """Give the bytes of a file whose path getFile told."""
        if not self._is_ours(request):
            return _render(refusals.unauthorized())
        path = request.match_info["path"]
        file = next((file for file in self._world.files.values() if file.path == path), None)
        if file is None:
            return _render(refusals.not_found())
        headers = {
            "Content-Type": "application/octet-stream",
            "X-Content-Type-Options": "nosniff",
        }
        return web.FileResponse(self._world.path_of(file), headers=headers)

    async def _refuse_address(self, _request: web.Request) -> web.Response:
        return _render(refusals.not_found())

    def _is_ours(self, request: web.Request) -> bool:
        given = request.match_info["token"].encode()
        return hmac.compare_digest(given, self._token.encode())

    async def _perform(self, asked: _Asked) -> web.Response:
        """Perform a call; what is answered is written, and what fails has not happened."""
        try:
            call = parse_call(asked.method, asked.fields, asked.uploads)
            result = await self._run(call)
            check_answer(call.method, result)
            self._world.commit()
        except Refusal as refusal:
            self._note(asked, refusal)
            return _render(refusal)
        except Exception:  # noqa: BLE001 - whatever it was, a bot reads the Bot API's form
            _LOG.exception("%s could not be answered", asked.method)
            self._world.go_back()
            failure = Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal Server Error")
            self._note(asked, failure)
            return _render(failure)
        self._note(asked, None)
        body: dict[str, Any] = {"ok": True, "result": result}
        return _render_json(body)

    async def _run(self, call: Call) -> object:
        if call.method == "getUpdates":
            return await self._fetch_updates(call)
        return METHODS[call.method](self._world, call)

    async def _fetch_updates(self, call: Call) -> object:
        model: Any = call.model
        standing = self._world.standing
        if standing.webhook is not None:
            raise refusals.conflict_webhook()
        if model.allowed_updates is not None:
            standing.allowed_updates = [str(kind) for kind in model.allowed_updates]
            self._world.commit()  # the call may be held for long
        limit = LARGEST_BATCH if model.limit is None else model.limit
        return await self._world.updates.fetch(model.offset or 0, limit, model.timeout or 0)

    async def _misbehave(
        self, request: web.Request, asked: _Asked, fault: Fault
    ) -> web.StreamResponse:
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
            return await self._perform(asked)
        if fault.kind in {"timeout", "drop"}:
            return await self._fall_silent(request, asked, fault)
        refusal = _refusal_of(fault)
        self._note(asked, refusal)
        if fault.kind == "502_html":
            status = HTTPStatus.BAD_GATEWAY
            return web.Response(status=status, text=_BAD_GATEWAY, content_type="text/html")
        return _render(refusal)

    async def _fall_silent(
        self, request: web.Request, asked: _Asked, fault: Fault
    ) -> web.StreamResponse:
        """Close the connection without an answer, the action performed or not."""
        if fault.performed:
            await self._perform(asked)
        else:
            self._note(asked, Refusal(0, "no answer was given"))
        if fault.kind == "timeout":
            await asyncio.sleep(fault.seconds)
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    def _note(self, asked: _Asked, refusal: Refusal | None) -> None:
        self._world.calls.add(
            {
                "at": transcript.render_instant(self._world.clock.now()),
                "method": asked.method,
                "chat_id": asked.chat_id,
                "ok": refusal is None,
                "error_code": refusal and refusal.code,
                "description": refusal and refusal.description,
                "parameters": show_parameters(asked.fields, asked.uploads),
                "fault": asked.fault and asked.fault.kind,
            }
        )


def _refuse_unknown(name: str) -> str:
    """Refuse a method: unknown to Telegram with 404, unknown only to the sandbox with 501."""
    try:
        parse_call(name, {}, {})
    except Refusal as refusal:
        if refusal.code == HTTPStatus.NOT_FOUND:
            raise
    sentence = f"Not Implemented: the sandbox does not know {name}"
    _LOG.warning("%s", sentence)
    raise Refusal(HTTPStatus.NOT_IMPLEMENTED, sentence)


def _refusal_of(fault: Fault) -> Refusal:
    if fault.kind == "429":
        return refusals.too_many_requests(fault.retry_after)
    if fault.kind == "500":
        return Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal Server Error")
    if fault.kind == "502_html":
        return Refusal(HTTPStatus.BAD_GATEWAY, "Bad Gateway")
    return Refusal(fault.code, fault.description)


def _render(refusal: Refusal) -> web.Response:
    return _render_json(refusal.answer(), status=refusal.code)


def _render_json(body: dict[str, Any], *, status: int = HTTPStatus.OK) -> web.Response:
    return web.Response(
        status=status, body=json.dumps(body).encode(), content_type="application/json"
    )
