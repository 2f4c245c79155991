"""A bridge as a process of its own, and what a benchmark asks of it from outside."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import aiohttp

from tests.live.conftest import TOKEN, Program, Programs
from tests.ports import free_port

NO_BOT = "7000000001:" + "A" * 35  # nobody listens where it is told to call
GROUP = -2001


@dataclass(frozen=True)
class Stored:
    """How much the store holds at one moment."""

    episodes: int
    journal: int
    """Webhooks that are kept but not read yet."""

    def alerts(self, each: int) -> int:
        """Count alerts, where every webhook brings so many."""
        return self.episodes + self.journal * each


@dataclass(frozen=True)
class RunningBridge:
    """A bridge's process, its door and its store."""

    program: Program
    url: str
    database: Path
    door: aiohttp.ClientSession

    async def post(self, body: bytes, path: str = "/alerts") -> int:
        """Send a webhook; answer the status, 0 where the connection failed."""
        try:
            async with self.door.post(self.url + path, data=body) as answer:
                await answer.read()
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return 0

    async def figures(self) -> str:
        """Read the bridge's own metrics."""
        async with self.door.get(f"{self.url}/metrics") as answer:
            return await answer.text()

    async def stored(self) -> Stored:
        """Count what is in the store, whether the bridge runs or not."""
        return await asyncio.to_thread(count_stored, self.database)

    def memory(self) -> float:
        """Tell how much memory the process holds, in MB."""
        status = Path(f"/proc/{self.program.process.pid}/status").read_text(encoding="ascii")
        line = next(each for each in status.splitlines() if each.startswith("VmRSS:"))
        return int(line.split()[1]) / 1024


def count_stored(database: Path) -> Stored:
    """Count episodes and unread webhooks, so that none is missed in between or counted twice."""
    kept: list[int] = []
    name = ""
    inbox = database.with_name(f"{database.stem}.inbox{database.suffix}")
    if inbox.exists():
        # First: what is folded before the next look is below the mark by then.
        with closing(_connect(inbox)) as connection:
            name = connection.execute("SELECT name FROM inbox").fetchone()[0]
            kept = [number for (number,) in connection.execute("SELECT id FROM journal")]
    with closing(_connect(database)) as connection:
        connection.execute("BEGIN")
        found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        tables = {str(name) for (name,) in found}
        episodes = connection.execute("SELECT count(*) FROM episodes").fetchone()[0]
        journal = 0
        if "journal" in tables:
            journal = connection.execute("SELECT count(*) FROM journal").fetchone()[0]
        if "inboxes" in tables:
            mark = "SELECT folded_to FROM inboxes WHERE name = ?"
            folded_to = (connection.execute(mark, (name,)).fetchone() or (0,))[0]
            journal += sum(number > folded_to for number in kept)
        return Stored(episodes, journal)


def _connect(file: Path) -> sqlite3.Connection:
    # Writing is allowed: after a kill the first reader brings the log into the file.
    address = f"{file.absolute().as_uri()}?mode=rw"
    return sqlite3.connect(address, uri=True, timeout=30)


@asynccontextmanager
async def open_bridge_process(
    programs: Programs, settings: Mapping[str, str] = MappingProxyType({}), *, connections: int = 64
) -> AsyncIterator[RunningBridge]:
    """Start a bridge; unless told otherwise nothing listens where its Telegram should be."""
    port = free_port()
    nobody = f"http://127.0.0.1:{free_port()}"
    state = programs.folder / "state"
    database = state / "opswire.db"
    environ = {
        "STATE_DIR": str(state),
        "DATABASE_URL": f"sqlite:///{database}",
        "BOT_TOKEN": NO_BOT,
        "TELEGRAM_API_BASE": nobody,
        "PROMETHEUS_URL": nobody,
        "ALERTMANAGER_URL": nobody,
        "ALERT_CHAT_ID": str(GROUP),
        "SERVER_PORT": str(port),
        "AGENTS_PORT": str(free_port()),
        "WEBHOOK_TOKEN": TOKEN,
        "TIMEZONE": "UTC",
        **settings,
    }
    url = f"http://127.0.0.1:{port}"
    program = await programs.start(
        sys.executable, "-m", "bridge", ready=f"{url}/healthz", environ=environ
    )
    async with aiohttp.ClientSession(
        headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
        connector=aiohttp.TCPConnector(limit=connections),
        timeout=aiohttp.ClientTimeout(total=30),
    ) as door:
        yield RunningBridge(program, url, database, door)
