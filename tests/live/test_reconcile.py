"""The real Alertmanager of both generations, under whose silences ends and beginnings are lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from bridge import limits
from bridge.clients.alertmanager import Alertmanager
from bridge.core.alerts import Notification, parse_webhook
from bridge.core.audience import Destination
from bridge.core.cards import Muting
from bridge.core.hearing import Hearing
from bridge.core.reconciling import Memory
from bridge.flows.reconcile_alerts import Reconciled, reconcile_alerts
from bridge.store.database import Database
from bridge.store.episodes import put_alerts
from bridge.store.reconciling import Reconciling, note_writer
from tests.live.conftest import PATIENCE, Program, Programs, plain_client, until
from tests.ports import free_port

pytestmark = pytest.mark.live
CONFIGURATION = """
route:
  receiver: nobody
  group_by: [host]
  group_wait: 1s
  group_interval: 1s
  routes:
    - receiver: the chat (1)
      matchers: ['severity="critical"']
receivers:
  - name: nobody
  - name: the chat (1)
    webhook_configs:
      - url: http://127.0.0.1:{port}/
"""
LABELS = {"alertname": "AgentDown", "host": 'web-1 "é"', "severity": "critical"}


def real_now() -> datetime:
    """Tell the time by which Alertmanager goes."""
    return datetime.now(UTC)  # noqa: TID251 - the real programs have no other clock


class Catcher:
    """Takes webhooks and keeps them."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        outer = self

        class Taking(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Taking)


@pytest.fixture
async def catcher() -> AsyncIterator[Catcher]:
    catcher = Catcher()
    thread = Thread(target=catcher.http.serve_forever, args=(0.01,))
    thread.start()
    yield catcher
    catcher.http.shutdown()
    thread.join()
    catcher.http.server_close()


class Holding:
    """What we hold, and the way in."""

    def __init__(self, database: Database, alertmanager: Alertmanager) -> None:
        self.database = database
        self.put_bodies: list[Notification] = []
        self._alertmanager = alertmanager
        self._reconciling = Reconciling(database, lambda *_: None, Hearing())
        self._memory = Memory()

    async def put(
        self,
        body: bytes,
        *,
        addressed: Destination | None,
        source: str,
        now: datetime,
        is_listed: bool = False,
    ) -> None:
        """Fold a webhook."""
        assert is_listed is bool(self.put_bodies), "only the first one came from Alertmanager"
        notification = parse_webhook(json.loads(body), now, source)
        self.put_bodies.append(notification)
        await self.database.write(
            lambda connection: put_alerts(connection, source, notification.alerts, now)
        )
        await self.database.write(
            lambda connection: note_writer(connection, notification, addressed, now)
        )

    async def compare(self) -> Reconciled:
        """Run one pass."""
        done = await reconcile_alerts(
            self._memory,
            alertmanagers=[self._alertmanager],
            episodes=self._reconciling,
            journal=self,
            now=real_now(),
        )
        assert done.troubles == ()
        self._memory = done.memory
        return done

    async def mutings(self) -> list[Muting | None]:
        """Say how what is open is muted."""
        return [each.muting for each in await self._reconciling.find_open()]


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/bridge.db")
    await database.open()
    yield database
    await database.close()


class Driver:
    """Plays Prometheus and a person towards Alertmanager."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/api/v2"

    async def post(self, *, ends: timedelta) -> None:
        """Report the alert, firing until then."""
        now = real_now()
        alert = {
            "labels": LABELS,
            "startsAt": (now - timedelta(seconds=2)).isoformat(),
            "endsAt": (now + ends).isoformat(),
        }
        async with plain_client(PATIENCE) as client:
            (await client.post(f"{self._url}/alerts", json=[alert])).raise_for_status()

    async def silence(self) -> str:
        """Silence it; answer the silence."""
        now = real_now()
        body = {
            "matchers": [{"name": "alertname", "value": "AgentDown", "isRegex": False}],
            "startsAt": now.isoformat(),
            "endsAt": (now + timedelta(hours=1)).isoformat(),
            "createdBy": "a test",
            "comment": "a test",
        }
        async with plain_client(PATIENCE) as client:
            answer = (await client.post(f"{self._url}/silences", json=body)).raise_for_status()
        number: str = answer.json()["silenceID"]
        return number

    async def unsilence(self, number: str) -> None:
        """End a silence."""
        async with plain_client(PATIENCE) as client:
            (await client.delete(f"{self._url}/silence/{number}")).raise_for_status()


def count_flushes(alertmanager: Program) -> int:
    """Count how often an Alertmanager has looked at its one group, as its log tells."""
    return alertmanager.log.read_text().count("msg=flushing")


async def has_flushed(alertmanager: Program, before: int) -> bool:
    """Say whether it has looked at its group once more."""
    return count_flushes(alertmanager) > before


async def flushes_no_more(alertmanager: Program) -> bool:
    """Say whether its group is empty: it looks each second at one that is not."""
    before = count_flushes(alertmanager)
    await asyncio.sleep(3)
    return count_flushes(alertmanager) == before


async def has_come(catcher: Catcher) -> bool:
    """Say whether a webhook has come."""
    return bool(catcher.bodies)


def require_same(first: Notification, found: Notification) -> None:
    """See that what was found tells of the same alerts in the same group."""
    assert found.group == first.group
    assert (found.receiver, found.alertmanager) == (first.receiver, first.alertmanager)
    assert [each.identity for each in found.alerts] == [each.identity for each in first.alerts]


async def test_an_end_and_a_beginning_that_a_silence_swallows_are_both_found(
    generation: str,
    programs: Programs,
    catcher: Catcher,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "ABSENCE", timedelta(seconds=1))
    monkeypatch.setattr(limits, "MISSING_SHORTEST", timedelta(seconds=1))
    port = free_port()
    configuration = CONFIGURATION.replace("{port}", str(catcher.http.server_port))
    running = await programs.alertmanager(
        generation, configuration, port, "--cluster.listen-address=", "--log.level=debug"
    )
    driver = Driver(f"http://127.0.0.1:{port}")
    alertmanager = Alertmanager(f"http://127.0.0.1:{port}")
    holding = Holding(database, alertmanager)

    await driver.post(ends=timedelta(hours=1))
    await until(lambda: has_come(catcher), seconds=PATIENCE)
    await holding.put(catcher.bodies[0], addressed=Destination(-7), source="", now=real_now())
    await holding.compare()
    assert await holding.mutings() == [None]

    async def is_silenced() -> bool:
        await holding.compare()
        return await holding.mutings() == [Muting.SILENCED]

    silence = await driver.silence()
    await until(is_silenced, seconds=PATIENCE)
    flushes = count_flushes(running)
    await driver.post(ends=timedelta(seconds=-1))

    async def is_over() -> bool:
        return (await holding.compare()).ended == 1

    await until(is_over, seconds=PATIENCE)
    # Alertmanager flushes once more, finds all muted, and forgets the end.
    await until(lambda: has_flushed(running, flushes), seconds=PATIENCE)
    await until(lambda: flushes_no_more(running), seconds=PATIENCE)
    await driver.unsilence(silence)
    await driver.post(ends=timedelta(hours=1))

    async def is_found() -> bool:
        return (await holding.compare()).missed == 1

    await until(is_found, seconds=PATIENCE)
    await alertmanager.close()
    assert len(catcher.bodies) == 1, "Alertmanager told of it itself"
    require_same(*holding.put_bodies)
    assert await holding.mutings() == [None]
