"""The agents' door: codes are shown here, and letters are left.

It stands open to the hosts' network, so it is an application of its own: what Alertmanager and
Prometheus reach is not here. Whoever is turned away too often waits.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Final

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from agent.callers import name_caller
from agent.wire import HOST_HEADER, SIGNATURE_HEADER
from bridge import __version__, limits
from bridge.errors import BridgeError, Expired, Mistake, NotAllowed, Outage, Refused, TooMuch
from bridge.flows.enrol_host import Knock, Welcome
from bridge.limits import Pace
from bridge.logs import create_log

ENROL: Final = "/agents/enrol"
LETTERS: Final = "/agents/letters"
_STATUS: Final[dict[type[BridgeError], int]] = {
    Expired: 410,
    NotAllowed: 401,
    Refused: 403,
    Mistake: 400,
    TooMuch: 413,
}
_log = create_log(__name__)


class _Asked(BaseModel):
    """What an agent sends that shows a code."""

    model_config = ConfigDict(extra="ignore", strict=True, hide_input_in_errors=True)

    host: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    secret: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    csr: Annotated[str, StringConstraints(min_length=1, max_length=8192)]
    address: Annotated[str, StringConstraints(min_length=1, max_length=300)]
    version: Annotated[str, StringConstraints(max_length=64)] = ""


@dataclass(kw_only=True)
class Patience:
    """Counts calls of each caller, and says who has called too often."""

    pace: Pace
    calls: OrderedDict[str, deque[datetime]] = field(default_factory=OrderedDict)

    def is_over(self, who: str, now: datetime) -> bool:
        """Say whether somebody has to wait."""
        return not self.pace.has_room(self.calls.get(who, ()), now)

    def note(self, who: str, now: datetime) -> None:
        """Count a call; who has not called for longest is forgotten when there are too many."""
        calls = self.calls.setdefault(who, deque(maxlen=self.pace.calls))
        calls.append(now)
        self.calls.move_to_end(who)
        while len(self.calls) > limits.DOOR_ADDRESSES:
            self.calls.popitem(last=False)


@dataclass(frozen=True, kw_only=True)
class AgentsDesk:
    """What the door needs."""

    enrol: Callable[[Knock], Awaitable[Welcome]]
    receive: Callable[[bytes, str, str], Awaitable[object]]
    """Keeps a letter: its bytes, whose it is said to be, and the signature."""
    now: Callable[[], datetime]
    refusals: Patience = field(default_factory=lambda: Patience(pace=limits.DOOR_REFUSALS))
    unsigned: Patience = field(default_factory=lambda: Patience(pace=limits.DOOR_REFUSALS))
    """Refused letters, apart: behind one address may be hosts that were removed, and good ones."""
    letters: Patience = field(default_factory=lambda: Patience(pace=limits.LETTER_CALLS))


def create_agents_web(desk: AgentsDesk) -> FastAPI:
    """Build the application."""
    web = FastAPI(
        title="Opswire's door for agents",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )

    @web.post(ENROL, summary="Let an agent in that shows a code")
    async def enrol(request: Request) -> JSONResponse:
        if desk.refusals.is_over(_name(request), desk.now()):
            return _wait_refused()
        return await _guard(desk, request, _enrol, desk.refusals)

    @web.post(LETTERS, summary="Keep what a host tells")
    async def receive(request: Request) -> JSONResponse:
        # A good one is taken whatever comes from its address: only what refusing costs is bounded.
        return await _guard(desk, request, _receive, desk.unsigned)

    web.add_exception_handler(HTTPException, _tell_routing)
    web.add_exception_handler(Exception, _tell_nothing)
    return web


async def _enrol(desk: AgentsDesk, request: Request) -> JSONResponse:
    body = await _read_bounded(request, limits.ENROLMENT_BYTES)
    try:
        asked = _Asked.model_validate(_parse(body))
    except ValidationError:
        raise Mistake("this is no request of an agent that comes in") from None  # it repeats it
    welcome = await desk.enrol(Knock(**asked.model_dump()))
    return JSONResponse(
        {
            "host": welcome.host,
            "certificate": welcome.certificate,
            "authority": welcome.authority,
            "bridge_key": base64.b64encode(welcome.bridge_key).decode("ascii"),
            "metrics_token": welcome.metrics_token,
            "door": welcome.door,
        }
    )


async def _receive(desk: AgentsDesk, request: Request) -> JSONResponse:
    host = request.headers.get(HOST_HEADER, "")
    # Counted below, by letters that were signed: nobody uses up what is another host's.
    if desk.letters.is_over(host.lower(), desk.now()):
        return _wait("so many letters of one host are taken a little later")
    body = await _read_bounded(request, limits.LETTER_BYTES)
    await desk.receive(body, host, request.headers.get(SIGNATURE_HEADER, ""))
    desk.letters.note(host.lower(), desk.now())
    return JSONResponse({"kept": True})


async def _guard(
    desk: AgentsDesk,
    request: Request,
    answer: Callable[[AgentsDesk, Request], Awaitable[JSONResponse]],
    refused: Patience,
) -> JSONResponse:
    """Answer; an error becomes its sentence, as long as the caller gets any."""
    try:
        return await answer(desk, request)
    except Outage as fault:
        return _say(503, fault.sentence)
    except BridgeError as fault:
        who, now = _name(request), desk.now()
        if refused.is_over(who, now):
            return _wait_refused()
        refused.note(who, now)
        _log.warning("turned away at the agents' door", action="door", why=fault.sentence)
        status = next((code for kind, code in _STATUS.items() if isinstance(fault, kind)), 400)
        return _say(status, fault.sentence)


async def _read_bounded(request: Request, most: int) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(limits.DOOR_READ_SECONDS):
            async for piece in request.stream():
                body += piece
                if len(body) > most:
                    raise TooMuch("this is more than an agent has to say at once")
    except TimeoutError as fault:
        raise Mistake("the body took too long to arrive") from fault
    except ClientDisconnect as fault:
        raise Outage("the agent", "the body ended early") from fault
    return bytes(body)


def _parse(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Mistake("the body is not JSON") from None


def _name(request: Request) -> str:
    return name_caller(request.client.host if request.client else "")


def _wait_refused() -> JSONResponse:
    return _wait("turned away too often; wait a minute")


def _wait(sentence: str) -> JSONResponse:
    return _say(429, sentence, {"Retry-After": "60"})


def _say(status: int, sentence: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"detail": sentence}, status_code=status, headers=headers)


async def _tell_routing(request: Request, fault: Exception) -> JSONResponse:
    status = fault.status_code if isinstance(fault, HTTPException) else 500
    return _say(status, f"{request.method} is not answered at this address")


async def _tell_nothing(_request: Request, fault: Exception) -> JSONResponse:
    """Catch what nobody foresaw; an agent tries again after a 500."""
    _log.error("a call at the agents' door failed unforeseen", action="door_fault", exc_info=fault)
    return _say(500, "something went wrong here; the log of the bridge has the details")
