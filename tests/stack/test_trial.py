from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest

from deploy.stack.folder import Folder, Record, StackFault
from deploy.stack.trial import count_deliveries, first_host, render_alert, send_test_alert
from tests.stack.listening import Listener

OLD = """\
alertmanager_notifications_total{integration="email"} 9
alertmanager_notifications_total{integration="webhook"} 5
alertmanager_notifications_failed_total{integration="webhook"} 2
"""
# Newer ones tell receivers and reasons apart.
RECENT = """\
alertmanager_notifications_total{integration="webhook",receiver_name="a"} 5
alertmanager_notifications_total{integration="webhook",receiver_name="b"} 1
alertmanager_notifications_failed_total{integration="webhook",reason="serverError"} 1
alertmanager_notifications_failed_total{integration="webhook",reason="other"} 2
"""


@pytest.mark.parametrize("text", [OLD, RECENT])
def test_deliveries_are_those_that_did_not_fail(text: str) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, text=text))
    with httpx.Client(transport=transport) as client:
        assert count_deliveries(client, "http://am") == 3


def test_an_alertmanager_that_is_away_is_one_sentence() -> None:
    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no")

    client = httpx.Client(transport=httpx.MockTransport(refuse))
    with client, pytest.raises(StackFault, match="does not answer"):
        count_deliveries(client, "http://am")


def test_a_test_alert_says_that_it_is_one_and_ends_when_told() -> None:
    began = datetime(2030, 1, 1, tzinfo=UTC)
    alert = render_alert("web-1", "warning", began=began, ended=began)
    assert alert["endsAt"] == began.isoformat()
    assert "test" in str(alert["annotations"])
    running = render_alert("web-1", "warning", began=began, ended=None)
    assert running["endsAt"] == "2030-01-01T00:10:00+00:00"
    assert running["labels"] == alert["labels"]


def test_the_first_host_bears_the_test(tmp_path: Path) -> None:
    path = tmp_path / "agents.txt"
    path.write_text("# ours\nweb-1 10.0.0.1:9100\ndb 10.0.0.2:9100\n")
    assert first_host(path) == "web-1"
    path.write_bytes("# Büro\nweb-1 10.0.0.1:9100\n".encode("latin-1"))
    assert first_host(path) == "web-1"
    path.write_text("# nobody\n")
    with pytest.raises(StackFault, match="names no host"):
        first_host(path)


class GuardedAlertmanager(BaseHTTPRequestHandler):
    """Asks for a user name and password, and counts a delivery after each alert."""

    deliveries = 0

    def do_GET(self) -> None:
        text = 'alertmanager_notifications_total{integration="webhook"} '
        self.answer(f"{text}{type(self).deliveries}\n")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.answer("{}"):
            type(self).deliveries += 1

    def answer(self, text: str) -> bool:
        words = b64encode(b"ada:hush-hush").decode()
        is_known = self.headers["Authorization"] == f"Basic {words}"
        self.send_response(200 if is_known else 401)
        self.end_headers()
        self.wfile.write(text.encode())
        return is_known

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def guarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Folder]:
    """A running stack whose Alertmanager is somebody's own."""
    for name in ("ALERTMANAGER_USER", "ALERTMANAGER_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "agents.txt").write_text("web-1 10.0.0.1:9100\n")
    folder = Folder(tmp_path)
    server = ThreadingHTTPServer(("127.0.0.1", 0), GuardedAlertmanager)
    thread = Thread(target=server.serve_forever)
    thread.start()
    with folder.hold():
        url = f"http://127.0.0.1:{server.server_port}"
        record = Record(
            pid=0,
            is_sandbox=False,
            state_dir="",
            bridge_state_dir="",
            sandbox_dir="",
            agents_file=str(tmp_path / "agents.txt"),
            addresses={},
            ready_urls={},
            urls={"ALERTMANAGER_URL": f"{url}/, http://127.0.0.1:1"},
        )
        folder.put_record(record)
        yield folder
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_alertmanager_that_asks_for_a_password_gets_it(
    guarded: Folder, listener: Listener
) -> None:
    with pytest.raises(StackFault, match="refuses"):
        send_test_alert(guarded, "warning", listener.voice)
    env = guarded.root / ".env"
    env.write_text("ALERTMANAGER_USER=ada\nALERTMANAGER_PASSWORD=hush-hush\n")
    assert send_test_alert(guarded, "warning", listener.voice) == 0
    assert "the bridge has its end" in listener.text
    assert "hush" not in listener.text
