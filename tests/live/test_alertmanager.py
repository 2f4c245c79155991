"""The real Alertmanager of both generations, the real bridge as a process, the sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.fakes.local_telegram import ADA, LocalTelegram
from tests.live.conftest import (
    CARDS_ALONE,
    PATIENCE,
    Program,
    Programs,
    figures,
    plain_client,
    read_checks,
    shipped_alertmanager,
    until,
)
from tests.ports import free_port

pytestmark = pytest.mark.live
GROUPS, MEMBERS = 5, 10
PEERS = 3
PRIVATE = str(ADA)  # a group takes nine cards and edits a minute, which is less than happens here


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
    async with plain_client(PATIENCE) as client:
        (await client.post(f"{url}/api/v2/alerts", json=body)).raise_for_status()


def truth(text: str) -> dict[str, bool]:
    """Read a card, whose blocks begin with a mark: disk → whether it is shown as firing."""
    return {
        f"disk {n} ": "⚪" not in block.splitlines()[0]
        for block in text.split("\n\n")
        for n in range(MEMBERS)
        if f"disk {n} is full" in block
    }


async def read_cards(local: LocalTelegram) -> list[Any]:
    """Read the messages that are no reply to another."""
    return [each for each in await local.messages(ADA) if not each["reply_to"]]


async def test_fifty_alerts_in_five_groups_and_half_of_them_over_are_shown_exactly(
    generation: str, programs: Programs, local: LocalTelegram
) -> None:
    bridge_port, port = free_port(), free_port()
    await programs.bridge(local, bridge_port, ALERT_CHAT_ID=PRIVATE)
    await programs.alertmanager(generation, shipped_alertmanager(bridge_port), port)
    url = f"http://127.0.0.1:{port}"
    since = real_now()
    await post(url, alerts(range(MEMBERS), since))
    await until(lambda: counted(local, firing=50, over=0), seconds=PATIENCE)
    await post(url, alerts(range(0, MEMBERS, 2), since, over=True))
    await until(lambda: counted(local, firing=25, over=25), seconds=PATIENCE)
    cards = await local.messages(ADA)
    assert len(cards) == GROUPS
    webhooks = (await figures(bridge_port))['opswire_webhooks_total{code="200"}']
    for card in cards:
        # Once, unless Alertmanager told of its ends in pieces.
        assert 1 <= card["edits"] <= webhooks - 2 * GROUPS + 1
        assert card["text"].count("could not confirm it") == MEMBERS // 2  # there is no Prometheus
        assert truth(card["text"]) == {f"disk {n} ": n % 2 == 1 for n in range(MEMBERS)}
    assert len({card["text"].splitlines()[0] for card in cards}) == GROUPS
    assert [call for call in await local.calls() if not call["ok"]] == []


async def counted(local: LocalTelegram, *, firing: int, over: int) -> bool:
    states = [state for card in await read_cards(local) for state in truth(card["text"]).values()]
    return states.count(True) == firing and states.count(False) == over


async def test_three_alertmanagers_that_all_deliver_tell_one_truth_also_when_one_is_killed(
    generation: str, programs: Programs, local: LocalTelegram
) -> None:
    bridge_port, ports = free_port(), [free_port() for _ in range(PEERS)]
    urls = [f"http://127.0.0.1:{port}" for port in ports]
    await programs.bridge(
        local, bridge_port, ALERT_CHAT_ID=PRIVATE, ALERTMANAGER_URL=",".join(urls)
    )
    cluster = await start_cluster(programs, generation, bridge_port, ports)
    since = real_now()
    # As Prometheus does: each of them hears of everything.
    for url in urls:
        await post(url, alerts(range(4), since))
    await until(lambda: counted(local, firing=4 * GROUPS, over=0), seconds=PATIENCE)
    await until(lambda: is_delivered(bridge_port, PEERS * GROUPS), seconds=PATIENCE)
    before = await local.messages(ADA)
    assert len(before) == GROUPS, "a card for each group, and nothing twice"
    await cluster[0].kill()
    changed = [*alerts([0, 1], since, over=True), *alerts([4], real_now())]
    for url in urls[1:]:
        await post(url, changed)
    await until(lambda: counted(local, firing=3 * GROUPS, over=2 * GROUPS), seconds=PATIENCE)
    count = (PEERS + PEERS - 1) * GROUPS
    await until(lambda: is_delivered(bridge_port, count), seconds=PATIENCE)
    await until(lambda: is_rung(local), seconds=PATIENCE)
    for card in await read_cards(local):
        shown = {f"disk {n} ": n > 1 for n in range(5)}
        assert truth(card["text"]) == shown
    assert len(await read_cards(local)) == GROUPS
    await until(lambda: is_accounted(bridge_port), seconds=PATIENCE)
    assert [call for call in await local.calls() if not call["ok"]] == []


async def start_cluster(
    programs: Programs, generation: str, bridge_port: int, ports: Sequence[int]
) -> list[Program]:
    """Start Alertmanagers that know each other and do not wait for each other's news."""
    mesh = [free_port() for _ in ports]
    peers = [f"--cluster.peer=127.0.0.1:{port}" for port in mesh]
    members = [
        await programs.alertmanager(
            generation,
            shipped_alertmanager(bridge_port),
            port,
            f"--cluster.listen-address=127.0.0.1:{own}",
            "--cluster.peer-timeout=1ms",
            # News travels with all three; who joins asks for it, and that is all there shall be.
            "--cluster.gossip-interval=1h",
            "--cluster.probe-interval=1h",
            "--cluster.pushpull-interval=1h",
            "--cluster.settle-timeout=5s",
            *peers,
        )
        for port, own in zip(ports, mesh, strict=True)
    ]

    async def have_met() -> bool:
        return all([await count_peers(port) == len(ports) for port in ports])

    await until(have_met, seconds=PATIENCE)
    return members


