from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from bridge import limits
from bridge.clients.prometheus import Prometheus
from bridge.core.endings import Sample
from bridge.errors import Outage

PASSWORD = "kept-to-oneself"
ANSWER = {
    "status": "success",
    "data": {
        "resultType": "vector",
        "result": [
            {"metric": {"host": "web-1", "job": "node"}, "value": [1763640000.1, "1"]},
            {"metric": {}, "value": [1763640000.1, "NaN"]},
        ],
    },
}


class Server:
    """Answers every question alike, and remembers what was asked."""

    def __init__(self) -> None:
        self.status = 200
        self.body = json.dumps(ANSWER).encode()
        self.asked: list[dict[str, list[str]]] = []
        self.authorization: str | None = None
        self.gate = threading.Event()
        self.gate.set()
        outer = self

        class Answering(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(parse_qs(urlsplit(self.path).query))
                outer.authorization = self.headers["Authorization"]
                outer.gate.wait(10)
                self.send_response(outer.status)
                self.end_headers()
                self.wfile.write(outer.body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        self.url = f"http://127.0.0.1:{self.http.server_port}"


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.gate.set()
    server.http.shutdown()
    thread.join()
    server.http.server_close()


async def test_an_answer_becomes_samples(server: Server) -> None:
    prometheus = Prometheus(f"{server.url}/", user="ällen", password=PASSWORD)
    samples = await prometheus.fetch('up{host="a"}')
    await prometheus.close()
    assert samples[0] == Sample(labels={"host": "web-1", "job": "node"}, value=1)
    assert samples[1].value != samples[1].value  # NaN
    assert server.asked[0]["query"] == ['up{host="a"}']
    assert server.authorization == "Basic w6RsbGVuOmtlcHQtdG8tb25lc2VsZg=="


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (401, f"no, {PASSWORD} is wrong", "refuses the question (401)"),
        (422, '{"status":"error"}', "refuses the question (422)"),
        (503, "starting", "refuses the question (503)"),
        (200, "<html>a proxy's page</html>", "not Prometheus's"),
        (200, '{"status":"success"}', "not Prometheus's"),
        (200, '{"data":{"result":[{"metric":{},"value":[1]}]}}', "not Prometheus's"),
        (200, '{"data":{"result":[7]}}', "not Prometheus's"),
        (200, '{"data":{"result":null}}', "not Prometheus's"),
        (200, "[]", "not Prometheus's"),
    ],
)
async def test_whatever_is_no_answer_is_an_outage_without_a_secret(
    server: Server, status: int, body: str, said: str
) -> None:
    server.status, server.body = status, body.encode()
    prometheus = Prometheus(server.url, user="u", password=PASSWORD)
    with pytest.raises(Outage) as caught:
        await prometheus.fetch("up")
    await prometheus.close()
    assert said in caught.value.sentence
    assert PASSWORD not in caught.value.sentence
    assert caught.value.__cause__ is None
    assert len(server.asked) == 1


async def test_one_that_is_not_there_is_an_outage(server: Server) -> None:
    server.http.server_close()
    prometheus = Prometheus(server.url, user="u", password=PASSWORD)
    with pytest.raises(Outage, match="cannot be asked") as caught:
        await prometheus.fetch("up")
    await prometheus.close()
    assert PASSWORD not in caught.value.sentence


async def test_one_that_hangs_is_an_outage_in_time(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PROMETHEUS_TIMEOUT_SECONDS", 0.1)
    server.gate.clear()
    prometheus = Prometheus(server.url)
    with pytest.raises(Outage, match=r"Timeout|no whole answer"):
        await prometheus.fetch("up")
    await prometheus.close()


async def test_a_proxy_for_the_outside_is_not_used(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    prometheus = Prometheus(server.url)
    assert len(await prometheus.fetch("up")) == 2
    await prometheus.close()


def test_the_library_is_loaded_when_a_prometheus_is_made_and_not_before() -> None:
    program = (
        "import sys, bridge.clients.prometheus as p\n"
        "assert 'requests' not in sys.modules\n"
        "p.Prometheus('http://127.0.0.1:1')\n"
        "assert 'requests' in sys.modules and 'pandas' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


DRIPPING = """
import asyncio, socket, threading, time
from bridge import limits
from bridge.clients.prometheus import Prometheus
from bridge.errors import Outage

limits.PROMETHEUS_TIMEOUT_SECONDS = 0.5
server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen()

def drip(connection):
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 9999\\r\\n\\r\\n")
    while True:
        connection.sendall(b" ")
        time.sleep(0.05)

def serve():
    while True:
        connection, _ = server.accept()
        threading.Thread(target=drip, args=(connection,), daemon=True).start()

async def ask():
    prometheus = Prometheus(f"http://127.0.0.1:{server.getsockname()[1]}")
    for _ in range(4):
        try:
            await prometheus.fetch("up")
        except Outage as fault:
            print(fault.sentence)
    print(sum(each.name == "prometheus" for each in threading.enumerate()))
    await prometheus.close()

threading.Thread(target=serve, daemon=True).start()
asyncio.run(ask())
"""


def test_an_answer_that_drips_holds_up_neither_a_question_nor_the_end_of_the_program() -> None:
    said = subprocess.run(
        [sys.executable, "-c", DRIPPING], check=True, timeout=120, capture_output=True, text=True
    ).stdout.splitlines()
    assert len(said) == 5
    assert all("no whole answer within 0.5 s" in line for line in said[:4])
    assert said[4] == "2", "it would have ever more threads"
