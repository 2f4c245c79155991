from __future__ import annotations

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from deploy.stack.folder import StackFault
from deploy.stack.known_bot import require_known_bot
from deploy.stack.plan import Wishes
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
