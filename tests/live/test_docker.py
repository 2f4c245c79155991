"""The stack in containers, on a real engine, by the shipped compose file."""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.live import inside
from tests.live.conftest import until
from tests.live.engine import Engine, gather, open_engine, put_clients
from tests.live.guards import find_rights, list_listened
from tests.live.images import put_images, read_tags
from tests.live.test_first_light import PAGE, copy_project

pytestmark = pytest.mark.live

START_SECONDS = 240  # a busy machine needs a minute for the bridge alone
# The promise of seconds is kept in test_first_light.py; here much else goes on meanwhile.
CARD_SECONDS = 240
FLOW_SECONDS = 240
GUARD_SECONDS = 30
END_SECONDS = 180  # Prometheus alone may have a minute
ALERTMANAGER = "http://127.0.0.1:9093"
GATEWAY = re.compile(r"172\.29\.\d+\.1")
PROFILES = ("", "grafana", "sandbox", "cadvisor", "grafana,sandbox,cadvisor")
SERVICES = {
    *("config", "sandbox", "bridge", "prometheus", "alertmanager"),
    *("node_exporter", "blackbox_exporter"),
}
OPTIONAL = {"1": {"grafana", "cadvisor"}, "2": set[str]()}
# While a card is awaited Prometheus is not among them: it would begin to count an outage anew.
RESTARTED = {
    "1": tuple(sorted(SERVICES)),
    "2": ("bridge", "sandbox", "alertmanager", "config", "blackbox_exporter"),
}
STRANGER = 1234


@dataclass(frozen=True, kw_only=True)
class House:
    """A clone of the project beside an engine, and a place in its network."""

    generation: str
    """Of Compose."""
    project: Path
    engine: Engine
    clients: Path
    network: ThreadPoolExecutor

    @property
    def environ(self) -> dict[str, str]:
        """What start.sh is called with: the clients, and the way to the engine."""
        path = f"{self.clients}:{os.environ['PATH']}"
        folder = str(self.clients / "configuration")
        return {**self.engine.environ, "PATH": path, "DOCKER_CONFIG": folder}

    async def start_sh(self, *words: str) -> tuple[int | None, str]:
        """Call start.sh: exit code and what it said."""
        process = await asyncio.create_subprocess_exec(
            *self.engine.inside("./start.sh", *words),
            cwd=self.project,
            env=self.environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said = (await process.communicate())[0].decode()
        return process.returncode, said

    async def say(self, *words: str) -> str:
        """Call start.sh for something that must succeed."""
        code, said = await self.start_sh(*words)
        assert code == 0, said
        return said

    async def ask(self, method: str, url: str, **more: Any) -> httpx.Response:
        """Speak HTTP where the engine publishes its ports."""

        def ask() -> httpx.Response:
            with httpx.Client(trust_env=False, timeout=60) as client:
                return client.request(method, url, **more)

        return await asyncio.get_running_loop().run_in_executor(self.network, ask)

    def containers(self) -> dict[str, dict[str, Any]]:
        """Inspect what runs, by the name of its service."""
        numbers = self.engine.docker("ps", "--quiet").split()
        return {
            each["Config"]["Labels"]["com.docker.compose.service"]: each
            for each in self.engine.inspect(*numbers)
        }


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    gather()
    with open_engine(tmp_path_factory.mktemp("docker") / "engine") as engine:
        put_images(engine)
        yield engine


@pytest.fixture(params=["2", "1"])
def house(request: pytest.FixtureRequest, engine: Engine, tmp_path: Path) -> Iterator[House]:
    project = copy_project(tmp_path)
    lend_packages(project)
    clients = put_clients(tmp_path / "clients", request.param)
    with ThreadPoolExecutor(1, initializer=inside.enter, initargs=(engine.pid,)) as network:
        yield House(
            generation=request.param,
            project=project,
            engine=engine,
            clients=clients,
            network=network,
        )
    engine.clear()  # the next one begins with nothing


def lend_packages(project: Path) -> None:
    """Let the clone use the packages of these tests; it finds them complete and installs none."""
    python = project / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    pins = (project / "deploy" / "requirements" / "dev.txt").read_bytes()
    stamp = hashlib.sha256(pins).hexdigest()
    (project / ".venv" / ".opswire-dev").write_text(f"{stamp}\n")


@asynccontextmanager
async def running(house: House) -> AsyncIterator[tuple[str, dict[str, str]]]:
    """Run ./start.sh, and answer the page's address and what opens it.

    The README's one command finds the engine by itself; the other generation is asked for it.
    """
    words = () if house.generation == "2" else ("--docker",)
    profiles = ",".join(OPTIONAL[house.generation])
    (house.project / ".env").write_text(f"COMPOSE_PROFILES={profiles}\n")
    log = house.project.parent / "start.log"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *house.engine.inside("./start.sh", *words),
            cwd=house.project,
            env=house.environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    try:

        async def page_is_printed() -> bool:
            assert process.returncode is None, log.read_text()
            return PAGE.search(log.read_text()) is not None

        await until(page_is_printed, seconds=START_SECONDS)
        found = PAGE.search(log.read_text())
        assert found is not None
        await until(lambda: is_well(house), seconds=START_SECONDS, step=2)
        yield found[1], {"Authorization": f"Bearer {found[2]}"}
    except BaseException as fault:
        fault.add_note("\n".join([log.read_text(), *house.engine.tell_last_words()]))
        raise
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), END_SECONDS)
        except TimeoutError:
            process.kill()
            raise
    assert "everything is stopped" in log.read_text()


