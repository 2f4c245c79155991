"""Whether the bridge lives, whether it can work, and its figures."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from bridge.core.readiness import Readiness
from bridge.inbound.web.answers import require_token
from bridge.metrics import CONTENT_TYPE


@dataclass(frozen=True)
class HealthDesk:
    """What the health routes need."""

    token: str
    readiness: Callable[[], Readiness]
    figures: Callable[[], Awaitable[bytes]]
    """Everything the bridge exports, in Prometheus's text format."""


def create_health_routes(desk: HealthDesk) -> APIRouter:
    """Build the routes that tell how the bridge is."""
    routes = APIRouter(tags=["health"])

    @routes.get("/healthz", summary="The process lives and answers")
    async def live() -> dict[str, str]:
        return {"status": "ok"}

    @routes.get("/readyz", summary="Everything it depends on is there, with a reason each")
    async def ready() -> Response:
        readiness = desk.readiness()
        checks = {name: problem or "ok" for name, problem in readiness.problems.items()}
        status = "ready" if readiness.is_ready else "not ready"
        return JSONResponse(
            {"status": status, "checks": checks}, status_code=200 if readiness.is_ready else 503
        )

    @routes.get("/metrics", summary="Figures for Prometheus")
    async def metrics(request: Request) -> Response:
        require_token(request, desk.token)
        return Response(await desk.figures(), media_type=CONTENT_TYPE)

    return routes
