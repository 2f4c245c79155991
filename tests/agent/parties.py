"""The parties of an agent: an authority that lives as long as a test, its bridge, other hosts."""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from agent import folder as kept
from agent.app import Agent, Server, create_config, open_agent
from agent.assembly import BuildHandlers
from agent.folder import Enrolled, make_folder, put_in_place, write_enrolled
from agent.keys import write_private_key
from agent.settings import Settings
from agent.wire import ORDER, SIGNATURE_HEADER, Order, Verb, seal, write_order
from tests.ports import free_port

HOST = "web-1"
TOKEN = "metrics-token-of-the-tests"
NOON = 1_795_780_800.0
PURPOSES = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def raw_public(key: Ed25519PrivateKey) -> str:
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


class Authority:
    """Signs certificates."""

    def __init__(self, called: str = "authority") -> None:
        self.key = Ed25519PrivateKey.generate()
        self.name = name(called)
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        self.certificate = (
            self._begin(self.name, self.key)
            .add_extension(constraints, critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False
            )
            .sign(self.key, None)
        )

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    def sign(self, called: str, public: Any, *addresses: str) -> x509.Certificate:
        """Sign a key for a name and its addresses."""
        names = [_name_of(each) for each in addresses]
        return (
            self._begin(name(called), public)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.ExtendedKeyUsage(PURPOSES), critical=False)
            .sign(self.key, None)
        )

    def _begin(self, subject: x509.Name, holder: Any) -> x509.CertificateBuilder:
        public = holder.public_key() if isinstance(holder, Ed25519PrivateKey) else holder
        now = datetime(2020, 1, 1, tzinfo=UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now)
            .not_valid_after(now + timedelta(days=36500))
        )


def _name_of(address: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(address))
    except ValueError:
        return x509.DNSName(address)


@dataclass
class Bridge:
    """What signs orders, and calls agents with a certificate of its own."""

    authority: Authority = field(default_factory=Authority)
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    orders: int = 0

    def write(self, verb: Verb = Verb.DESCRIBE, **changes: Any) -> bytes:
        """Write an order as it travels."""
        self.orders += 1
        fields: dict[str, Any] = {
            "host": HOST,
            "job": f"job-{self.orders}",
            "issued": NOON,
            "expires": NOON + 60,
            "nonce": f"nonce-{self.orders}",
            **changes,
        }
        return write_order(Order(verb=verb, **fields))

    def seal(self, body: bytes, purpose: bytes = ORDER) -> str:
        return seal(purpose, body, self.key.sign)

    def sealed(self, verb: Verb = Verb.DESCRIBE, **changes: Any) -> tuple[bytes, str]:
        body = self.write(verb, **changes)
        return body, self.seal(body)


@dataclass
class Enrolment:
    """A host that a bridge knows."""

    folder: Path
    bridge: Bridge
    key: Ed25519PrivateKey
    port: int

    def settings(self, **changes: str) -> Settings:
        return Settings.load(self.environ(**changes))

    def environ(self, **changes: str) -> dict[str, str]:
        return {"AGENT_STATE_DIR": str(self.folder), "AGENT_PORT": str(self.port), **changes}


def enrol_host(folder: Path, bridge: Bridge | None = None, host: str = HOST) -> Enrolment:
    """Make a folder as an enrolment leaves it."""
    bridge = bridge or Bridge()
    key, port = Ed25519PrivateKey.generate(), free_port()
    certificate = bridge.authority.sign(host, key, "127.0.0.1")
    make_folder(folder)
    enrolled = Enrolled(host=host, address=f"127.0.0.1:{port}", door="127.0.0.1:8003")
    files = {
        kept.KEY: write_private_key(key.private_bytes_raw()),
        kept.CERTIFICATE: certificate.public_bytes(Encoding.PEM),
        kept.AUTHORITY: bridge.authority.pem.encode(),
        kept.BRIDGE_KEY: raw_public(bridge.key).encode(),
        kept.METRICS_TOKEN: TOKEN.encode(),
        kept.ENROLLED: write_enrolled(enrolled),
        kept.NONCES: b"",
    }
    put_in_place(folder, files)
    return Enrolment(folder, bridge, key, port)


@asynccontextmanager
async def running(
    enrolment: Enrolment, build: BuildHandlers, clock: float = NOON, **changes: str
) -> AsyncIterator[Agent]:
    """Run a whole agent, with TLS, until the context ends."""
    settings = enrolment.settings(**changes)
    async with open_agent(settings, build=build, clock=lambda: clock) as agent:
        server = Server(create_config(agent.api, agent.premises))
        serving = asyncio.create_task(server.serve(sockets=[agent.premises.door]))
        while not server.started:  # noqa: ASYNC110 - it has nothing to wait for
            await asyncio.sleep(0.005)
        try:
            yield agent
        finally:
            server.stop()
            await serving


def trust(
    enrolment: Enrolment,
    folder: Path,
    *,
    shown: Authority | None = None,
    is_without: bool = False,
) -> ssl.SSLContext:
    """Trust the bridge's authority and show a certificate, if any."""
    context = ssl.create_default_context(cadata=enrolment.bridge.authority.pem)
    if not is_without:
        key = Ed25519PrivateKey.generate()
        certificate = (shown or enrolment.bridge.authority).sign("bridge", key, "127.0.0.1")
        pem = folder / "caller.pem"
        pem.write_bytes(
            write_private_key(key.private_bytes_raw()) + certificate.public_bytes(Encoding.PEM)
        )
        context.load_cert_chain(pem)
    return context


def caller(
    enrolment: Enrolment,
    folder: Path,
    *,
    shown: Authority | None = None,
    is_without: bool = False,
) -> httpx.AsyncClient:
    """Make a client that trusts the bridge's authority and shows a certificate, if any."""
    context = trust(enrolment, folder, shown=shown, is_without=is_without)
    url = f"https://127.0.0.1:{enrolment.port}"
    return httpx.AsyncClient(verify=context, base_url=url, trust_env=False, timeout=60)


def headers(signature: str) -> dict[str, str]:
    return {SIGNATURE_HEADER: signature}