async def is_well(house: House) -> bool:
    """Say whether every container is healthy, by start.sh's own account."""
    return (await house.start_sh("status"))[0] == 0


def inspect_guards(house: House) -> None:
    """See what the running containers may do, by the engine's account and by the kernel's."""
    found = house.containers()
    assert set(found) == SERVICES | OPTIONAL[house.generation]
    for name, each in found.items():
        host = each["HostConfig"]
        is_root = name == "cadvisor"  # the one, and without a capability all the same
        assert (each["Config"]["User"].split(":")[0] in {"", "0", "root"}) == is_root, name
        assert host["ReadonlyRootfs"], name
        # docs/containers.md: the list of capabilities that any of them needs is empty.
        assert (host["CapDrop"], host["CapAdd"] or []) == (["ALL"], []), name
        assert not host["Privileged"], name
        assert "no-new-privileges:true" in host["SecurityOpt"], name
        assert host["Memory"] > 0, name
        assert host["PidsLimit"] == 256, name
        assert host["LogConfig"]["Config"] == {"max-size": "5m", "max-file": "3"}, name
        assert {
            published["HostIp"]
            for bindings in (host["PortBindings"] or {}).values()
            for published in bindings or []
        } <= {"127.0.0.1"}, name
        given = [line for line in each["Config"]["Env"] or [] if not line.endswith("=")]
        assert not any(line.split("=")[0].endswith(("TOKEN", "PASSWORD")) for line in given), name
        # Who is let in to look at its health is the engine's own until its rights are given up.
        deadline = time.monotonic() + GUARD_SECONDS
        while wrong := find_rights(each["State"]["Pid"], is_root=is_root):
            assert time.monotonic() < deadline, (name, wrong)
            time.sleep(0.2)
    listened = {ipaddress.ip_address(host) for host in list_listened(house.engine.pid)}
    others = [str(each) for each in listened if not each.is_loopback]
    assert len(others) == 1, others
    assert GATEWAY.fullmatch(others[0]), "the exporter of this machine, where containers reach it"


async def see_what_is_optional(house: House) -> None:
    """See Grafana answer with a password that a start showed once, and Prometheus ask cAdvisor."""
    if not OPTIONAL[house.generation]:
        return
    kept = (house.project / "secrets" / "grafana_admin_password").read_text().strip()
    log = (house.project.parent / "start.log").read_text()
    assert f"Grafana's user is admin, its password: {kept}\n" in log
    assert (await house.ask("GET", "http://127.0.0.1:3000/api/health")).text == "ok\n"

    async def cadvisor_is_asked() -> bool:
        answer = await house.ask("GET", "http://127.0.0.1:9090/api/v1/targets")
        return "cadvisor:8080" in answer.text

    await until(cadvisor_is_asked, seconds=FLOW_SECONDS, step=1)


async def send(house: House, names: list[str]) -> bool:
    """Send alerts as Prometheus does: again and again, whoever is away."""
    now = datetime.fromtimestamp(time.time(), tz=UTC)
    alerts = [
        {
            "labels": {"alertname": "Flowing", "severity": "warning", "host": name},
            "annotations": {"summary": f"{name} flows"},
            "startsAt": (now - timedelta(minutes=1)).isoformat(),
            "endsAt": (now + timedelta(hours=1)).isoformat(),
        }
        for name in names
    ]
    try:
        answer = await house.ask("POST", f"{ALERTMANAGER}/api/v2/alerts", json=alerts)
    except httpx.HTTPError:
        return False
    return answer.is_success


