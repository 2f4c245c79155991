"""The real Alertmanager of both generations, the real bridge as a process, the sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.fakes.local_telegram import LocalTelegram
from tests.live.conftest import Programs, free_port, shipped_alertmanager, until

pytestmark = pytest.mark.live
GROUPS, MEMBERS = 5, 10


def real_now() -> datetime:
    """Tell the time by which Alertmanager goes."""
    return datetime.now(UTC)  # noqa: TID251 - the real programs have no other clock


def alerts(numbers: Iterable[int], since: datetime, *, over: bool = False) -> list[dict[str, Any]]:
    """Write alerts as Prometheus posts them: ten a host, told apart by their mount point.

    They begin now: Alertmanager flushes a group at once when an alert of it is older than the
    group's wait, and would then send it in pieces.
    """
    ends = real_now() - timedelta(seconds=1) if over else real_now() + timedelta(hours=1)
    return [
        {
            "labels": {
                "alertname": "AgentHighDisk",
                "host": f"web-{group}",
                "mountpoint": f"/disk-{number:02}",
                "severity": "critical",
            },
            "annotations": {"summary": f"web-{group}: disk {number} is full"},
            "startsAt": since.isoformat(),
            "endsAt": ends.isoformat(),
        }
        for group in range(GROUPS)
        for number in numbers
    ]


async def post(url: str, body: list[dict[str, Any]]) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        (await client.post(f"{url}/api/v2/alerts", json=body)).raise_for_status()


def truth(text: str) -> dict[str, bool]:
    """Read a card: disk → whether it is shown as firing."""
    firing, _, over = text.partition("✅")
    shown = {f"disk {n} ": True for n in range(MEMBERS) if f"disk {n} is full" in firing}
    return shown | {f"disk {n} ": False for n in range(MEMBERS) if f"disk {n} is full" in over}


async def test_fifty_alerts_in_five_groups_and_half_of_them_over_are_shown_exactly(
    generation: str, programs: Programs, local: LocalTelegram
) -> None:
    bridge_port, port = free_port(), free_port()
    await programs.bridge(local, bridge_port)
    await programs.alertmanager(generation, shipped_alertmanager(bridge_port), port)
    url = f"http://127.0.0.1:{port}"
    since = real_now()
    await post(url, alerts(range(MEMBERS), since))
    await until(lambda: counted(local, firing=50, over=0), seconds=40)
    await post(url, alerts(range(0, MEMBERS, 2), since, over=True))
    await until(lambda: counted(local, firing=25, over=25), seconds=60)
    cards = await local.messages()
    assert len(cards) == GROUPS
    for card in cards:
        assert card["edits"] == 1
        assert truth(card["text"]) == {f"disk {n} ": n % 2 == 1 for n in range(MEMBERS)}
    assert len({card["text"].splitlines()[0] for card in cards}) == GROUPS
    assert [call for call in await local.calls() if not call["ok"]] == []


async def counted(local: LocalTelegram, *, firing: int, over: int) -> bool:
    states = [state for card in await local.messages() for state in truth(card["text"]).values()]
    return states.count(True) == firing and states.count(False) == over


@pytest.mark.parametrize("trouble", ["read only", "full"])
async def test_a_store_that_cannot_write_answers_503_and_the_alert_arrives_later(
    programs: Programs, local: LocalTelegram, trouble: str
) -> None:
    """Alertmanager tries a 503 again; nothing is lost while the disk is mended."""
    bridge_port, port = free_port(), free_port()
    breaking = Breaking(programs, trouble)
    await breaking.start(local, bridge_port)
    await breaking.break_store()
    await programs.alertmanager("stable", shipped_alertmanager(bridge_port), port)
    await post(f"http://127.0.0.1:{port}", alerts([1], real_now()))
    await until(lambda: refused(bridge_port), seconds=40)
    assert await local.messages() == []
    assert "database" in (await problems(bridge_port))["store"]
    await breaking.mend_store()

    async def all_shown() -> bool:
        return len(await local.messages()) == GROUPS

    await until(all_shown, seconds=90)


async def problems(bridge_port: int) -> dict[str, str]:
    """Read what /readyz complains of, once it does."""
    url = f"http://127.0.0.1:{bridge_port}/readyz"
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:

        async def is_unready() -> bool:
            return "database" in (await client.get(url)).json()["checks"].get("store", "")

        await until(is_unready, seconds=20)
        answer = await client.get(url)
    assert answer.status_code == 503
    checks: dict[str, str] = answer.json()["checks"]
    return checks


async def refused(bridge_port: int) -> bool:
    """Say whether the bridge has answered a webhook with 503."""
    headers = {"Authorization": "Bearer webhook-token-of-the-live-tests"}
    url = f"http://127.0.0.1:{bridge_port}/metrics"
    async with httpx.AsyncClient(trust_env=False) as client:
        figures = (await client.get(url, headers=headers)).text
    return 'opswire_webhooks_total{code="503"}' in figures


class Breaking:
    """A bridge whose store is taken away and given back."""

    def __init__(self, programs: Programs, trouble: str) -> None:
        self._programs = programs
        self._trouble = trouble
        self._state = programs.folder / "state"

    async def start(self, local: LocalTelegram, port: int) -> None:
        """Start the bridge; for a read-only store, without root's right to write everywhere."""
        wrap: tuple[str, ...] = ()
        if self._trouble == "read only":
            self._state.mkdir(mode=0o700)
            (self._state / "bridge.db").write_bytes(b"")
            (self._state / "bridge.lock").write_bytes(b"")
            self._state.chmod(0o500)
            (self._state / "bridge.db").chmod(0o400)
            wrap = ("setpriv", "--bounding-set=-dac_override", "--")
        self._bridge = await self._programs.bridge(local, port, *wrap)

    async def break_store(self) -> None:
        """Let the disk be full from now on: no file of the bridge may grow."""
        if self._trouble == "full":
            await self._limit("0:")

    async def mend_store(self) -> None:
        """Give the store back, with the bridge running all the while."""
        if self._trouble == "full":
            await self._limit("unlimited:")
        else:
            self._state.chmod(0o700)
            (self._state / "bridge.db").chmod(0o600)

    async def _limit(self, size: str) -> None:
        pid = self._bridge.process.pid
        limit = await asyncio.create_subprocess_exec("prlimit", f"--pid={pid}", f"--fsize={size}")
        assert await limit.wait() == 0
