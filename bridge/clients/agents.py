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
from types import SimpleNamespace
from typing import Final

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

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
_NOT_SENT: Final = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
_BROKEN: Final = (aiohttp.ClientError, HttpProcessingError, OSError)
_OK: Final = 200
_TURNED_AWAY: Final = range(400, 500)


@dataclass(frozen=True, kw_only=True)
class SignedOrder:
    """An order, and the exact bytes that are signed and sent."""

    order: Order
    body: bytes
    signature: str


class Agents:
    """Calls agents; a connection is kept for whoever asks next.

    Not by httpx, as everything else is asked: it takes three times as long for a call, and a
    broadcast makes a thousand at once.
    """

    def __init__(self, context: ssl.SSLContext, sign: Sign) -> None:
        self._context = context
        self._sign = sign
        # One pool for each agent, so that one can be forgotten alone.
        self._lines: dict[str, aiohttp.ClientSession] = {}
        self._is_closed = False

    async def close(self) -> None:
        """Let go of the connections, for good."""
        self._is_closed = True
        while self._lines:
            _, line = self._lines.popitem()
            await line.close()

    async def forget(self, address: str) -> None:
        """Let go of the connections to an agent that is no more."""
        line = self._lines.pop(address, None)
        if line is not None:
            await line.close()

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
        if self._is_closed:
            raise Outage(host, "the bridge is ending")
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
            response.close()  # one that was read to its end has given its connection back already


@dataclass(frozen=True, kw_only=True)
class _Call:
    """One order under way."""

    host: str
    key: bytes
    verify: Verify
    order: SignedOrder
    end: float
    """Until when it is waited for, by the loop's clock."""

    async def send(self, line: aiohttp.ClientSession, url: str) -> tuple[_Answer, bool]:
        """Send the order, and again where a kept connection turns out to be dead.

        It is the same order: an agent that has it already turns it away, and never does it twice.
        Each dead connection is gone from its pool, so that a fresh one comes after the last.
        """
        lost: Unanswered | None = None
        while True:
            trace = _Trace()
            try:
                async with asyncio.timeout_at(self.end):
                    return await self._post(line, url, trace), lost is not None
            except _NOT_SENT as fault:
                raise lost or Outage(self.host, _explain(fault)) from fault
            except TimeoutError as fault:
                unreached = Outage(self.host, _explain(fault))
                raise lost or (self._late() if trace.is_sent else unreached) from fault
            except _BROKEN as fault:
                # An agent closes a connection that nobody uses, and may do so just now. Of an
                # agent that has been let go meanwhile there is nothing to send by any more.
                is_last = trace.is_fresh or line.closed
                lost = self._unanswered(f"the connection broke ({type(fault).__name__})")
                if is_last:
                    raise lost from fault

    async def _post(self, line: aiohttp.ClientSession, url: str, trace: _Trace) -> _Answer:
        response = await line.post(
            url,
            data=self.order.body,
            headers={
                SIGNATURE_HEADER: self.order.signature,
                "Content-Type": "application/json",
                "Accept-Encoding": "identity",
            },
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_patience()),
            trace_request_ctx=trace,
        )
        if not isinstance(response, _Answer):
            raise TypeError("the session makes answers of another kind")
        return response

    def _connect_patience(self) -> float:
        """Say how long a connection with its TLS is waited for; the rest has one bound."""
        left = self.end - asyncio.get_running_loop().time()
        return max(0.0, min(limits.AGENT_CONNECT_SECONDS, left / 2))

    async def require_welcome(self, response: _Answer, *, is_second: bool) -> None:
        """See that the one who answers is the host's agent of today, and takes the order."""
        if response.shown is None or read_key_of(response.shown) != self.key:
            raise self._unanswered("another agent is there, whose key is not this host's")
        if response.status == _OK:
            return
        words = await self._read_words(response)
        if response.status in _TURNED_AWAY and not is_second:
            raise Refused("%(host)s refuses the order: %(words)s", host=self.host, words=words)
        raise self._unanswered(f"it answers {response.status}")

    async def hear(self, response: _Answer) -> AsyncGenerator[Event, None]:
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

    async def _split(self, response: _Answer) -> AsyncGenerator[bytes, None]:
        """Read line by line, no more than an agent may say, and not for ever."""
        rest, read = bytearray(), 0
        while piece := await self._read(response):
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

    async def _read(self, response: _Answer) -> bytes:
        """Read what has come, or wait for it; empty at the end."""
        try:
            async with asyncio.timeout_at(self.end):
                return await response.content.readany()
        except TimeoutError as fault:
            raise self._late() from fault
        except _BROKEN as fault:
            raise self._unanswered(f"the connection broke ({type(fault).__name__})") from fault

    async def _read_words(self, response: _Answer) -> str:
        """Read why an order was turned away; nobody has signed it, so that it is only words."""
        body = bytearray()
        while len(body) <= LINE_BYTES and (piece := await self._read(response)):
            body += piece
        try:
            said = json.loads(body)["detail"]
        except (ValueError, LookupError, TypeError, RecursionError):
            said = ""
        words = "".join(each if each.isprintable() else " " for each in str(said))
        shown = " ".join(words.split())[: limits.AGENT_WORDS_CHARACTERS]
        return shown or str(response.status)

    def _unanswered(self, reason: str) -> Unanswered:
        return Unanswered(self.host, reason)

    def _late(self) -> Late:
        return Late(self.host, "did not answer in time")