async def restore_what_was_backed_up(house: House) -> None:
    """Make a backup while the bridge runs, change something, and bring back what was."""
    backup = str(house.project.parent / "opswire.zip")
    await house.say("console", "people", "add", "1002", "viewer")
    assert f"{backup} holds" in await house.say("console", "backup", backup)
    await house.say("console", "people", "remove", "1002")
    code, said = await house.start_sh("console", "restore", backup)
    assert (code, "another bridge is running" in said) == (2, True), said
    await house.say("stop", "bridge")
    assert "All of it is back" in await house.say("console", "restore", backup)
    await house.say("start", "bridge")
    assert "1002" in await house.say("console", "people", "list")
    assert "sound" in await house.say("console", "audit", "verify")


async def read_texts(house: House, url: str, bearer: dict[str, str]) -> list[str]:
    """Read what the bot wrote to the chat; nothing while the chat itself is being restarted."""
    try:
        answer = await house.ask("GET", f"{url}/control/chats/-2001/messages", headers=bearer)
    except httpx.HTTPError:
        return []
    return [each["text"] or "" for each in answer.json()["messages"] if each["from"]["is_bot"]]


async def restart_all(house: House, read: Callable[[], Awaitable[list[str]]]) -> None:
    """Restart one container after the other while alerts flow, and see every one of them shown."""
    flowing: list[str] = []
    for service in RESTARTED[house.generation]:
        flowing.append(f"flow-{service.replace('_', '-')}")
        await until(lambda: send(house, flowing), seconds=FLOW_SECONDS, step=0.5)
        number = house.containers()[service]["Id"]
        await asyncio.to_thread(house.engine.docker, "restart", number)

    async def all_flowed() -> bool:
        await send(house, flowing)
        said = "\n".join(await read())
        return all(f"{name} flows" in said for name in flowing)

    await until(all_flowed, seconds=FLOW_SECONDS, step=2)


@pytest.mark.parametrize("profiles", PROFILES, ids=lambda profiles: profiles or "none")
def test_the_compose_files_own_check_has_nothing_to_say(house: House, profiles: str) -> None:
    command = ["docker", "compose"] if house.generation == "2" else ["docker-compose"]
    program = shutil.which(command[0], path=house.environ["PATH"])
    assert program is not None
    done = subprocess.run(
        [program, *command[1:], "config", "-q"],
        cwd=house.project,
        env={**house.environ, "COMPOSE_PROFILES": profiles},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


async def test_a_volume_of_another_users_is_said_with_the_command_that_makes_it_ours(
    house: House,
) -> None:
    place = "/var/lib/opswire/state"
    volume = ("--volume", "opswire_bridge:/var/lib/opswire", "--entrypoint", "sh")
    image = f"opswire:{read_tags()['opswire']}"
    network = ("--network", "none")
    house.engine.docker(
        *("run", "--rm", *network, "--user", f"{STRANGER}", *volume, image),
        *("-c", f"echo kept >{place}"),
    )
    code, said = await house.start_sh("--docker")
    assert (code, said.count(f"state in it belongs to {STRANGER}")) == (1, 1), said
    assert house.engine.docker("ps", "--all", "--quiet") == "", "nothing tries for ever"
    [command] = re.findall(r"(?m)^  docker (run .*)$", said)
    house.engine.docker("run", *network, *command.split()[1:])
    look = f"ls -ln {place} && cat {place}"
    shown = house.engine.docker("run", "--rm", *network, *volume, image, "-c", look)
    assert re.search(r" 10001 +10001 (.|\n)*\nkept$", shown), shown


async def test_no_alert_is_lost_while_every_container_restarts_and_a_stopped_exporter_is_a_card(
    house: House,
) -> None:
    is_card_awaited = house.generation == "2"  # it takes a minute; the other one restarts all
    async with running(house) as (url, bearer):

        async def read() -> list[str]:
            return await read_texts(house, url, bearer)

        async def card_is_there() -> bool:
            return any("AgentDown" in text and "Server" in text for text in await read())

        inspect_guards(house)
        await see_what_is_optional(house)
        if is_card_awaited:
            assert "card" in await house.say("stop", "node_exporter")
        await restart_all(house, read)
        if is_card_awaited:
            await restore_what_was_backed_up(house)
            await until(card_is_there, seconds=CARD_SECONDS, step=1)
            assert "is up" in await house.say("start", "node_exporter")
        assert "1001" in await house.say("console", "people", "list")
        code, said = await house.start_sh("doctor")
        assert "engine" in said
        assert code in {0, 1}, "what was restarted may not have been asked again yet"
    assert (await house.start_sh("status"))[1].startswith("nothing runs")
