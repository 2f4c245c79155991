"""A bridge's door for agents, on this machine, as far as an enrolment needs it."""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from agent.keys import write_private_key
from agent.settings import parse_address
from tests.agent.parties import TOKEN, Bridge, raw_public

SECRET = "planted-secret-of-the-enrolment"


@dataclass
class Door:
    """Signs for whoever brings the code, once."""

    bridge: Bridge
    port: int = 0
    fingerprint: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    requests: list[x509.CertificateSigningRequest] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    change: Callable[[dict[str, Any]], Any] = lambda answer: answer
    """What it does to its answer first."""

    def code(self, host: str = "web-1", address: str = "", **changes: str) -> str:
        fields = {
            "h": host,
            "d": f"127.0.0.1:{self.port}",
            "f": self.fingerprint,
            "s": SECRET,
            "a": address,
            **changes,
        }
        raw = json.dumps(fields).encode()
        return "opswire1." + base64.urlsafe_b64encode(raw).decode().rstrip("=")

    def answer(self, asked: dict[str, Any]) -> tuple[int, Any]:
        self.asked.append(asked)
        if asked["secret"] in self.used or asked["secret"] != SECRET:
            return 410, {"detail": "this code was used already; ask for another one"}
        self.used.add(asked["secret"])
        request = x509.load_pem_x509_csr(asked["csr"].encode())
        self.requests.append(request)
        address, _ = parse_address(asked["address"])
        certificate = self.bridge.authority.sign(asked["host"], request.public_key(), address)
        granted = {
            "host": asked["host"],
            "certificate": certificate.public_bytes(Encoding.PEM).decode(),
            "authority": self.bridge.authority.pem,
            "bridge_key": raw_public(self.bridge.key),
            "metrics_token": TOKEN,
            "door": f"127.0.0.1:{self.port}",
        }
        return 200, self.change(granted)


@contextmanager
def open_door(folder: Path, bridge: Bridge | None = None) -> Iterator[Door]:
    """Serve one until the context ends."""
    door = Door(bridge or Bridge())

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.path == "/agents/enrol"
            status, answer = door.answer(json.loads(body))
            text = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its names
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    server.daemon_threads = False  # whoever is still being answered is waited for
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # whoever leaves early
    key = Ed25519PrivateKey.generate()
    certificate = door.bridge.authority.sign("door", key, "127.0.0.1")
    pem = folder / "door.pem"
    pem.write_bytes(
        write_private_key(key.private_bytes_raw()) + certificate.public_bytes(Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    door.port = server.server_port
    door.fingerprint = hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield door
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
