"""The programs on the hosts: an order goes out signed, events come back along the same answer.

There are five endings, and each is told apart. `Outage`: the host could not be reached, and nothing
was asked. `Refused`: the agent turned the order away unread. `Unanswered`: it was asked, and what
became of it was not said by the one who could. `Late`: it was asked and goes on longer than anybody
waits. And the signed end of the job, which is an event: done, or refused by the host's own rules.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import httpx

from agent.wire import (
    LINE_BYTES,
    ORDER,
    ORDER_BYTES,
    SIGNATURE_HEADER,
    VALID_SECONDS,
    Argument,
    Ending,
    Event,
    Garbled,
    Order,
    Sign,
    Verb,
    Verify,
    read_event,
    seal,
    write_order,
)
from bridge import limits
from bridge.clients.certificates import create_verifier, read_key_of
from bridge.errors import BridgeError, Late, Outage, Refused, TooMuch, Unanswered

PATH: Final = "/v1/orders"
_NONCE_BYTES: Final = 16  # chosen: two are never alike
_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_CONNECTS: Final = "connection.connect_tcp.started"
_SENDS: Final = "http11.send_request_headers.started"


@dataclass(frozen=True, kw_only=True)
class SignedOrder:
    """An order, and the exact bytes that are signed and sent."""

    order: Order
    body: bytes
    signature: str


class Agents:
    """Calls agents; a connection is kept for whoever asks next."""

    def __init__(self, context: ssl.SSLContext, sign: Sign) -> None:
        self._context = context
        self._sign = sign
        # One pool for each agent: a pool looks through all its connections at every call.
        self._lines: dict[str, httpx.AsyncHTTPTransport] = {}

    async def close(self) -> None:
        """Let go of the connections."""
        while self._lines:
            _, line = self._lines.popitem()
            await line.aclose()

    async def forget(self, address: str) -> None:
        """Let go of the connections to an agent that is no more."""
        line = self._lines.pop(address, None)
        if line is not None:
            await line.aclose()

    def create_order(
        self,
        host: str,
        verb: Verb,
        arguments: Mapping[str, Argument],
        *,
        job: str,
        now: datetime,
        valid: float = VALID_SECONDS,
    ) -> SignedOrder:
        """Write an order for one host, and sign it.

        Raises:
            TooMuch: it is longer than an agent reads.
        """
        issued = now.timestamp()
        order = Order(
            host=host,
            job=job,
            verb=verb,
            issued=issued,
            expires=issued + min(valid, VALID_SECONDS),
            nonce=secrets.token_urlsafe(_NONCE_BYTES),
            arguments=arguments,
        )
        body = write_order(order)
        if len(body) > ORDER_BYTES:
            raise TooMuch("the command is too long")
        return SignedOrder(order=order, body=body, signature=seal(ORDER, body, self._sign))

    async def ask(
        self,
        host: str,
        address: str,
        key: bytes,
        order: SignedOrder,
        *,
        patience: float = limits.AGENT_PATIENCE_SECONDS,
    ) -> AsyncGenerator[Event, None]:
        """Send an order and tell what comes of it, as it comes; the last event is signed.

        Whoever stops listening has to close the iterator (`contextlib.aclosing`): the connection
        is closed with it, and so the agent hears that nobody listens any more.

        Raises:
            Outage: the host could not be reached; nothing was asked.
            Refused: the agent turned the order away, in its own words.
            Unanswered: it was asked and did not say how it ended, or another one answered.
            Late: it was asked and is not done after so many seconds.
        """
        call = _Call(
            host=host,
            key=key,
            verify=create_verifier(key),
            order=order,
            end=asyncio.get_running_loop().time() + patience,
        )
        line = self._lines.get(address)
        if line is None:
            line = self._lines[address] = _open_line(self._context)
        response, is_second = await call.send(line, f"https://{address}{PATH}")
        try:
            await call.require_welcome(response, is_second=is_second)
            async with aclosing(call.hear(response)) as events:
                async for event in events:
                    yield event
        finally:
            await response.aclose()


@dataclass(frozen=True, kw_only=True)
class _Call:
    """One order under way."""

    host: str
    key: bytes
    verify: Verify
    order: SignedOrder
    end: float
    """Until when it is waited for, by the loop's clock."""

    async def send(self, line: httpx.AsyncHTTPTransport, url: str) -> tuple[httpx.Response, bool]:
        """Send the order, a second time where a kept connection turns out to be dead.

        It is the same order: an agent that has it already turns it away, and never does it twice.
        """
        lost: Unanswered | None = None
        while True:
            trace = _Trace()
            try:
                async with asyncio.timeout_at(self.end):
                    response = await line.handle_async_request(self._write(url, trace))
                    return response, lost is not None
            except _NOT_SENT as fault:
                raise lost or Outage(self.host, _explain(fault)) from fault
            except TimeoutError as fault:
                unreached = Outage(self.host, _explain(fault))
                raise lost or (self._late() if trace.is_sent else unreached) from fault
            except httpx.HTTPError as fault:
                # An agent closes a connection that nobody uses, and may do so just now.
                is_last = lost is not None or trace.is_fresh
                lost = self._unanswered(f"the connection broke ({type(fault).__name__})")
                if is_last:
                    raise lost from fault

    def _write(self, url: str, trace: _Trace) -> httpx.Request:
        return httpx.Request(
            "POST",
            url,
            content=self.order.body,
            headers={
                SIGNATURE_HEADER: self.order.signature,
                "Content-Type": "application/json",
                "Accept-Encoding": "identity",
            },
            extensions={"timeout": {"connect": self._connect_patience()}, "trace": trace},
        )

    def _connect_patience(self) -> float:
        """Say how long a connection, and then TLS, is waited for; the rest has one bound.

        The library closes what it gave up by itself, and leaves open what it was torn out of.
        """
        left = self.end - asyncio.get_running_loop().time()
        return max(0.0, min(limits.AGENT_CONNECT_SECONDS, left / 2))

    async def require_welcome(self, response: httpx.Response, *, is_second: bool) -> None:
        """See that the one who answers is the host's agent of today, and takes the order."""
        stream = response.extensions.get("network_stream")
        tls = stream.get_extra_info("ssl_object") if stream is not None else None
        shown = tls.getpeercert(binary_form=True) if tls is not None else None
        if shown is None or read_key_of(shown) != self.key:
            raise self._unanswered("another agent is there, whose key is not this host's")
        if response.status_code == httpx.codes.OK:
            return
        words = await self._read_words(response)
        if httpx.codes.is_client_error(response.status_code) and not is_second:
            raise Refused("%(host)s refuses the order: %(words)s", host=self.host, words=words)
        raise self._unanswered(f"it answers {response.status_code}")

    async def hear(self, response: httpx.Response) -> AsyncGenerator[Event, None]:
        """Tell the events of an answer, the signed one last."""
        async with aclosing(self._split(response)) as lines:
            async for line in lines:
                try:
                    event = read_event(line, self.verify, job=self.order.order.job)
                except Garbled as fault:
                    raise self._unanswered(f"what it says makes no sense: {fault}") from fault
                if isinstance(event, Ending):
                    await _let_end(lines)
                    yield event
                    return
                yield event
        raise self._unanswered("the connection ended before the job did")

    async def _split(self, response: httpx.Response) -> AsyncGenerator[bytes, None]:
        """Read line by line, no more than an agent may say, and not for ever."""
        rest, read = bytearray(), 0
        pieces = _open_stream(response)
        while (piece := await self._read(pieces)) is not None:
            read += len(piece)
            rest += piece
            if read > limits.AGENT_ANSWER_BYTES:
                raise self._unanswered("it says more than anybody can take")
            if b"\n" in piece:
                *lines, last = bytes(rest).split(b"\n")
                rest = bytearray(last)
                for line in lines:
                    yield line
            if len(rest) > LINE_BYTES:
                raise self._unanswered("it says too much at once")
        if rest:
            raise self._unanswered("the connection ended in the middle of a word")

    async def _read(self, pieces: AsyncIterator[bytes]) -> bytes | None:
        try:
            async with asyncio.timeout_at(self.end):
                return await anext(pieces, None)
        except TimeoutError as fault:
            raise self._late() from fault
        except httpx.HTTPError as fault:
            raise self._unanswered(f"the connection broke ({type(fault).__name__})") from fault

    async def _read_words(self, response: httpx.Response) -> str:
        """Read why an order was turned away; nobody has signed it, so that it is only words."""
        body = bytearray()
        pieces = _open_stream(response)
        while (piece := await self._read(pieces)) is not None and len(body) <= LINE_BYTES:
            body += piece
        try:
            said = json.loads(body)["detail"]
        except (ValueError, LookupError, TypeError, RecursionError):
            said = ""
        words = "".join(each if each.isprintable() else " " for each in str(said))
        shown = " ".join(words.split())[: limits.AGENT_WORDS_CHARACTERS]
        return shown or str(response.status_code)

    def _unanswered(self, reason: str) -> Unanswered:
        return Unanswered(self.host, reason)

    def _late(self) -> Late:
        return Late(self.host, "did not answer in time")


