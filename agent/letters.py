"""Letters to the bridge: signed with the host's key, over TLS that the bridge's authority signed.

A letter is delivered once the bridge has answered that it is on its disk. Anything else is no
delivery, and whoever wrote it keeps it.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import secrets
import ssl
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from agent import wire
from agent.errors import AgentError
from agent.limits import COMPLAINT_CHARACTERS, LETTER_ANSWER_BYTES, LETTER_SECONDS

PATH: Final = "/agents/letters"
_UNWANTED: Final = frozenset({400, 413, 415, 422})
"""Answers that say the same to the same letter for ever."""


class Unposted(AgentError):
    """The bridge does not have the letter; another attempt may do better."""


class Unwanted(AgentError):
    """The bridge does not take such a letter, however often it is sent."""


class Letters:
    """The way to the bridge's door."""

    def __init__(
        self,
        door_url: str,
        ca_path: Path,
        sign: wire.Sign,
        host: str,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        parts = urlsplit(door_url if "://" in door_url else f"https://{door_url}")
        if parts.scheme != "https" or not parts.hostname:
            raise AgentError("letters go over https alone")
        self._address = (parts.hostname, parts.port or 443)
        self._ca_path = ca_path
        self._sign = sign
        self._host = host
        self._clock = clock

    async def post(self, kind: str, facts: Mapping[str, Any]) -> None:
        """Send a letter, and return once the bridge has it on disk.

        Raises:
            Unposted: it may not have it.
            Unwanted: it never will.
        """
        body = self._write(kind, facts)
        signature = wire.seal(wire.LETTER, body, self._sign)
        await asyncio.to_thread(self._send, body, signature)

    def _write(self, kind: str, facts: Mapping[str, Any]) -> bytes:
        letter = {
            "v": wire.VERSION,
            "host": self._host,
            "kind": kind,
            "issued": self._clock(),
            "nonce": secrets.token_hex(16),
            "facts": dict(facts),
        }
        return json.dumps(letter, separators=(",", ":"), allow_nan=False).encode("ascii")

    def _send(self, body: bytes, signature: str) -> None:
        headers = {
            "Content-Type": "application/json",
            wire.SIGNATURE_HEADER: signature,
            wire.HOST_HEADER: self._host,
        }
        try:
            # Read anew each time: an enrolment may have changed it.
            context = ssl.create_default_context(cafile=str(self._ca_path))
            connection = http.client.HTTPSConnection(
                *self._address, timeout=LETTER_SECONDS, context=context
            )
            try:
                connection.request("POST", PATH, body, headers)
                with connection.getresponse() as answer:
                    said = answer.read(LETTER_ANSWER_BYTES)
            finally:
                connection.close()
        except (OSError, http.client.HTTPException) as fault:
            raise Unposted(_name_fault(fault)) from fault
        if answer.status in _UNWANTED:
            raise Unwanted(_read_detail(said) or f"status {answer.status}")
        if answer.status != http.client.OK:
            raise Unposted(_read_detail(said) or f"status {answer.status}")


def _name_fault(fault: Exception) -> str:
    """Say what went wrong on the way, without any address."""
    if isinstance(fault, TimeoutError):
        return "no answer in time"
    if isinstance(fault, ssl.SSLCertVerificationError):
        return f"its certificate is not the bridge's ({fault.verify_message})"
    said = fault.strerror if isinstance(fault, OSError) else None
    return said or type(fault).__name__


def _read_detail(said: bytes) -> str:
    """Read the sentence of a refusal."""
    try:
        detail = json.loads(said)["detail"]
    except (ValueError, KeyError, TypeError):
        return ""
    return str(detail)[:COMPLAINT_CHARACTERS]
