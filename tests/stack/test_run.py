from __future__ import annotations

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from deploy.stack.folder import Member, StackFault
from deploy.stack.known_bot import require_known_bot
from deploy.stack.plan import EXPORTER_MORE, Wishes
from deploy.stack.ports import choose_ports
from deploy.stack.run import (
    create_exporter,
    create_exporter_port,
    record_host,
    render_host_greeting,
)
from tests.stack.listening import Listener

TOKEN = "123456789:" + "A" * 35


def test_a_telegram_out_of_reach_is_said_and_the_start_goes_on(
    wish: Callable[..., Wishes], listener: Listener
) -> None:
    given = {"BOT_TOKEN": TOKEN, "TELEGRAM_API_BASE": "http://127.0.0.1:1"}
    require_known_bot(wish(is_sandbox=False, **given), listener.voice)
    assert "cannot be reached" in listener.text
    assert TOKEN not in listener.text


def refuse(code: int) -> type[BaseHTTPRequestHandler]:
    class Telegram(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(code)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    return Telegram


@pytest.mark.parametrize("code", [401, 404])
def test_a_token_that_telegram_does_not_know_ends_the_start(
    wish: Callable[..., Wishes], listener: Listener, code: int
) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), refuse(code)) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        base = f"http://127.0.0.1:{server.server_port}"
        wishes = wish(is_sandbox=False, BOT_TOKEN=TOKEN, TELEGRAM_API_BASE=base)
        with pytest.raises(StackFault, match="does not know this BOT_TOKEN: take") as caught:
            require_known_bot(wishes, listener.voice)
        server.shutdown()
        thread.join()
    assert caught.value.code == 2
    assert TOKEN not in str(caught.value)


def test_the_local_telegram_needs_no_asking(
    wish: Callable[..., Wishes], listener: Listener
) -> None:
    require_known_bot(wish(), listener.voice)
    assert listener.text == ""


def expose(**given: str) -> Member:
    """The exporter of a host that is only monitored."""
    port = create_exporter_port(given)
    return create_exporter(Path("/programs/node_exporter"), port.host, port.default)


def test_the_exporter_of_a_monitored_host_listens_where_its_agent_does() -> None:
    assert "--web.listen-address=127.0.0.1:9100" in expose().command
    assert "--web.listen-address=127.0.0.1:9100" in expose(AGENT_HOST="").command
    assert "--web.listen-address=192.0.2.12:9100" in expose(AGENT_HOST="192.0.2.12").command
    for written in ("2001:db8::1", "[2001:db8::1]"):
        assert "--web.listen-address=[2001:db8::1]:9100" in expose(AGENT_HOST=written).command
    everywhere = expose(AGENT_HOST="0.0.0.0")
    assert "--web.listen-address=0.0.0.0:9100" in everywhere.command
    assert everywhere.ready_url == "http://127.0.0.1:9100/"


def test_the_exporter_of_a_monitored_host_tells_as_much_as_that_of_the_stack() -> None:
    assert set(EXPORTER_MORE) <= set(expose().command)


def test_the_agent_of_a_monitored_host_is_a_part_that_status_and_stop_know() -> None:
    agent = Member(name="agent", command=[], environ={})
    record = record_host("state", [expose(), agent])
    assert list(record.addresses) == ["node_exporter", "agent"]
    assert list(record.ready_urls) == ["node_exporter", "agent"]


def test_who_watches_a_host_only_from_itself_is_told_how_others_reach_it() -> None:
    for known in (None, Member(name="agent", command=[], environ={})):
        said = "\n".join(render_host_greeting("127.0.0.1", 9100, known))
        assert "Nobody but this host" in said
        assert "set AGENT_HOST" in said
        for open_to_others in ("192.0.2.12", "0.0.0.0"):
            said = "\n".join(render_host_greeting(open_to_others, 9100, known))
            assert "Nobody but this host" not in said


def test_the_line_of_a_monitored_host_has_an_address_that_others_reach() -> None:
    for host, place in {
        "192.0.2.12": "NAME 192.0.2.12:9101",
        "2001:db8::1": "NAME [2001:db8::1]:9101",
        "0.0.0.0": "NAME ADDRESS:9101",
    }.items():
        said = "\n".join(render_host_greeting(host, 9101, None))
        assert place in said


def test_an_address_that_is_none_of_the_hosts_is_named_by_its_setting() -> None:
    port = create_exporter_port({"AGENT_HOST": "192.0.2.12"})
    with pytest.raises(StackFault, match=r"^AGENT_HOST: 192\.0\.2\.12 is no address of this"):
        choose_ports([port], {})
