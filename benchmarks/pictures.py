"""The pictures of the manual, taken from the chat page: `python -m benchmarks.pictures`.

A local Telegram, a Prometheus that has seen a busy quarter of an hour, a bridge and a browser; what
the chat shows is photographed into docs/images, and its words are kept beside the pictures, so that
a test can tell when a picture shows what no chat shows any more.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import math
import re
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.async_api import Browser, Locator, Page, ViewportSize, async_playwright, expect

from benchmarks.bodies import write_member, write_moment, write_webhook
from benchmarks.bridges import GROUP, RunningBridge, open_bridge_process
from benchmarks.telegrams import RunningTelegram, open_telegram_process
from deploy.stack.binaries import GENERATIONS
from tests.live.conftest import Programs, real
from tests.ports import free_port
from tests.sandbox_page.conftest import CHROMIUM_ARGUMENTS

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
WORDS = "words.json"
HOST, ADA = "Server", 1001
BEFORE, AFTER = 1800, 900  # seconds around now that Prometheus knows of: nothing may turn stale
SCRAPE = 15
THRESHOLD = 80
WIDTH, HEIGHT, TALL, SCALE = 390, 640, 1200, 1.5
GAP, PAPER = 24, (245, 243, 238)  # between two pictures that stand side by side
PATIENCE = 60.0  # seconds until something that should show is given up
ATTEMPTS = 5  # to have a chart drawn
STORM_HOSTS, STORM_ALERTS = 40, 10
_FIGURES = re.compile(r"\d+(?:[.:,]\d+)*")
_MIDNIGHT = re.compile(r"\d{4}-\d\d-\d\d | UTC (?=–)|(?<=–) ")  # noqa: RUF001 - a dash
"""What is written beside a time of the day before: its date, and in a period the zone twice."""
_AGES = re.compile(r"0 (?:s|min|h|d)\b(?: 0 (?:s|min|h)\b)*")
_PASSING = re.compile(r"0|edited 0")  # times in the corner of a message


def write_samples(now: int) -> str:
    """Write what a Prometheus would have recorded of a host that was busy and then less so."""

    def busy(at: float) -> float:
        return 42 + 49 * math.exp(-(((at + 170) / 260) ** 2)) + 3 * math.sin(at / 31)

    about = f'host="{HOST}"'
    curves: Mapping[str, Callable[[int], float]] = {
        f"host:cpu_busy_percent:rate2m{{{about}}}": busy,
        f"host:threshold:cpu{{{about}}}": lambda _: THRESHOLD,
        f"host:load1_per_core{{{about}}}": lambda at: 0.55 + 0.35 * math.sin(at / 190),
        f"host:threshold:load{{{about}}}": lambda _: 0.8,
        f'up{{{about},job="node",instance="127.0.0.1:9100"}}': lambda _: 1,
    }
    lines: list[str] = []
    for series, curve in curves.items():
        lines.append(f"# TYPE {series.partition('{')[0]} gauge")
        lines += [f"{series} {curve(at - now):.4f} {at}" for at in _moments(now)]
    alert = f'ALERTS{{alertname="AgentHighCPU",alertstate="firing",resource="cpu",{about}}}'
    firing = [at for at in _moments(now) if at - now > -300 and busy(at - now) > THRESHOLD]
    return "\n".join(
        [*lines, "# TYPE ALERTS gauge", *(f"{alert} 1 {at}" for at in firing), "# EOF\n"]
    )


def _moments(now: int) -> range:
    return range(now - BEFORE, now + AFTER, SCRAPE)


@asynccontextmanager
async def open_prometheus(programs: Programs, generation: str) -> AsyncIterator[str]:
    """Run a Prometheus that knows of it."""
    folder = programs.folder
    (folder / "samples").write_text(write_samples(int(time.time()) // SCRAPE * SCRAPE))
    (folder / "prometheus.yml").write_text("global: {}\n")
    promtool = await asyncio.create_subprocess_exec(
        str(real(generation, "promtool")),
        *("tsdb", "create-blocks-from", "openmetrics", "samples", "data"),
        cwd=folder,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    await promtool.wait()
    url = f"127.0.0.1:{free_port()}"
    await programs.start(
        str(real(generation, "prometheus")),
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=data",
        f"--web.listen-address={url}",
        ready=f"http://{url}/-/ready",
    )
    yield f"http://{url}"


@dataclass
class Studio:
    """Where pictures are taken."""

    browser: Browser
    telegram: RunningTelegram
    bridge: RunningBridge
    page_token: str
    folder: Path
    words: dict[str, list[str]] = field(default_factory=dict)
    """What each picture shows, without its figures."""

    @asynccontextmanager
    async def open_chat(
        self, chat_id: int, scheme: str, height: int = HEIGHT
    ) -> AsyncIterator[Page]:
        """Open a chat on a phone."""
        context = await self.browser.new_context(
            viewport=ViewportSize(width=WIDTH, height=height),
            device_scale_factor=SCALE,
            color_scheme="dark" if scheme == "dark" else "light",
            has_touch=True,
            is_mobile=True,
            locale="en-GB",
            timezone_id="UTC",
            reduced_motion="reduce",
        )
        page = await context.new_page()
        await page.goto(f"{self.telegram.url}/#token={self.page_token}")
        await page.locator(f"[data-chat='{chat_id}']").click()
        await expect(page.locator(".composer")).to_be_visible()
        yield page
        await context.close()

    async def post(self, members: list[dict[str, Any]], host: str = HOST) -> None:
        """Send a webhook."""
        body = json.dumps(write_webhook(host, members)).encode()
        if await self.bridge.post(body) != 200:
            raise RuntimeError("the bridge did not take the webhook")

    async def say(self, text: str) -> None:
        """Write to the bot as Ada."""
        await self.telegram.post("/say", chat_id=ADA, person_id=ADA, text=text)

    def keep(self, name: str, *shots: bytes, words: list[str]) -> None:
        """Keep a picture, of several shots side by side, and its words."""
        pictures = [Image.open(io.BytesIO(shot)).convert("RGB") for shot in shots]
        width = sum(each.width for each in pictures) + GAP * (len(pictures) - 1)
        whole = Image.new("RGB", (width, max(each.height for each in pictures)), PAPER)
        left = 0
        for each in pictures:
            whole.paste(each, (left, 0))
            left += each.width + GAP
        whole.save(self.folder / name, optimize=True)
        self.words[name] = words


async def take_card(studio: Studio) -> None:
    """A card while its alert fires, and the same card when it is over."""
    started = write_moment(time.time() - 75)
    labels = {
        "alertname": "AgentDown",
        "severity": "critical",
        "host": HOST,
        "job": "node",
        "instance": "127.0.0.1:9100",
        "scope": "host",
        "feed": "node",
    }
    annotations = {
        "summary": f"{HOST}: node_exporter is silent",
        "description": "Prometheus has had no answer from node_exporter at 127.0.0.1:9100 for over"
        " a minute. The host may be down, cut off, or only this program may have ended.",
        "runbook": "docs/runbooks/AgentDown.md",
    }
    async with studio.open_chat(GROUP, "dark") as page:
        await studio.post([write_member(labels, annotations, started=started)])
        card = page.locator(".message", has_text="FIRING")
        await expect(card).to_be_visible(timeout=1000 * PATIENCE)
        firing, said = await page.screenshot(), await read_words(card)
        ended = write_moment(time.time())
        await studio.post([write_member(labels, annotations, started=started, ended=ended)])
        card = page.locator(".message", has_text="RESOLVED")
        await expect(card).to_be_visible(timeout=1000 * PATIENCE)
        over = await page.screenshot()
        studio.keep("card.png", firing, over, words=[*said, *await read_words(card)])


async def take_charts(studio: Studio) -> None:
    """A chart for a dark screen and one for a light one, as the private chat shows them."""
    for look, command, title, name in (
        ("dark", "/mon_cpu_picture Server 15", "CPU used", "chart-dark.png"),
        ("light", "/mon_load_picture Server 15", "load per core", "chart-light.png"),
    ):
        await studio.say(f"/settings charts {look}")
        async with studio.open_chat(ADA, look, TALL) as page:
            answer = await ask_for_chart(studio, page, command, title)
            await expect(answer).to_contain_text("threshold", timeout=1000 * PATIENCE)
            await expect(answer.locator("img").first).to_be_visible()
            await page.wait_for_function(
                "[...document.querySelectorAll('.message img')].every(image => image.complete)"
            )
            shot = await answer.screenshot()
            studio.keep(name, shot, words=await read_words(answer))


async def ask_for_chart(studio: Studio, page: Page, command: str, title: str) -> Locator:
    """Ask, and ask again where a busy machine did not draw in the time a person waits."""
    chart = page.locator(".message", has=page.locator("img"), has_text=title)
    undrawn = page.locator(".message", has_text="could not be drawn")
    refused = 0
    while not await chart.count() and refused < ATTEMPTS:
        await studio.say(command)
        await expect(chart.or_(undrawn.nth(refused))).to_be_visible(timeout=1000 * PATIENCE)
        refused = await undrawn.count()
    return chart


async def take_storm(studio: Studio) -> None:
    """The board that takes over in a storm."""
    started = write_moment(time.time())
    for number in range(STORM_HOSTS):
        host = f"web-{number:03}"
        members = [
            write_member(
                {
                    "alertname": "AgentHighDisk" if count else "AgentDown",
                    "severity": "warning" if count else "critical",
                    "host": host,
                    **({"mountpoint": f"/srv/{count}"} if count else {}),
                },
                {"summary": f"{host}: {f'/srv/{count} is full' if count else 'it is silent'}"},
                started=started,
            )
            for count in range(STORM_ALERTS)
        ]
        await studio.post(members, host)
    async with studio.open_chat(GROUP, "light", TALL) as page:
        board = page.locator(".message", has_text="the whole list").last
        whole = f"{STORM_HOSTS * STORM_ALERTS} firing"
        await expect(board).to_contain_text(whole, timeout=1000 * PATIENCE)
        studio.keep("storm.png", await board.screenshot(), words=await read_words(board))


async def read_words(shown: Locator) -> list[str]:
    """Read what is shown, line by line, without what differs each time: figures and ages."""
    lines = (await shown.inner_text()).splitlines()
    plain = [_AGES.sub("0 s", _FIGURES.sub("0", _MIDNIGHT.sub("", line))).strip() for line in lines]
    return [line for line in plain if line and not _PASSING.fullmatch(line)]


SCENES: Mapping[str, Callable[[Studio], Awaitable[None]]] = {
    "charts": take_charts,
    "card": take_card,
    "storm": take_storm,
}


async def take_pictures(folder: Path, generation: str, browser: Browser) -> dict[str, list[str]]:
    """Take every picture into a folder; answer what each shows."""
    with tempfile.TemporaryDirectory() as place:
        async with AsyncExitStack() as stack:
            programs = Programs(Path(place), stack)
            telegram = await stack.enter_async_context(open_telegram_process(programs, "pictures"))
            prometheus = await stack.enter_async_context(open_prometheus(programs, generation))
            agents = programs.folder / "agents.txt"
            agents.write_text(f"{HOST} 127.0.0.1:9100\n")
            environ = {
                "BOT_TOKEN": telegram.bot_token,
                "TELEGRAM_API_BASE": telegram.url,
                "PROMETHEUS_URL": prometheus,
                "ALLOWED_USERS": str(ADA),
                "AGENTS_FILE": str(agents),
            }
            bridge = await stack.enter_async_context(open_bridge_process(programs, environ))
            page_token = (programs.folder / "telegram-pictures" / "page_token").read_text("ascii")
            studio = Studio(browser, telegram, bridge, page_token.strip(), folder)
            for take in SCENES.values():
                await take(studio)
    return studio.words


@asynccontextmanager
async def open_browser() -> AsyncIterator[Browser]:
    """Start the machine's own browser; none is ever downloaded."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("no chromium on PATH")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium, args=CHROMIUM_ARGUMENTS
        )
        yield browser
        await browser.close()


async def main() -> None:
    """Take every picture anew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=IMAGES)
    parser.add_argument("--generation", choices=GENERATIONS, default="stable")
    given = parser.parse_args()
    async with open_browser() as browser:
        words = await take_pictures(given.folder, given.generation, browser)
    text = json.dumps(words, ensure_ascii=False, indent=1, sort_keys=True)
    (given.folder / WORDS).write_text(f"{text}\n", encoding="utf-8")
    print(*sorted(words), sep="\n")


if __name__ == "__main__":
    asyncio.run(main())
