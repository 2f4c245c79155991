"""A host's agent on this machine, as far as the wire goes: TLS both ways, and any answer at all."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from agent.wire import Ended, Event, Why, write_event
from bridge.clients.authority import Authority, open_authority

LOOPBACK = "127.0.0.1"
SHUTDOWN_SECONDS = 0.05
Answer = Callable[["LocalAgent", bytes], AsyncIterator[bytes]]


@dataclass(frozen=True)
class Called:
    """One call."""

    head: str
    body: bytes

    def header(self, name: str) -> str:
        for line in self.head.split("\r\n"):
            key, _, value = line.partition(":")
            if key.lower() == name.lower():
                return value.strip()
        return ""


@dataclass
class LocalAgent:
    """Answers every call alike."""

    key: Ed25519PrivateKey
    answer: Answer
    status: str = "200 OK"
    address: str = ""
    connections: int = 0
    hangs_up: int = 0
    """How many calls of a connection that was used before are left without any answer."""
    on_hanging_up: Callable[[], Awaitable[object]] | None = None
    """What happens before that."""
    calls: list[Called] = field(default_factory=list)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when somebody left before the end of an answer."""

    @property
    def public(self) -> bytes:
        return self.key.public_key().public_bytes_raw()

    def write(self, event: Event) -> bytes:
        return write_event(event, self.key.sign)


def create_authority(folder: Path, *, door: str = "127.0.0.1:8003") -> Authority:
    return open_authority(folder / "agents", door=door, now=datetime.now(UTC))  # noqa: TID251 - TLS reads the machine's clock


def write_request(key: Ed25519PrivateKey, host: str, *places: str) -> str:
    """Ask for a certificate as an agent does."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    )
    if places:
        names = x509.SubjectAlternativeName([_place(each) for each in places])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(key, None).public_bytes(serialization.Encoding.PEM).decode()


def ended(job: str, **changes: object) -> Ended:
    """The end of a job that went well."""
    usual = {
        "job": job,
        "at": 3.0,
        "why": Why.DONE,
        "code": 0,
        "seconds": 1.0,
        "bytes": 0,
        "digest": "0" * 64,
    }
    return Ended(**{**usual, **changes})  # type: ignore[arg-type]  # as a test wants it


@asynccontextmanager
async def open_local_agent(
    authority: Authority,
    answer: Answer,
    *,
    folder: Path,
    host: str = "web-1",
    place: str = LOOPBACK,
) -> AsyncIterator[LocalAgent]:
    """Run one until the context ends; its certificate is good at `place`."""
    agent = LocalAgent(key=Ed25519PrivateKey.generate(), answer=answer)
    context = _create_context(authority, agent.key, folder, host=host, place=place)
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        agent.connections += 1
        try:
            await _serve(agent, reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            tasks.discard(task)
            writer.close()
            with suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    # A caller that keeps its connection is not waited for.
    server = await asyncio.start_server(
        serve, LOOPBACK, 0, ssl=context, ssl_shutdown_timeout=SHUTDOWN_SECONDS
    )
    agent.address = f"{LOOPBACK}:{server.sockets[0].getsockname()[1]}"
    try:
        yield agent
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


def _create_context(
    authority: Authority, key: Ed25519PrivateKey, folder: Path, *, host: str, place: str
) -> ssl.SSLContext:
    certified = authority.sign_agent(
        write_request(key, host, place),
        host=host,
        address=f"{place}:8001",
        now=datetime.now(UTC),  # noqa: TID251 - TLS reads the machine's clock
    )
    own = folder / f"{host}.pem"
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    own.write_bytes(pem + certified.pem.encode())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=authority.certificate)
    context.load_cert_chain(own)
    return context


async def _serve(
    agent: LocalAgent, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    is_used, early = False, b""
    while True:
        head = early + await reader.readuntil(b"\r\n\r\n")
        called = Called(head.decode("latin-1"), b"")
        body = await reader.readexactly(int(called.header("content-length") or 0))
        agent.calls.append(Called(called.head, body))
        if is_used and agent.hangs_up:
            agent.hangs_up -= 1
            if agent.on_hanging_up is not None:
                await agent.on_hanging_up()
            return
        is_used = True
        writer.write(f"HTTP/1.1 {agent.status}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        await writer.drain()
        said = await _answer(agent, body, reader, writer)
        if said is None:
            return
        early = said


async def _answer(
    agent: LocalAgent, body: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> bytes | None:
    """Say it all; what has come of the next call meanwhile, or None where nobody listens."""

    async def speak() -> None:
        async for piece in agent.answer(agent, body):
            if piece:
                writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                await writer.drain()
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    speaking = asyncio.create_task(speak())
    listening = asyncio.create_task(reader.read(1))
    try:
        await asyncio.wait({speaking, listening}, return_when=asyncio.FIRST_COMPLETED)
        if not speaking.done() and listening.result() == b"":
            agent.gone.set()
            return None
        try:
            await speaking
        except _Abrupt:
            return None
        except OSError:
            agent.gone.set()
            return None
        return listening.result() if listening.done() else b""
    finally:
        for task in (speaking, listening):
            task.cancel()
        await asyncio.gather(speaking, listening, return_exceptions=True)


class _Abrupt(Exception):
    """The answer breaks off here."""


def break_off() -> None:
    """End the connection in the middle of an answer."""
    raise _Abrupt


def _place(place: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(place))
    except ValueError:
        return x509.DNSName(place)