class _Trace:
    """Notes how far a call has come."""

    def __init__(self) -> None:
        self.is_fresh = False
        """Whether a connection was made for it."""
        self.is_sent = False

    async def __call__(self, name: str, _about: Mapping[str, Any]) -> None:
        self.is_fresh = self.is_fresh or name == _CONNECTS
        self.is_sent = self.is_sent or name == _SENDS


async def _let_end(lines: AsyncIterator[bytes]) -> None:
    """Read the end of an answer, so that its connection can be kept; what follows is not heard."""
    with suppress(TimeoutError, BridgeError):
        async with asyncio.timeout(limits.AGENT_CALM_SECONDS):
            await anext(lines, None)


def _open_stream(response: httpx.Response) -> AsyncIterator[bytes]:
    if not isinstance(response.stream, httpx.AsyncByteStream):
        raise TypeError("the transport answers a call of another kind")
    return aiter(response.stream)


def _open_line(context: ssl.SSLContext) -> httpx.AsyncHTTPTransport:
    return httpx.AsyncHTTPTransport(
        verify=context,
        trust_env=False,  # a proxy for the outside must not catch calls to our own programs
        limits=httpx.Limits(
            max_connections=None,
            max_keepalive_connections=limits.AGENT_IDLE_CONNECTIONS,
            keepalive_expiry=limits.AGENT_KEPT_SECONDS,
        ),
    )


def _explain(fault: Exception) -> str:
    """Say why a host cannot be reached; only what TLS says is worth repeating."""
    if isinstance(fault, httpx.ConnectTimeout):
        return f"no connection within {limits.AGENT_CONNECT_SECONDS} s"
    if "CERTIFICATE" in str(fault).upper():
        return "its certificate is not the one of an agent of ours at this address"
    return "its agent cannot be reached"
