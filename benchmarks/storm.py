"""2,000 alerts in a minute, 300 groups, one group chat with Telegram's published limits enforced.

Two ways are measured side by side, each with a local Telegram of its own: Alertmanager's built-in
Telegram receiver, and the bridge behind the same Alertmanager. A witness, a third receiver of that
Alertmanager, notes when each alert reaches receivers; every time counts from there. With --direct
there is no Alertmanager: each change of a group is posted to the bridge at once, and time counts
from the post.

An alert is visible once its host and name can be read in the chat: in a message, a caption or an
attached file.

Run from the top of the project: `.venv/bin/python -m benchmarks.storm`.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from benchmarks.bridges import GROUP
from benchmarks.outage import Key, Trouble, plan_outage
from benchmarks.senders import Send, open_senders
from benchmarks.storms import BRIDGE, NATIVE, Storm, StormResult, Way, write_seconds
from benchmarks.telegrams import ChatLog, RunningTelegram, follow_chat, open_telegram_process
from deploy.stack.binaries import GENERATIONS
from tests.live.conftest import Programs

TELL_SECONDS = 10


async def run_storm(
    storm: Storm, programs: Programs, say: Callable[[str], None] = lambda _: None
) -> StormResult:
    """Let a storm loose and watch the chats until time is up.

    The watch goes on when everything is visible: what a way does after the wave counts too.
    """
    outage = plan_outage(
        alerts=storm.alerts, groups=storm.groups, seconds=storm.seconds, seed=storm.seed
    )
    arrived: dict[Key, float] = {}
    async with AsyncExitStack() as stack:
        telegrams = {
            name: await stack.enter_async_context(open_telegram_process(programs, name))
            for name in storm.ways
        }
        send = await stack.enter_async_context(open_senders(storm, programs, telegrams, arrived))
        ways = {
            name: await stack.enter_async_context(_watch(storm, name, telegrams[name], outage))
            for name in storm.ways
        }
        began = time.time()
        for way in ways.values():
            way.began, way.arrived = began, arrived
        posting = asyncio.create_task(_let_loose(outage, send, began))
        await _wait(storm, ways, posting, say)
    return StormResult(storm, ways)


@asynccontextmanager
async def _watch(
    storm: Storm, name: str, telegram: RunningTelegram, outage: Sequence[Trouble]
) -> AsyncIterator[Way]:
    chat = storm.native_chat if name == NATIVE else GROUP
    critical = next(each.key for each in outage if each.severity == "critical")
    way = Way(name, 0.0, {each.key for each in outage}, critical, ChatLog(chat))
    async with follow_chat(telegram, chat, way.read) as log:
        way.log = log
        yield way


async def _let_loose(outage: Sequence[Trouble], send: Send, epoch: float) -> None:
    """Send every beginning and every end at its time, whatever the answers to others take."""
    groups: defaultdict[str, list[Trouble]] = defaultdict(list)
    for each in outage:
        groups[each.key[0]].append(each)
    changes = [(each.begins, each) for each in outage]
    changes += [(each.ends, each) for each in outage if each.ends is not None]
    async with asyncio.TaskGroup() as sending:
        for at, each in sorted(changes, key=lambda change: change[0]):
            await asyncio.sleep(max(0.0, epoch + at - time.time()))
            sending.create_task(send(each, groups[each.key[0]], epoch, at))


async def _wait(
    storm: Storm, ways: dict[str, Way], posting: asyncio.Task[None], say: Callable[[str], None]
) -> None:
    """Wait until time is up; tell how it goes every ten seconds."""
    began = time.monotonic()
    told = 0.0
    longest = storm.watch_seconds + storm.patience_seconds
    while (gone := time.monotonic() - began) < longest:
        if (
            gone >= storm.watch_seconds
            and posting.done()
            and not any(w.lost for w in ways.values())
        ):
            break
        if gone - told >= TELL_SECONDS:
            told = gone
            say(f"{gone:4.0f} s: " + "; ".join(_state(way) for way in ways.values()))
        if posting.done():
            posting.result()
        await asyncio.sleep(0.2)
    posting.cancel()
    await asyncio.wait({posting})


def _state(way: Way) -> str:
    shown = f"{len(way.arrived) - way.lost} of {len(way.arrived)} visible"
    return f"{way.name} {shown}, {way.log.calls} calls, {way.refused} refused"


def print_result(result: StormResult) -> None:
    """Print a table with a column a way, and whether the bars hold."""
    storm, ways = result.storm, list(result.ways.values())
    print()
    print(_row("", [way.name for way in ways]))
    for title, figure in (
        ("alerts that arrived", lambda way: len(way.arrived)),
        ("groups", lambda _: storm.groups),
        ("first critical visible", lambda way: write_seconds(way.first_critical)),
        ("visible, p50", lambda way: write_seconds(way.share_of_waits(0.5))),
        ("visible, p99", lambda way: write_seconds(way.share_of_waits(0.99))),
        ("visible, max", lambda way: write_seconds(way.share_of_waits(1.0))),
        ("visible after 60 s", lambda way: way.visible_after(60)),
        ("visible after 120 s", lambda way: way.visible_after(120)),
        ("groups visible after 120 s", lambda way: way.groups_visible_after(120)),
        ("never visible", lambda way: way.lost),
        ("calls about the chat", lambda way: way.log.calls),
        ("of those answered 429", lambda way: way.refused),
        ("messages and edits", lambda way: way.log.shown),
        ("of those that ring", lambda way: way.log.rings),
    ):
        print(_row(title, [str(figure(way)) for way in ways]))
    for way in ways:
        problems = way.problems()
        print(f"{way.name}: " + ("the bars hold" if not problems else "; ".join(problems)))


def _row(title: str, cells: Sequence[str]) -> str:
    return f"{title:28}" + "".join(f"{cell:>14}" for cell in cells)


def _read_options() -> Storm:
    plain = Storm()
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.storm",
        description="A storm of alerts into one group chat of 20 messages a minute.",
    )
    parser.add_argument("--alerts", type=int, default=plain.alerts)
    parser.add_argument("--groups", type=int, default=plain.groups)
    parser.add_argument("--seconds", type=float, default=plain.seconds, help="how long it rages")
    parser.add_argument(
        "--watch", type=float, default=plain.watch_seconds, help="seconds to watch in all"
    )
    parser.add_argument("--seed", type=int, default=plain.seed)
    parser.add_argument(
        "--ways", nargs="+", choices=(NATIVE, BRIDGE), default=list(plain.ways), metavar="WAY"
    )
    parser.add_argument(
        "--direct", action="store_true", help="no Alertmanager: post to the bridge alone"
    )
    parser.add_argument(
        "--generation", choices=GENERATIONS, default=plain.generation, help="of Alertmanager"
    )
    parser.add_argument("--group-wait", type=int, default=plain.group_wait)
    parser.add_argument("--group-interval", type=int, default=plain.group_interval)
    parser.add_argument(
        "--native-chat", type=int, default=GROUP, help="1001 is a private chat: 1 a second"
    )
    given = parser.parse_args()
    return Storm(
        alerts=given.alerts,
        groups=given.groups,
        seconds=given.seconds,
        watch_seconds=given.watch,
        seed=given.seed,
        ways=(BRIDGE,) if given.direct else tuple(given.ways),
        is_direct=given.direct,
        generation=given.generation,
        group_wait=given.group_wait,
        group_interval=given.group_interval,
        native_chat=given.native_chat,
    )


async def main(storm: Storm) -> None:
    """Run a storm and print its table."""
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncExitStack() as stack:
            programs = Programs(Path(folder), stack)
            result = await run_storm(storm, programs, lambda line: print(line, flush=True))
    print_result(result)


if __name__ == "__main__":
    asyncio.run(main(_read_options()))
