"""Letters reach the bridge alone, and count as delivered only once it has them."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from agent import wire
from agent.errors import AgentError
from agent.letters import Letters, Unposted, Unwanted

NOW = 1_800_000_000.0
FACTS = {"id": "e1", "kind": "login", "user": "bob \u202e\ud800"}
KEY = Ed25519PrivateKey.generate()


def issue(folder: Path, name: str, address: str = "127.0.0.1") -> tuple[Path, Path]:
    """Make an authority and a certificate of it; answer both files, the second with its key."""
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"{name} authority")])
    start = datetime.fromtimestamp(time.time(), UTC) - timedelta(days=1)

    def build(subject: x509.Name, public: Any) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + timedelta(days=10))
        )

    authority = (
        build(issuer, authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(authority_key, SHA256())
    )
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
    certificate = (
        build(subject, key.public_key())
        .add_extension(names, critical=False)
        .sign(authority_key, SHA256())
    )
    pem = serialization.Encoding.PEM
    authority_path, own_path = folder / f"{name}-authority.pem", folder / f"{name}.pem"
    authority_path.write_bytes(authority.public_bytes(pem))
    own_path.write_bytes(
        certificate.public_bytes(pem)
        + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return authority_path, own_path


@dataclass
class Door:
    """The bridge's door, as a stranger to its insides sees it."""

    authority: Path
    url: str = ""
    code: int = 200
    answer: bytes = b"{}"
    letters: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    def letters_to(self, ca_path: Path | None = None, url: str | None = None) -> Letters:
        return Letters(
            url or self.url, ca_path or self.authority, KEY.sign, "web-1", clock=lambda: NOW
        )


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    authority, own = issue(tmp_path, "door")
    kept = Door(authority)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.letters.append((self.path, dict(self.headers), body))
            self.send_response(kept.code)
            self.end_headers()
            self.wfile.write(kept.answer)

        def log_message(self, *_: Any) -> None:
            return

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, *_: Any) -> None:
            request.close()

        def get_request(self) -> Any:
            raw, address = self.socket.accept()
            return context.wrap_socket(
                raw, server_side=True, do_handshake_on_connect=False
            ), address

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own)
    server = Server(("127.0.0.1", 0), Handler)
    kept.url = f"https://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield kept
    server.shutdown()
    thread.join()
    server.server_close()


def is_sealed(body: bytes, signature: str) -> bool:
    def verify(raw: bytes, message: bytes) -> bool:
        try:
            KEY.public_key().verify(raw, message)
        except Exception:  # noqa: BLE001 - whatever it is, it is no signature
            return False
        return True

    return wire.is_sealed(wire.LETTER, body, signature, verify)


async def test_a_letter_is_signed_over_its_very_bytes_and_says_whose_it_is(door: Door) -> None:
    await door.letters_to().post("login", FACTS)
    ((path, headers, body),) = door.letters
    letter = json.loads(body)
    assert path == "/agents/letters"
    assert (letter["v"], letter["host"], letter["kind"], letter["issued"], letter["facts"]) == (
        wire.VERSION,
        "web-1",
        "login",
        NOW,
        FACTS,
    )
    assert headers[wire.HOST_HEADER] == "web-1"
    assert headers["Content-Type"] == "application/json"
    assert is_sealed(body, headers[wire.SIGNATURE_HEADER])
    assert not is_sealed(body + b" ", headers[wire.SIGNATURE_HEADER])


async def test_no_two_letters_are_the_same(door: Door) -> None:
    letters = door.letters_to()
    for _ in range(2):
        await letters.post("login", FACTS)
    assert len({json.loads(body)["nonce"] for _, _, body in door.letters}) == 2


async def test_a_door_may_be_named_without_its_scheme(door: Door) -> None:
    await door.letters_to(url=door.url.removeprefix("https://")).post("login", FACTS)
    assert len(door.letters) == 1


@pytest.mark.parametrize("url", ["http://127.0.0.1:8003", "ftp://x", "https://", ""])
def test_a_letter_goes_over_tls_alone(tmp_path: Path, url: str) -> None:
    with pytest.raises(AgentError, match="https alone"):
        Letters(url, tmp_path, KEY.sign, "web-1")


@pytest.mark.parametrize("code", [201, 204, 301, 401, 403, 404, 408, 409, 429, 500, 502, 503])
async def test_anything_but_the_bridges_word_is_no_delivery(door: Door, code: int) -> None:
    door.code, door.answer = code, b'{"detail": "the clock of this host is wrong"}'
    with pytest.raises(Unposted):
        await door.letters_to().post("login", FACTS)


@pytest.mark.parametrize("code", [400, 413, 415, 422])
async def test_what_the_bridge_cannot_read_is_not_sent_for_ever(door: Door, code: int) -> None:
    door.code, door.answer = code, b'{"detail": "it has no user"}'
    with pytest.raises(Unwanted, match="it has no user"):
        await door.letters_to().post("login", FACTS)


@pytest.mark.parametrize("answer", [b"", b"<html>", b"[]", b'{"detail": ["x"]}', b"x" * 200_000])
async def test_a_strange_answer_is_told_by_its_status(door: Door, answer: bytes) -> None:
    door.code, door.answer = 500, answer
    with pytest.raises(Unposted) as fault:
        await door.letters_to().post("login", FACTS)
    assert 0 < len(str(fault.value)) <= 300


async def test_whoever_is_not_the_bridge_gets_no_letter(door: Door, tmp_path: Path) -> None:
    other, _ = issue(tmp_path, "other")
    with pytest.raises(Unposted, match="not the bridge's"):
        await door.letters_to(other).post("login", FACTS)
    assert door.letters == []


async def test_a_certificate_for_another_address_is_not_the_doors(
    door: Door,
) -> None:
    url = door.url.replace("127.0.0.1", "localhost")
    with pytest.raises(Unposted, match="not the bridge's"):
        await door.letters_to(url=url).post("login", FACTS)
    assert door.letters == []


async def test_a_bridge_that_is_away_or_an_authority_that_is_missing_is_no_delivery(
    door: Door, tmp_path: Path
) -> None:
    with pytest.raises(Unposted, match="refused"):
        await door.letters_to(url="https://127.0.0.1:1").post("login", FACTS)
    with pytest.raises(Unposted, match="No such file"):
        await door.letters_to(tmp_path / "nowhere.pem").post("login", FACTS)
