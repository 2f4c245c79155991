"""F17 to F21: what Alertmanager never tells is found in its lists, and put right."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bridge import limits
from bridge.clients.alertmanager import Alertmanager
from bridge.parties import Watched
from tests.fakes.local_telegram import LocalTelegram
from tests.fakes.webhooks import alert, webhook
from tests.fakes.whole_bridge import WholeBridge
from tests.forbidden.scene import MINUTE, moment, open_watching_bridge, texts, until

STATUS = {"config": {"original": "route:\n  receiver: bridge\n  group_wait: 0s\n"}}
SHORT = timedelta(seconds=0.15)


@dataclass
class Lists:
    """What an Alertmanager of its own lists."""

    url: str = ""
    alerts: list[dict[str, Any]] = field(default_factory=list)
    """Alerts as webhooks write them."""
    silenced: bool = False
    inhibited: bool = False
    asked: int = 0

    def answer(self, path: str) -> Any:
        """Answer as API v2 does."""
        listed = [self._list(each) for each in self.alerts]
        if path.startswith("/api/v2/status"):
            return {**STATUS, "uptime": moment(60 * MINUTE).isoformat()}
        if path.startswith("/api/v2/alerts/groups"):
            return [
                {
                    "labels": {"host": each["labels"]["host"]},
                    "receiver": {"name": "bridge"},
                    "alerts": [each],
                }
                for each in listed
            ]
        self.asked += 1
        return listed

    def _list(self, member: dict[str, Any]) -> dict[str, Any]:
        status = {
            "state": "suppressed" if self.silenced or self.inhibited else "active",
            "silencedBy": ["a silence"] if self.silenced else [],
            "inhibitedBy": ["a cause"] if self.inhibited else [],
            "mutedBy": [],
        }
        ends = moment(-5 * MINUTE).isoformat()
        receivers = [{"name": "bridge"}]
        return {**member, "status": status, "endsAt": ends, "receivers": receivers}


@pytest.fixture
def lists() -> Iterator[Lists]:
    """Run an Alertmanager that lists what it is told to and sends nothing."""
    lists = Lists()

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(lists.answer(self.path)).encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    lists.url = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, args=(0.01,))
    thread.start()
    yield lists
    http.shutdown()
    thread.join()
    http.server_close()


@pytest.fixture
async def bridge(
    tmp_path: Path, local: LocalTelegram, lists: Lists, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[WholeBridge]:
    """Run a bridge that compares several times a second and is quickly sure."""
    for name in ("RECONCILE_PASS", "MISSING_SHORTEST", "ABSENCE", "MISSING_AGAIN"):
        monkeypatch.setattr(limits, name, SHORT)
    monkeypatch.setattr("bridge.core.listed._GROUP_INTERVAL", timedelta(0))
    alertmanager = Alertmanager(lists.url)
    watched = Watched(alertmanagers=[alertmanager])
    async with open_watching_bridge(tmp_path / "bridge", local, watched=watched) as bridge:
        yield bridge
    await alertmanager.close()


async def see_it_fire(
    bridge: WholeBridge, local: LocalTelegram, lists: Lists
) -> list[dict[str, Any]]:
    """Let an alert be told, shown and listed, as on any day."""
    lists.alerts = [alert(starts=moment(10 * MINUTE))]
    assert await bridge.post(webhook(*lists.alerts)) == 200
    await bridge.settled()
    assert [each["rings"] for each in await local.messages()] == [True]
    await look_twice(lists)
    return lists.alerts


async def look_twice(lists: Lists) -> None:
    """Wait until a comparison that begins now has ended."""
    seen = lists.asked

    async def has_looked() -> bool:
        return lists.asked >= seen + 2

    await until(has_looked)


async def says(local: LocalTelegram, *words: str) -> bool:
    """Say whether the chat tells all of this."""
    shown = await texts(local)
    return all(word in shown for word in words)


async def test_f17_a_notification_that_alertmanager_dropped_never_leaves_an_alert_unheard(
    bridge: WholeBridge, local: LocalTelegram, lists: Lists
) -> None:
    known = await see_it_fire(bridge, local, lists)
    lists.alerts = [*known, alert(host="db-1", starts=moment(10 * MINUTE))]
    await until(lambda: says(local, "FIRING  db-1"))
    await look_twice(lists)
    assert [each["rings"] for each in await local.messages()] == [True, True]


async def test_f18_an_alert_whose_end_never_came_does_not_fire_for_ever(
    bridge: WholeBridge, local: LocalTelegram, lists: Lists
) -> None:
    await see_it_fire(bridge, local, lists)
    lists.alerts = []
    await until(lambda: says(local, "✅ RESOLVED  web-1"))
    assert len(await local.messages()) == 1


async def test_f19_an_end_under_a_silence_never_swallows_the_next_beginning(
    bridge: WholeBridge, local: LocalTelegram, lists: Lists
) -> None:
    await see_it_fire(bridge, local, lists)
    lists.silenced = True
    await until(lambda: says(local, "🔕", "silenced"))
    lists.alerts = []
    await until(lambda: says(local, "✅ RESOLVED  web-1"))
    lists.silenced = False
    lists.alerts = [alert(starts=moment())]
    await until(lambda: says(local, "🔴 FIRING  web-1"))
    assert [each["rings"] for each in await local.messages()] == [True, True]


async def test_f20_a_silence_that_ends_never_leaves_an_alert_that_still_fires_hidden(
    bridge: WholeBridge, local: LocalTelegram, lists: Lists
) -> None:
    await see_it_fire(bridge, local, lists)
    lists.silenced = True
    await until(lambda: says(local, "🔕", "silenced"))
    lists.silenced = False

    async def is_loud_again() -> bool:
        return "🔕" not in await texts(local)

    await until(is_loud_again)
    assert await says(local, "🔴 FIRING  web-1")


async def test_f21_an_alert_that_should_be_inhibited_is_never_left_looking_like_one_that_is_not(
    bridge: WholeBridge, local: LocalTelegram, lists: Lists
) -> None:
    lists.inhibited = True
    await see_it_fire(bridge, local, lists)
    await until(lambda: says(local, "🔕", "inhibited"))
    await look_twice(lists)
    assert len(await local.messages()) == 1
