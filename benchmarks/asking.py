"""From a person's command to the picture that Telegram accepts, with everything real in between.

`/mon_cpu_picture <host> 60` is written in the private chats of a local Telegram that paces nobody.
The bridge is a process of its own, fetches the update, asks a real Prometheus, has the picture
drawn and sends it. Time runs from the update's acceptance to that of the picture, both by the
local Telegram. The loop's lag is measured in a second bridge, which runs in this process.

Run from the top of the project: `.venv/bin/python -m benchmarks.asking`.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from benchmarks.bridges import GROUP, open_bridge_process
from benchmarks.charts import open_prometheus, watch_lag
from benchmarks.printing import print_spread
from benchmarks.telegrams import RunningTelegram, open_telegram_process
from bridge.app import open_bridge
from bridge.settings import Settings
from deploy.stack.binaries import GENERATIONS
from tests.live.conftest import NOWHERE, TOKEN, Programs
from tests.ports import free_port

WARM_UP = 5  # pictures before anything counts
LONGEST = 60.0  # seconds until a picture is given up
LOOK = 0.02  # seconds between two looks at the log of calls
PAUSE = 1.0  # seconds between two waves: each chat carries four messages in four seconds


@dataclass
class Crowd:
    """People who ask, each about a host of their own."""

    telegram: RunningTelegram
    people: list[int]
    seen: int = 0
    """The number of the last call that was looked at."""
    shown: dict[int, tuple[float, str]] = field(default_factory=dict)
    """Chat → when its last picture was accepted, and its caption."""

    def host_of(self, person: int) -> str:
        """Tell about which host somebody asks."""
        return f"web-{self.people.index(person)}"

    async def say(self, person: int, text: str) -> float:
        """Write something; answer when it was accepted, in seconds since the epoch."""
        await self.telegram.post("/say", chat_id=person, person_id=person, text=text)
        return time.time()

    async def ask(self, person: int) -> float:
        """Ask for a picture; answer when that was accepted."""
        self.shown.pop(person, None)
        return await self.say(person, f"/mon_cpu_picture {self.host_of(person)} 60")

    async def wait_for(self, people: list[int], *, longest: float = LONGEST) -> None:
        """Wait until each of them has a picture."""
        async with asyncio.timeout(longest):
            while not all(each in self.shown for each in people):
                await asyncio.sleep(LOOK)
                await self._look()

    async def _look(self) -> None:
        query = {"after": self.seen, "limit": 1000}
        answer = await self.telegram.control.get("/calls", params=query)
        answer.raise_for_status()
        for call in answer.json()["calls"]:
            self.seen = call["seq"]
            if call["method"] == "sendPhoto" and call["ok"]:
                at = datetime.fromisoformat(call["at"]).timestamp()
                self.shown[call["chat_id"]] = (at, call["parameters"].get("caption", ""))


async def gather_crowd(telegram: RunningTelegram, number: int) -> Crowd:
    """Make so many people."""
    made = [await telegram.post("/people", first_name=f"Asker {each}") for each in range(number)]
    return Crowd(telegram, [each["person"]["id"] for each in made])


async def measure_one_by_one(crowd: Crowd, count: int) -> None:
    """Ask for one picture after the other."""
    spans = []
    for turn in range(-WARM_UP, count):
        person = crowd.people[turn % len(crowd.people)]
        began = await crowd.ask(person)
        await crowd.wait_for([person])
        if turn >= 0:
            spans.append(1000 * (crowd.shown[person][0] - began))
    print_spread("one by one", spans, unit="ms")


async def ask_at_once(crowd: Crowd) -> float:
    """Have everybody ask at the same time; answer how many pictures came a second."""
    began = min(await asyncio.gather(*(crowd.ask(each) for each in crowd.people)))
    await crowd.wait_for(crowd.people)
    ended = max(at for at, _ in crowd.shown.values())
    wrong = [each for each in crowd.people if crowd.host_of(each) not in crowd.shown[each][1]]
    if wrong:
        raise RuntimeError(f"{len(wrong)} were shown another host")
    return len(crowd.people) / (ended - began)


async def measure_process(
    programs: Programs, crowd: Crowd, environ: Mapping[str, str], given: Any
) -> None:
    """Ask a bridge that is a process of its own."""
    async with open_bridge_process(programs, environ) as bridge:
        await crowd.ask(crowd.people[0])
        await crowd.wait_for(crowd.people[:1])
        print(f"bridge after the first picture: {bridge.memory():6.1f} MB", flush=True)
        await measure_one_by_one(crowd, given.count)
        await asyncio.sleep(PAUSE)
        size, asked = len(crowd.people), 0
        print(f"{size} at once at {await ask_at_once(crowd):.1f} a second", flush=True)
        while asked < given.memory:
            await asyncio.sleep(PAUSE)
            await ask_at_once(crowd)
            asked += size
            if asked % (5 * size) == 0 or asked >= given.memory:
                print(f"bridge after {asked:5} more: {bridge.memory():6.1f} MB", flush=True)


async def measure_lag(telegram: RunningTelegram, crowd: Crowd, environ: Mapping[str, str]) -> None:
    """Ask a bridge in this process, whose loop does nothing else meanwhile."""
    async with open_bridge(Settings.load(environ), token=TOKEN):
        await crowd.ask(crowd.people[0])
        await crowd.wait_for(crowd.people[:1])
        await asyncio.sleep(PAUSE)
        async with watch_lag() as lags:
            await asyncio.to_thread(_write_all, telegram, crowd)
            await asyncio.sleep(len(crowd.people) / 10)
        await crowd.wait_for(crowd.people)
        print_spread(f"lag with {len(crowd.people)} at once", lags, unit="ms")


def _write_all(telegram: RunningTelegram, crowd: Crowd) -> None:
    crowd.shown.clear()
    with httpx.Client(
        base_url=telegram.control.base_url, headers=telegram.control.headers, trust_env=False
    ) as client:
        for person in crowd.people:
            text = f"/mon_cpu_picture {crowd.host_of(person)} 60"
            said = {"chat_id": person, "person_id": person, "text": text}
            client.post("/say", json=said).raise_for_status()


@asynccontextmanager
async def open_scene(
    folder: Path, given: Any
) -> AsyncIterator[tuple[Programs, RunningTelegram, Crowd, dict[str, str]]]:
    """Run Prometheus and a local Telegram with people in it; give the bridge's settings."""
    hosts = [f"web-{number}" for number in range(given.people)]
    lines = (f"{host} 127.0.0.1:{10_000 + number}\n" for number, host in enumerate(hosts))
    (folder / "agents.txt").write_text("".join(lines))  # nobody is there: Prometheus has it all
    async with AsyncExitStack() as stack:
        programs = Programs(folder, stack)
        telegram = await stack.enter_async_context(
            open_telegram_process(programs, "unpaced", paced=False)
        )
        url, _ = await stack.enter_async_context(open_prometheus(folder, given.generation, hosts))
        crowd = await gather_crowd(telegram, given.people)
        yield (
            programs,
            telegram,
            crowd,
            {
                "BOT_TOKEN": telegram.bot_token,
                "TELEGRAM_API_BASE": telegram.url,
                "PROMETHEUS_URL": url,
                "AGENTS_FILE": str(folder / "agents.txt"),
                "ALLOWED_USERS": ",".join(map(str, crowd.people)),
            },
        )


async def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.asking",
        description="From a person's command to the picture that Telegram accepts.",
    )
    parser.add_argument("--people", type=int, default=50, help="who ask at once")
    parser.add_argument("--count", type=int, default=200, help="pictures one by one")
    parser.add_argument("--memory", type=int, default=1000, help="pictures for the memory")
    parser.add_argument("--generation", choices=GENERATIONS, default="current")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        async with open_scene(Path(name), given) as (programs, telegram, crowd, environ):
            await measure_process(programs, crowd, environ, given)
            state = Path(name) / "inside"
            state.mkdir()
            inside = {
                **environ,
                "STATE_DIR": str(state),
                "ALERTMANAGER_URL": NOWHERE,
                "ALERT_CHAT_ID": str(GROUP),
                "SERVER_PORT": str(free_port()),
                "TIMEZONE": "UTC",
            }
            await measure_lag(telegram, crowd, inside)


if __name__ == "__main__":
    asyncio.run(main())
