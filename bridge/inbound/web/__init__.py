"""The bridge's HTTP surface: one application, its routes, and errors as sentences."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from bridge import __version__
from bridge.errors import BridgeError, NotAllowed
from bridge.inbound.web.answers import answer_error, status_of
from bridge.inbound.web.health import HealthDesk, create_health_routes
from bridge.inbound.web.telegram import TelegramDesk, create_telegram_routes
from bridge.inbound.web.webhook import WebhookDesk, create_webhook_routes
from bridge.logs import create_log

_log = create_log(__name__)


def create_web(
    *, webhook: WebhookDesk, health: HealthDesk, telegram: TelegramDesk | None = None
) -> FastAPI:
    """Build the application; its collaborators come as desks."""
    web = FastAPI(title="Opswire bridge", version=__version__, docs_url=None, redoc_url=None)
    web.include_router(create_webhook_routes(webhook))
    web.include_router(create_health_routes(health))
    if telegram is not None:
        web.include_router(create_telegram_routes(telegram))
    web.add_exception_handler(BridgeError, _tell)
    web.add_exception_handler(HTTPException, _tell_routing)
    web.add_exception_handler(RequestValidationError, _tell_validation)
    web.add_exception_handler(Exception, _tell_nothing)
    return web


async def _tell(_request: Request, fault: Exception) -> JSONResponse:
    if not isinstance(fault, BridgeError):
        raise fault
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(fault, NotAllowed) else None
    return answer_error(status_of(fault), fault.sentence, headers)


async def _tell_routing(request: Request, fault: Exception) -> JSONResponse:
    status = fault.status_code if isinstance(fault, HTTPException) else 500
    return answer_error(status, f"{request.method} is not answered at this address")


async def _tell_validation(_request: Request, fault: Exception) -> JSONResponse:
    del fault  # it repeats what was sent
    return answer_error(404, "the address is /alerts, /alerts/<chat> or /alerts/<chat>/<topic>")


async def _tell_nothing(_request: Request, fault: Exception) -> JSONResponse:
    """Catch what nobody foresaw; Alertmanager tries again after a 500."""
    _log.error("a request failed unforeseen", action="web_fault", exc_info=fault)
    return answer_error(500, "something went wrong here; the log has the details")
