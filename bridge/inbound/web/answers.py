"""What every route shares: who may ask, and an error as a status and a sentence."""

from __future__ import annotations

import hmac

from fastapi import Request
from fastapi.responses import JSONResponse

from bridge.errors import BridgeError, Mistake, NotAllowed, Outage, TooMuch

_STATUS = {Mistake: 400, NotAllowed: 401, TooMuch: 413, Outage: 503}


def require_token(request: Request, token: str) -> None:
    """Let pass who carries the bearer token.

    Raises:
        NotAllowed: there is none, or another.
    """
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    same = hmac.compare_digest(given.strip().encode(), token.encode())
    if scheme.lower() != "bearer" or not same:
        raise NotAllowed("this address asks for `Authorization: Bearer <WEBHOOK_TOKEN>`")


def status_of(fault: BridgeError) -> int:
    """Choose the status code of an error; what has none of its own is worth trying again."""
    return next((code for kind, code in _STATUS.items() if isinstance(fault, kind)), 503)


def answer_error(status: int, sentence: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Build an error's body: one sentence."""
    return JSONResponse({"error": sentence}, status_code=status, headers=headers)
