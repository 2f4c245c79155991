from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from bridge import limits
from bridge.clients.alertmanager import Alertmanager
from bridge.errors import Outage
from tests.fakes.clock import NOON

PASSWORD = "kept-to-oneself"
ALERT = {
    "labels": {"alertname": "A", "host": "web-1"},
    "annotations": {},
    "startsAt": "2026-11-20T11:00:00.123456789Z",
    "endsAt": "2026-11-20T12:04:00Z",
    "fingerprint": "9110b3396cab5fe1",
    "receivers": [{"name": "chat"}],
    "status": {"inhibitedBy": [], "silencedBy": [], "mutedBy": [], "state": "active"},
}
STATUS = {"uptime": "2026-11-20T11:00:00.937Z", "config": {"original": "route:\n  receiver: a\n"}}


class Server:
    """Answers as an Alertmanager does."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.tell("/api/v2/alerts", [ALERT])
        self.tell("/api/v2/status", STATUS)
        self.tell(
            "/api/v2/alerts/groups",
            [{"labels": {"host": "web-1"}, "receiver": {"name": "chat"}, "alerts": [ALERT]}],
        )
        self.asked: list[str] = []
        self.headers: Mapping[str, str] = {}
        self.date = "Fri, 20 Nov 2026 12:30:00 GMT"
        self.gate = threading.Event()
        self.gate.set()
        outer = self

        class Answering(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                outer.headers = dict(self.headers)
                outer.gate.wait(10)
                status, body = outer.answers[self.path.partition("?")[0]]
                self.send_response_only(status)
                self.send_header("Date", outer.date)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        self.url = f"http://127.0.0.1:{self.http.server_port}"

    def tell(self, path: str, body: Any, status: int = 200) -> None:
        """Answer this from now on."""
        self.answers[path] = (status, json.dumps(body).encode())


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


async def test_the_whole_list_is_asked_for_the_muted_too(server: Server) -> None:
    alertmanager = Alertmanager(f"{server.url}/", user="u", password=PASSWORD)
    listing = await alertmanager.fetch_listing(now=NOON)
    await alertmanager.close()
    assert [each.alert.labels["host"] for each in listing.alerts] == ["web-1"]
    asked = set(server.asked[0].partition("?")[2].split("&"))
    assert asked == {"active=true", "silenced=true", "inhibited=true", "unprocessed=true"}
    assert server.headers["Authorization"].startswith("Basic ")


async def test_how_long_it_runs_is_reckoned_by_its_own_clock(server: Server) -> None:
    alertmanager = Alertmanager(server.url)
    listing = await alertmanager.fetch_listing(now=NOON)
    assert listing.up_for // timedelta(minutes=1) == 89
    server.date = "some day"
    listing = await alertmanager.fetch_listing(now=NOON)
    await alertmanager.close()
    assert listing.up_for // timedelta(minutes=1) == 59


async def test_groups_come_with_their_receiver(server: Server) -> None:
    alertmanager = Alertmanager(server.url)
    (group,) = await alertmanager.fetch_groups(now=NOON)
    await alertmanager.close()
    assert (group.receiver, group.labels, len(group.alerts)) == ("chat", {"host": "web-1"}, 1)


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (401, b"no", "answers 401"),
        (301, b"", "answers 301"),
        (200, b"<html>", "not Alertmanager's (no JSON)"),
        (200, b"[" * 100_000, "not Alertmanager's"),
        (200, b"{}", "dict where list belongs"),
        (200, b"[7]", "int where dict belongs"),
        (200, b'[{"labels":{"a":"b"},"receivers":[]}]', "NoneType where dict belongs"),
        (200, b'[{"labels":7,"receivers":[],"status":{}}]', "an alert of its list is none"),
        (200, b'["' + b"x" * 2000 + b'"]', "answers too much"),
    ],
)
async def test_half_a_list_is_no_list(
    server: Server, status: int, body: bytes, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = 1000 if "too much" in said else 200_000
    monkeypatch.setattr(limits, "ALERTMANAGER_BYTES", most)
    server.answers["/api/v2/alerts"] = (status, body)
    alertmanager = Alertmanager(server.url, user="u", password=PASSWORD)
    with pytest.raises(Outage) as caught:
        await alertmanager.fetch_listing(now=NOON)
    await alertmanager.close()
    assert said in caught.value.sentence
    assert PASSWORD not in caught.value.sentence


async def test_no_fault_tells_the_password_of_an_address(server: Server) -> None:
    server.http.server_close()
    place = server.url.removeprefix("http://")
    alertmanager = Alertmanager(f"http://u:{PASSWORD}@{place}")
    with pytest.raises(Outage) as caught:
        await alertmanager.fetch_groups(now=NOON)
    await alertmanager.close()
    assert place in caught.value.sentence
    assert PASSWORD not in caught.value.sentence
    assert caught.value.__cause__ is None


async def test_one_that_hangs_is_an_outage_in_time(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ALERTMANAGER_TIMEOUT_SECONDS", 0.1)
    server.gate.clear()
    alertmanager = Alertmanager(server.url)
    with pytest.raises(Outage):
        await alertmanager.fetch_groups(now=NOON)
    await alertmanager.close()


async def test_a_large_list_is_read_beside_the_loop(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "INLINE_PARSE_BYTES", 10)
    alertmanager = Alertmanager(server.url)
    assert len((await alertmanager.fetch_listing(now=NOON)).alerts) == 1
    await alertmanager.close()
