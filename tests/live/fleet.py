"""Real agents, a real bridge, and people who give commands in its chat."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fakes.local_telegram import ADA, LocalTelegram
from tests.live.conftest import NOWHERE, PATIENCE, TOKEN, Program, Programs, until
from tests.ports import free_port
from tests.programs import ROOT

BORIS, MALLORY = 1002, 1666
SLEEPER = str(10_000_000 + os.getpid())
"""How long the commands of these tests would sleep: nothing else on the machine does."""


@dataclass
class Fleet:
    """A bridge, its agents, and the people who speak to them."""

    folder: Path
    programs: Programs
    local: LocalTelegram
    port: int = field(default_factory=free_port)
    door: int = field(default_factory=free_port)
    bridge: Program | None = None
    agents: dict[str, Program] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, str]:
        return {
            "STATE_DIR": str(self.folder / "state"),
            "AGENTS_FILE": str(self.folder / "agents.txt"),
            "AGENTS_PORT": str(self.door),
            "ALLOWED_USERS": str(ADA),
        }

    async def start_bridge(self) -> None:
        self.bridge = await self.programs.bridge(self.local, self.port, spans=None, **self.settings)

    def run(
        self, *command: str, told: str = "", **environ: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a short program of ours."""
        clean = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environ}
        return subprocess.run(
            [sys.executable, "-m", *command],
            env=clean,
            input=told,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            cwd=self.folder,
            check=False,
        )

    def own(self, name: str) -> dict[str, str]:
        """Give the settings of a host's agent."""
        port = self.ports.setdefault(name, free_port())
        return {
            "AGENT_PORT": str(port),
            "AGENT_STATE_DIR": str(self.folder / f"agent-{name}"),
            "AGENT_CEILING_FILE": str(self.folder / f"ceiling-{name}"),
            "AGENT_ACTIONS_FILE": str(self.folder / f"actions-{name}.yml"),
            "AGENT_AUTH_LOG": str(self.folder / f"auth-{name}.log"),
            "AGENT_ROOT_SOCKET": str(self.folder / "none.sock"),
        }

    async def enrol(self, name: str) -> str:
        """Give a host its agent, as a person at the console does; answer the code."""
        own = self.own(name)
        given = await asyncio.to_thread(
            self.run,
            *("bridge", "enrol", name, f"127.0.0.1:{own['AGENT_PORT']}"),
            BOT_TOKEN=self.local.sandbox.bot_token,
            TELEGRAM_API_BASE=self.local.sandbox.url,
            PROMETHEUS_URL=NOWHERE,
            ALERTMANAGER_URL=NOWHERE,
            SERVER_PORT=str(self.port),
            WEBHOOK_TOKEN=TOKEN,
            **self.settings,
        )
        assert given.returncode == 0, given.stderr
        code = given.stdout.splitlines()[-1]
        taken = await asyncio.to_thread(self.run, "agent", "enrol", told=code + "\n", **own)
        assert taken.returncode == 0, taken.stderr
        return code

    def list_host(self, name: str, port: int) -> None:
        """Write a host of the inventory; nobody exports anything there."""
        with (self.folder / "agents.txt").open("a") as file:
            file.write(f"{name} 127.0.0.1:{port}\n")

    async def start_agent(self, name: str) -> None:
        agent = await self.programs.start(sys.executable, "-m", "agent", environ=self.own(name))
        self.agents[name] = agent

        async def listens() -> bool:
            assert agent.process.returncode is None, agent.log.read_text()
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.ports[name])
            except OSError:
                return False
            writer.close()
            return True

        await until(listens, seconds=PATIENCE)

    async def read(self, chat: int = ADA) -> list[Any]:
        return await self.local.messages(chat)

    async def say(self, text: str, person: int = ADA) -> int:
        """Say something; answer how many messages stood there before."""
        before = len(await self.read(person))
        await self.local.post("/say", chat_id=person, person_id=person, text=text)
        return before

    async def last(
        self, before: int, words: str, person: int = ADA, seconds: float = PATIENCE
    ) -> Any:
        """Wait until one of the newer messages holds some words; give it."""
        found: list[Any] = []

        async def is_there() -> bool:
            found[:] = [
                each
                for each in (await self.read(person))[before:]
                if re.search(words, each["text"] or each["caption"] or "")
            ]
            return bool(found)

        try:
            await until(is_there, seconds=seconds)
        except TimeoutError:
            texts = [each["text"] for each in (await self.read(person))[before:]]
            raise AssertionError(f"nothing says {words!r}: {texts}") from None
        return found[-1]

    async def ask(self, text: str, words: str, person: int = ADA) -> Any:
        """Say something, and wait until an answer holds some words."""
        return await self.last(await self.say(text, person), words, person)

    async def press(self, message: Any, label: str, person: int = ADA) -> None:
        for row, buttons in enumerate(message["inline_keyboard"]):
            for column, each in enumerate(buttons):
                if label in each["text"]:
                    where = {"chat_id": message["chat_id"], "message_id": message["message_id"]}
                    await self.local.post(
                        "/press", **where, person_id=person, row=row, column=column
                    )
                    return
        raise AssertionError(f"no button {label}")


def sleepers() -> list[str]:
    """List the processes that these tests have left asleep."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if SLEEPER.encode() in words:
                found.append(entry.name)
    return found


async def nothing_sleeps() -> bool:
    return not sleepers()


async def one_sleeps() -> bool:
    return bool(sleepers())


async def two_sleep() -> bool:
    return len(sleepers()) >= 2