async def count_peers(port: int) -> int:
    async with plain_client(PATIENCE) as client:
        status = (await client.get(f"http://127.0.0.1:{port}/api/v2/status")).json()
    return len(status["cluster"].get("peers", ()))


async def is_delivered(bridge_port: int, webhooks: int) -> bool:
    """Say whether so many webhooks have come and everything they brought is shown."""
    now = await figures(bridge_port)
    is_idle = now["opswire_messages_waiting"] == 0
    return is_idle and now.get('opswire_webhooks_total{code="200"}', 0) >= webhooks


async def is_accounted(bridge_port: int) -> bool:
    """Say whether the bridge knows of every alert what became of it."""
    return (await figures(bridge_port))["opswire_alerts_unaccounted"] == 0


async def is_rung(local: LocalTelegram) -> bool:
    """Say whether every card has got its one short reply about the alert that came later."""
    replies = [each for each in await local.messages(ADA) if each["reply_to"]]
    assert len(replies) <= GROUPS
    assert all("disk 4 is full" in each["text"] and each["rings"] for each in replies)
    return len({each["reply_to"] for each in replies}) == GROUPS


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
    await until(lambda: refused(bridge_port), seconds=PATIENCE)
    assert await local.messages(ADA) == []
    assert "database" in await problem_of_the_store(bridge_port)
    await breaking.mend_store()

    async def all_shown() -> bool:
        return len(await local.messages(ADA)) == GROUPS

    await until(all_shown, seconds=2 * PATIENCE)


async def problem_of_the_store(bridge_port: int) -> str:
    """Read what /readyz complains of, once it does."""
    said = ""

    async def complains() -> bool:
        nonlocal said
        said = (await read_checks(bridge_port)).get("store", "")
        return "database" in said

    await until(complains, seconds=PATIENCE)
    return said


async def refused(bridge_port: int) -> bool:
    """Say whether the bridge has answered a webhook with 503."""
    return 'opswire_webhooks_total{code="503"}' in await figures(bridge_port)


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
            (self._state / "opswire.db").write_bytes(b"")
            (self._state / "bridge.lock").write_bytes(b"")
            self._state.chmod(0o500)
            (self._state / "opswire.db").chmod(0o400)
            wrap = ("setpriv", "--bounding-set=-dac_override", "--")
        self._bridge = await self._programs.bridge(
            local, port, *wrap, spans=CARDS_ALONE, ALERT_CHAT_ID=PRIVATE
        )

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
            (self._state / "opswire.db").chmod(0o600)

    async def _limit(self, size: str) -> None:
        pid = self._bridge.process.pid
        limit = await asyncio.create_subprocess_exec("prlimit", f"--pid={pid}", f"--fsize={size}")
        assert await limit.wait() == 0
