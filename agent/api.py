"""The agent's door: orders come in, and what becomes of them goes back along the same response."""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from agent import __version__, limits
from agent.errors import Denied
from agent.gate import Gate, Turned
from agent.handlers import Handler, ended_with
from agent.metrics import CONTENT_TYPE, Metrics
from agent.wire import (
    LINE_BYTES,
    ORDER_BYTES,
    SIGNATURE_HEADER,
    Ended,
    Event,
    Order,
    Refused,
    Sign,
    Told,
    Verb,
    write_event,
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What the door needs."""

    gate: Gate
    handlers: Mapping[Verb, Handler]
    sign: Sign
    token: str = field(repr=False)
    metrics: Metrics
    clock: Callable[[], float]
    look: Callable[[], Mapping[str, object]] = dict
    """What `/healthz` says beside being alive."""


def create_api(desk: Desk) -> FastAPI:
    """Build the door. It describes itself to nobody: whoever may speak here knows how."""
    api = FastAPI(
        title="Opswire agent",
        version=__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    api.add_exception_handler(Turned, _answer_turned)
    api.add_exception_handler(Exception, _answer_fault)

    @api.post("/v1/orders")
    async def take(request: Request) -> Response:
        body = await _read_bounded(request)
        order = await desk.gate.admit(body, request.headers.get(SIGNATURE_HEADER, ""))
        return EventStream(lambda: _answer(desk, order))

    @api.get("/metrics")
    async def show_metrics(request: Request) -> Response:
        if not _has_token(request, desk.token):
            return _refuse_token()
        return Response(desk.metrics.render(), media_type=CONTENT_TYPE)

    @api.get("/healthz")
    async def show_health(request: Request) -> Response:
        if not _has_token(request, desk.token):
            return _refuse_token()
        return JSONResponse({"status": "ok", "version": __version__, **desk.look()})

    return api


class EventStream(Response):
    """Sends lines as they come, and stops asking for more as soon as nobody takes them.

    What makes the lines runs in a task of its own and is cancelled once: it may take its time to
    end what it began, which it could not where each of its waits was cancelled anew.
    """

    def __init__(self, lines: Callable[[], AsyncIterator[bytes]]) -> None:
        super().__init__(media_type="application/x-ndjson", headers={"cache-control": "no-store"})
        del self.headers["content-length"]  # nobody knows yet
        self._lines = lines

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's own
        """Answer one request."""
        sending = asyncio.create_task(self._send(send))
        leaving = asyncio.create_task(_wait_for_leaving(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            if not sending.done():
                sending.cancel()
            with suppress(asyncio.CancelledError, TimeoutError):
                await sending

    async def _send(self, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        async with ended_with(self._lines()) as lines:
            async for line in lines:
                # Whoever takes nothing is as good as gone.
                async with asyncio.timeout(limits.SEND_SECONDS):
                    await send({"type": "http.response.body", "body": line, "more_body": True})
                # Sending to nobody does not wait; whoever sees that they left needs a turn.
                await asyncio.sleep(0)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _wait_for_leaving(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _answer(desk: Desk, order: Order) -> AsyncIterator[bytes]:
    """Write an order's events as lines, and what is refused as the last one."""
    began = time.perf_counter()
    outcome = "cut"
    try:
        async with ended_with(_ask(desk, order)) as events:
            async for event in events:
                line = _write(desk, order, event)
                if isinstance(event, Ended | Refused | Told):
                    outcome = type(event).__name__.lower()
                yield line
    finally:
        desk.metrics.orders.labels(order.verb.value, outcome).inc()
        desk.metrics.order_seconds.observe(time.perf_counter() - began)


async def _ask(desk: Desk, order: Order) -> AsyncIterator[Event]:
    """Ask the handler of an order for its events."""
    has_begun = False
    try:
        answer = desk.handlers.get(order.verb, _deny)
        async with ended_with(answer(order)) as events:
            async for event in events:
                has_begun = True
                yield event
    except Denied as denial:
        if has_begun:
            raise  # it ran: nothing is signed that would say that it did not
        yield Refused(
            job=order.job,
            at=desk.clock(),
            rule=denial.rule,
            sentence=denial.sentence,
            nearest=denial.nearest,
            remedy=denial.remedy,
        )
    except Exception:
        _log.exception("an order of the kind %r failed", order.verb.value)
        if has_begun:
            raise  # nobody knows how it ended, so nothing is signed that would say so
        yield Refused(
            job=order.job,
            at=desk.clock(),
            rule="fault",
            sentence="the agent failed at it; its own log says why",
        )


async def _deny(_: Order) -> AsyncIterator[Event]:
    raise Denied("absent", "this agent cannot do that")
    yield  # what makes it a stream


def _write(desk: Desk, order: Order, event: Event) -> bytes:
    line = write_event(event, desk.sign)
    if len(line) <= LINE_BYTES:
        return line
    refused = Refused(
        job=order.job, at=desk.clock(), rule="size", sentence="the answer is too long to be sent"
    )
    return write_event(refused, desk.sign)


async def _read_bounded(request: Request) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(limits.ORDER_READ_SECONDS):
            async for piece in request.stream():
                body += piece
                if len(body) > ORDER_BYTES:
                    break
    except (TimeoutError, ClientDisconnect):
        raise HTTPException(408, "the order did not arrive") from None
    if len(body) > ORDER_BYTES:
        raise HTTPException(413, f"an order has {ORDER_BYTES} bytes at most")
    return bytes(body)


def _has_token(request: Request, token: str) -> bool:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    same = hmac.compare_digest(given.strip().encode(), token.encode())
    return same and scheme.lower() == "bearer"


def _refuse_token() -> Response:
    sentence = "this address asks for `Authorization: Bearer <the token of the enrolment>`"
    return JSONResponse(
        {"detail": sentence}, status_code=401, headers={"www-authenticate": "Bearer"}
    )


async def _answer_turned(_: Request, fault: Exception) -> Response:
    if isinstance(fault, Turned) and fault.is_one_of_many:
        headers = {"retry-after": f"{limits.REFUSALS_SECONDS:.0f}"}
        return JSONResponse({"detail": str(fault)}, status_code=429, headers=headers)
    return JSONResponse({"detail": str(fault)}, status_code=401)


async def _answer_fault(_: Request, _fault: Exception) -> Response:
    return JSONResponse({"detail": "the agent failed; its own log says why"}, status_code=500)