class _Answer(aiohttp.ClientResponse):
    """An answer that knows whose certificate was shown: its connection may be let go early."""

    shown: bytes | None = None

    async def start(self, connection: aiohttp.connector.Connection) -> _Answer:
        """Begin to read."""
        transport = connection.transport
        tls = transport.get_extra_info("ssl_object") if transport is not None else None
        self.shown = tls.getpeercert(binary_form=True) if tls is not None else None
        await super().start(connection)
        return self


class _Trace:
    """Notes how far a call has come."""

    def __init__(self) -> None:
        self.is_fresh = False
        """Whether a connection was made for it."""
        self.is_sent = False


async def _note_connecting(_line: object, about: SimpleNamespace, _what: object) -> None:
    about.trace_request_ctx.is_fresh = True


async def _note_sending(_line: object, about: SimpleNamespace, _what: object) -> None:
    about.trace_request_ctx.is_sent = True


async def _let_end(lines: AsyncIterator[bytes]) -> None:
    """Read the end of an answer, so that its connection can be kept; what follows is not heard."""
    with suppress(TimeoutError, BridgeError):
        async with asyncio.timeout(limits.AGENT_CALM_SECONDS):
            await anext(lines, None)


def _open_line(context: ssl.SSLContext) -> aiohttp.ClientSession:
    trace = aiohttp.TraceConfig()
    trace.on_connection_create_start.append(_note_connecting)
    trace.on_request_headers_sent.append(_note_sending)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            ssl=context,
            limit=0,
            keepalive_timeout=limits.AGENT_KEPT_SECONDS,
            resolver=aiohttp.ThreadedResolver(),  # names mean what they mean to the machine
        ),
        response_class=_Answer,
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("User-Agent",),
        auto_decompress=False,
        trace_configs=[trace],
        trust_env=False,  # a proxy for the outside must not catch calls to our own programs
    )


def _explain(fault: Exception) -> str:
    """Say why a host cannot be reached; only what TLS says is worth repeating."""
    if isinstance(fault, aiohttp.ConnectionTimeoutError):
        return f"no connection within {limits.AGENT_CONNECT_SECONDS} s"
    if "CERTIFICATE" in str(fault).upper():
        return "its certificate is not the one of an agent of ours at this address"
    return "its agent cannot be reached"
