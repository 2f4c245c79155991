"""A web server on this machine that keeps what it is sent."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Request:
    """One call."""

    method: str
    path: str
    body: bytes


@dataclass
class LocalServer:
    """Answers everything alike."""

    url: str = ""
    code: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    hangs: bool = False
    """Whether it keeps everybody waiting until the end."""
    raw: bytes = b""
    """What it says in the place of a proper answer, if anything."""
    requests: list[Request] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)


@contextmanager
def open_local_server() -> Iterator[LocalServer]:
    """Run one until the context ends."""
    kept = LocalServer()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            kept.requests.append(Request(self.command, self.path, body))
            if kept.hangs:
                kept.over.wait(120)
            if kept.raw:
                self.wfile.write(kept.raw)
                return
            self.send_response(kept.code)
            for name, value in {"Content-Length": "0", **kept.headers}.items():
                self.send_header(name, value)
            self.end_headers()

        do_GET = do_POST = answer  # noqa: N815 - the library's names

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its names
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    kept.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield kept
    finally:
        kept.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
