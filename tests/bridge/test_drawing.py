from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bridge import limits
from bridge.drawing import Drawing
from bridge.errors import Late, Outage, TooMuch
from tests.views.charts import CHART, PIE, chart, title_of

ROOT = Path(__file__).parents[2]
UNDRAWABLE = chart(zone="Nowhere/At_All")


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a busy machine take its time; what is late has tests of its own."""
    monkeypatch.setattr(limits, "CHART_PATIENCE_SECONDS", 60)
    monkeypatch.setattr(limits, "CHART_SECONDS", 60)


@pytest.fixture
async def drawing(tmp_path: Path) -> AsyncIterator[Drawing]:
    async with Drawing(
        tmp_path / "charts", samples={"ru": "загрузка", "zh_TW": "記憶體"}
    ) as drawing:
        yield drawing


def process_of(drawing: Drawing) -> int:
    assert drawing._worker is not None
    return drawing._worker._process.pid


def runs(process: int) -> bool:
    return Path(f"/proc/{process}").exists()


async def test_a_chart_and_a_pie_come_back_as_pictures(drawing: Drawing) -> None:
    assert title_of(await drawing.draw(CHART)) == "web-1 CPU used"
    assert title_of(await drawing.draw(PIE)) == "web-1 memory"


async def test_everybody_who_asks_at_once_gets_their_own_picture(drawing: Drawing) -> None:
    hosts = [f"web-{each}" for each in range(20)]
    asked = [drawing.draw(replace(PIE, host=host)) for host in hosts]
    titles = [title_of(png) for png in await asyncio.gather(*asked)]
    assert titles == [f"{host} memory" for host in hosts]


async def test_what_is_asked_for_by_many_at_the_same_time_is_drawn_once(drawing: Drawing) -> None:
    first, *others = await asyncio.gather(*(drawing.draw(CHART) for _ in range(5)))
    assert others == [first] * 4
    assert drawing._worker is not None
    assert drawing._worker.drawn == 1


async def test_who_stops_waiting_stops_waiting_alone(drawing: Drawing) -> None:
    gone, stays = (asyncio.create_task(drawing.draw(CHART)) for _ in range(2))
    await asyncio.sleep(0)
    gone.cancel()
    assert title_of(await stays) == "web-1 CPU used"
    assert gone.cancelled()


async def test_a_picture_that_cannot_be_drawn_is_an_outage_and_the_worker_goes_on(
    drawing: Drawing,
) -> None:
    await drawing.draw(PIE)
    before = process_of(drawing)
    with pytest.raises(Outage, match="the drawing of pictures: failed"):
        await drawing.draw(UNDRAWABLE)
    await drawing.draw(CHART)
    assert process_of(drawing) == before


async def test_a_worker_that_dies_is_followed_by_another(drawing: Drawing) -> None:
    await drawing.draw(PIE)
    before = process_of(drawing)
    os.kill(before, signal.SIGKILL)
    assert title_of(await drawing.draw(CHART)) == "web-1 CPU used"
    assert process_of(drawing) != before


async def test_a_worker_that_hangs_is_ended_and_followed_by_another(
    drawing: Drawing, monkeypatch: pytest.MonkeyPatch
) -> None:
    await drawing.draw(PIE)
    before = process_of(drawing)
    os.kill(before, signal.SIGSTOP)
    with monkeypatch.context() as hurried:
        hurried.setattr(limits, "CHART_SECONDS", 0.2)
        with pytest.raises(Late, match=r"took over 0\.2 s"):
            await drawing.draw(CHART)
    assert title_of(await drawing.draw(CHART)) == "web-1 CPU used"
    assert not runs(before)


async def test_nobody_waits_longer_than_a_command_may(
    drawing: Drawing, monkeypatch: pytest.MonkeyPatch
) -> None:
    await drawing.draw(PIE)
    os.kill(process_of(drawing), signal.SIGSTOP)
    monkeypatch.setattr(limits, "CHART_PATIENCE_SECONDS", 0.2)
    with pytest.raises(Late, match="no picture within"):
        await drawing.draw(CHART)


async def test_beyond_what_can_be_drawn_in_time_nobody_is_kept_waiting(
    drawing: Drawing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CHARTS_WAITING", 2)
    asked = [asyncio.create_task(drawing.draw(replace(PIE, host=each))) for each in "ab"]
    await asyncio.sleep(0)
    with pytest.raises(TooMuch, match="ask again in a moment"):
        await drawing.draw(CHART)
    same = await drawing.draw(replace(PIE, host="a"))
    assert [title_of(png) for png in await asyncio.gather(*asked)] == ["a memory", "b memory"]
    assert title_of(same) == "a memory"


async def test_a_worker_that_has_drawn_enough_is_replaced_while_it_goes_on(
    drawing: Drawing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CHARTS_A_WORKER", 2)
    await drawing.draw(PIE)
    before = process_of(drawing)
    for host in "abc":
        await drawing.draw(replace(PIE, host=host))
    assert drawing._preparing is not None
    await drawing._preparing
    await drawing.draw(CHART)
    assert process_of(drawing) != before
    assert not runs(before)


async def test_without_a_folder_to_work_in_there_is_an_outage_and_no_crash(tmp_path: Path) -> None:
    (tmp_path / "charts").write_text("no folder")
    async with Drawing(tmp_path / "charts") as drawing:
        with pytest.raises(Outage, match="cannot be started"):
            await drawing.draw(CHART)


async def test_the_worker_knows_no_secret_and_holds_no_door(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOT_TOKEN", "kept-to-oneself")
    with socket.create_server(("127.0.0.1", 0)) as door:
        door.set_inheritable(True)
        async with Drawing(tmp_path / "charts") as drawing:
            await drawing.draw(PIE)
            seen = Path(f"/proc/{process_of(drawing)}")
            assert b"kept-to-oneself" not in (seen / "environ").read_bytes()
            held = {str(each.readlink()) for each in (seen / "fd").iterdir()}
            assert f"socket:[{os.fstat(door.fileno()).st_ino}]" not in held


async def test_the_worker_ends_with_the_bridge(tmp_path: Path) -> None:
    async with Drawing(tmp_path / "charts") as drawing:
        await drawing.draw(PIE)
        process = process_of(drawing)
    assert not runs(process)


async def test_a_bridge_that_ends_at_once_leaves_no_worker_behind(tmp_path: Path) -> None:
    async with Drawing(tmp_path / "charts") as drawing:
        waiting = asyncio.create_task(drawing.draw(PIE))
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert drawing._worker is None


def test_a_worker_without_a_bridge_ends_by_itself() -> None:
    command = [sys.executable, "-m", "bridge.views.chart_worker", '{"fonts": [], "samples": {}}']
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=True
    )
    assert done.stdout[:1] == b"R"
    assert done.stderr == b""


def test_the_worker_loads_what_draws_and_nothing_else() -> None:
    heavy = "aiogram sqlalchemy jinja2 babel fastapi structlog httpx asyncio matplotlib.pyplot"
    program = (
        "import sys, bridge.views.chart_worker\n"
        f"loaded = set(sys.modules) & set({heavy.split()})\n"
        "assert not loaded, loaded"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60, cwd=ROOT)


def test_the_bridge_does_not_load_what_draws() -> None:
    program = "import sys, bridge.drawing\nassert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60, cwd=ROOT)


async def test_a_picture_is_in_a_language_that_the_fonts_can_write(drawing: Drawing) -> None:
    assert drawing.choose_language("zh_TW", "en") == "zh_TW"  # nobody knows better yet
    await drawing.draw(PIE)
    assert drawing.choose_language("ru", "en") == "ru"
    assert drawing.choose_language("en", "en") == "en"
    assert drawing._worker is not None
    drawing._worker.languages = frozenset({"ru"})
    assert drawing.choose_language("zh_TW", "en") == "en"


async def test_a_worker_is_there_before_anybody_asks_but_not_while_the_bridge_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Drawing(tmp_path / "late") as drawing:
        for _turn in range(10):
            await asyncio.sleep(0)
        assert drawing._preparing is None
    monkeypatch.setattr(limits, "CHART_WARM_AFTER_SECONDS", 0)
    async with Drawing(tmp_path / "soon") as drawing, asyncio.timeout(60):
        while drawing._worker is None:  # noqa: ASYNC110 - a process of its own sets no event
            await asyncio.sleep(0.05)
