"""What is secret about letting a host in shows nowhere while real programs do it."""

from __future__ import annotations

import asyncio
import base64
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import pytest

from tests.fakes.local_telegram import LocalTelegram
from tests.live.conftest import Programs
from tests.live.fleet import Fleet

pytestmark = pytest.mark.live

HOST = "web-2"
PROC = Path("/proc")
LOOKS = 40
"""At each process: for two seconds."""


@dataclass
class Onlooker:
    """Somebody on the machine who reads the command line and environment of whatever is started."""

    seen: set[bytes] = field(default_factory=set)
    _is_over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def looking(self) -> Iterator[Self]:
        thread = threading.Thread(target=self._look)
        thread.start()
        try:
            yield self
        finally:
            self._is_over.set()
            thread.join()

    def has_seen(self, *words: str) -> bool:
        """Say whether a program was seen that was started with these words."""
        return any(b"\0".join(each.encode() for each in words) in said for said in self.seen)

    def _look(self) -> None:
        done = set(list_processes())
        looks = Counter[str]()
        while not self._is_over.wait(0.05):
            for pid in set(list_processes()) - done:
                looks[pid] += 1
                if looks[pid] == LOOKS:  # it has long become what it will be
                    done.add(pid)
                for name in ("cmdline", "environ"):
                    with suppress(OSError):
                        self.seen.add((PROC / pid / name).read_bytes())


class Watched(Fleet):
    """A fleet that remembers what its programs have said at the console."""

    said: list[subprocess.CompletedProcess[str]]

    def run(
        self, *command: str, told: str = "", **environ: str
    ) -> subprocess.CompletedProcess[str]:
        done = super().run(*command, told=told, **environ)
        self.said.append(done)
        return done


def list_processes() -> list[str]:
    return [each.name for each in PROC.iterdir() if each.name.isdigit()]


def read_secrets(fleet: Fleet, code: str) -> dict[str, bytes]:
    """Read everything that must show nowhere, in each form that it may be written in."""
    line = code.removeprefix("opswire1.")
    told = base64.urlsafe_b64decode(line + "=" * (-len(line) % 4))
    found = {"the code": line.encode(), "its secret": told.partition(b'"s":"')[2].split(b'"')[0]}
    own, bridge = fleet.folder / f"agent-{HOST}", fleet.folder / "state" / "agents"
    for path in (own / "key.pem", *bridge.glob("*.key")):
        written = b"".join(path.read_bytes().splitlines()[1:-1])
        found[f"{path.name} as it is written"] = written
        found[f"{path.name} itself"] = base64.b64decode(written)[-32:]
    for path in (own, bridge):
        found[f"the token in {path.name}"] = (path / "metrics_token").read_bytes().strip()
    return found


def find(secrets: dict[str, bytes], where: dict[str, bytes]) -> list[tuple[str, str]]:
    return [
        (place, name)
        for place, content in where.items()
        for name, secret in secrets.items()
        if secret in content
    ]


@pytest.fixture
async def fleet(tmp_path: Path, programs: Programs, local: LocalTelegram) -> Watched:
    fleet = Watched(tmp_path, programs, local)
    fleet.said = []
    (tmp_path / "agents.txt").write_text("Server 127.0.0.1:9100\n")
    return fleet


async def test_secrets_of_an_enrolment_show_in_no_list_of_processes_log_or_open_file(
    fleet: Watched,
) -> None:
    with Onlooker().looking() as onlooker:
        await fleet.start_bridge()
        fleet.list_host(HOST, 9202)
        code = await fleet.enrol(HOST)
        await fleet.start_agent(HOST)
        again = await asyncio.to_thread(
            fleet.run, "agent", "enrol", told=code + "\n", **fleet.own(HOST)
        )
        assert again.returncode != 0
        message = await fleet.ask(f"/op_exec {HOST} ps aux", "exit code 0")
    secrets = read_secrets(fleet, code)
    assert len(secrets) >= 12, "the bridge has an authority, a key for orders, and Prometheus's"
    assert min(map(len, secrets.values())) >= 16

    # It has really looked: at the console, at the enrolment, at the agent, and at what they know.
    for started in (("bridge", "enrol"), ("agent", "enrol"), ("-m", "agent")):
        assert onlooker.has_seen(*started)
    assert any(b"AGENT_STATE_DIR=" in each for each in onlooker.seen)
    assert find(secrets, {"/proc": b"\n".join(onlooker.seen)}) == []

    logs = {path.name: path.read_bytes() for path in fleet.folder.rglob("*.log")}
    assert len(logs) >= 2
    assert find(secrets, logs) == []

    given, *others = fleet.said
    *words, last = given.stdout.splitlines()
    assert last == code, "on the last line of the console, and nowhere else"
    said = [*words, given.stderr, *(each.stdout + each.stderr for each in others)]
    said += [each["text"] or each["caption"] or "" for each in await fleet.read()]
    assert message["text"] in said
    assert find(secrets, {"what is said": "\n".join(said).encode()}) == []

    kept, everybodys = {}, {}
    for path in fleet.folder.rglob("*"):
        with suppress(FileNotFoundError):  # the programs run, and write anew
            if path.is_file():
                kept[path] = path.read_bytes()
                if path.stat().st_mode & 0o077:
                    everybodys[str(path)] = kept[path]
    assert str(fleet.folder / "agents.txt") in everybodys
    assert find(secrets, everybodys) == []
    one_time = {name: secrets[name] for name in ("the code", "its secret")}
    assert find(one_time, {str(path): text for path, text in kept.items()}) == []
