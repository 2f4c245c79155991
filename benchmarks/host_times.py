"""How long commands on the hosts take: everywhere at once, and until the first word of one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from agent import limits
from benchmarks.enrolled import read_cpu, tell
from benchmarks.figures import Figure, Options
from benchmarks.host_scenes import Scene, Wish, broadcast, open_scene, when_shown
from benchmarks.printing import share_of
from benchmarks.shells import Shells, Spent, open_shells

COMMAND = "uptime"
SETTLE = 3.0  # seconds after the start in which nothing is measured
LET_GO = limits.KEEP_ALIVE_SECONDS + 2.0  # seconds after which an agent keeps no connection
PACE = 1.2  # seconds between two messages of a chat
FIRSTS = 50


@dataclass(frozen=True, kw_only=True)
class Ours:
    """What one broadcast took."""

    known: float
    """Seconds until the bridge knew how the last host had ended."""
    shown: float
    """Seconds until the message that says so was accepted."""
    cpu: float
    """Seconds of a processor, the bridge's and its children's, until then."""


async def measure_broadcast(options: Options) -> list[Figure]:
    """Take turns with clush; each way once before anything counts."""
    number = options.hosts or 100
    async with open_scene(Wish(hosts=number)) as scene, open_shells(scene.programs) as shells:
        tell(f"sshd runs; whoever comes in has {shells.shell}")
        names = [each.name for each in scene.hosts]
        await asyncio.sleep(SETTLE)
        cold, fresh, quick = list[Spent](), list[Ours](), list[Spent]()
        for turn in range(-1, options.rounds):
            tell(f"without connections: {_name_turn(turn)}")
            theirs = await shells.run(names, COMMAND, "cold")
            their_best = await shells.run(names, COMMAND, "quick")
            await asyncio.sleep(LET_GO)
            ours = await run_ours(scene)
            if turn >= 0:
                cold.append(theirs)
                quick.append(their_best)
                fresh.append(ours)
        warm, kept = await _take_warm_turns(scene, shells, names, options.rounds)
        memory = shells.memory_of_masters()
        shells.end_masters()
    return [
        *_compare("cold", cold, fresh, time_ratio=0.25),
        *_compare("cold, curve25519 keys", quick, fresh),
        *_compare("warm", warm, kept, time_ratio=1.2, cpu_ratio=0.25),
        *_compare("warm clush, our agents called anew", warm, fresh),
        Figure(what="memory of ssh's kept connections", value=memory, unit="MB"),
    ]


async def _take_warm_turns(
    scene: Scene, shells: Shells, names: Sequence[str], rounds: int
) -> tuple[list[Spent], list[Ours]]:
    warm, kept = list[Spent](), list[Ours]()
    for turn in range(-1, rounds):
        tell(f"with kept connections: {_name_turn(turn)}")
        theirs = await shells.run(names, COMMAND, "warm")
        shells.require_masters(len(names))
        ours = await run_ours(scene)
        if turn >= 0:
            warm.append(theirs)
            kept.append(ours)
    return warm, kept


async def run_ours(scene: Scene) -> Ours:
    """Have the command run everywhere once."""
    last = await scene.last_id()
    before = read_cpu(scene.bridge_pid)
    began, known = await broadcast(scene, COMMAND)
    number = len(scene.hosts)
    message = await scene.find(
        rf"\b{number:,} of {number:,}\b|\b{number} of {number}\b", after=last
    )
    cpu = read_cpu(scene.bridge_pid) - before
    await asyncio.sleep(PACE)
    return Ours(known=known - began, shown=when_shown(message) - began, cpu=cpu)


def _compare(
    name: str,
    theirs: Sequence[Spent],
    ours: Sequence[Ours],
    *,
    time_ratio: float | None = None,
    cpu_ratio: float | None = None,
) -> list[Figure]:
    """Put medians beside each other."""
    their_time, their_cpu = median(e.seconds for e in theirs), median(e.cpu for e in theirs)
    known, cpu = median(e.known for e in ours), median(e.cpu for e in ours)
    shown = median(e.shown for e in ours)
    return [
        Figure(what=f"{name}: clush, until its end", value=their_time, unit="s"),
        Figure(what=f"{name}: ours, until the last host is known", value=known, unit="s"),
        Figure(what=f"{name}: ours, until Telegram has the message", value=shown, unit="s"),
        Figure(what=f"{name}: ours to clush, time", value=known / their_time, goal=time_ratio),
        Figure(what=f"{name}: processor of clush and its ssh", value=their_cpu, unit="s"),
        Figure(what=f"{name}: processor of the bridge", value=cpu, unit="s"),
        Figure(what=f"{name}: ours to clush, processor", value=cpu / their_cpu, goal=cpu_ratio),
    ]


async def measure_thousand(options: Options) -> list[Figure]:
    """Ask agents that are not there, with connections made anew and with kept ones."""
    number = options.hosts or 1000
    async with open_scene(Wish(hosts=number, is_simulated=True)) as scene:
        await asyncio.sleep(SETTLE)
        tell("the first time: no connection is there")
        first = await run_ours(scene)
        kept = []
        for turn in range(options.rounds):
            tell(f"with kept connections: {_name_turn(turn)}")
            kept.append(await run_ours(scene))
        known = [each.known for each in kept]
    return [
        Figure(what="the first time, last result known", value=first.known, unit="s", goal=3.0),
        Figure(what="the first time, processor of the bridge", value=first.cpu, unit="s"),
        Figure(what="kept connections, median", value=median(known), unit="s", goal=3.0),
        Figure(what="kept connections, slowest", value=max(known), unit="s", goal=3.0),
        Figure(
            what="kept connections, until Telegram has the message",
            value=median(each.shown for each in kept),
            unit="s",
        ),
        Figure(
            what="kept connections, processor of the bridge",
            value=median(each.cpu for each in kept),
            unit="s",
        ),
    ]


async def measure_first(options: Options) -> list[Figure]:
    """Ask one host again and again."""
    async with open_scene(Wish(hosts=options.hosts or 1)) as scene:
        await asyncio.sleep(SETTLE)
        asked, events, outputs = list[float](), list[float](), list[float]()
        for turn in range(-3, FIRSTS):
            host = scene.hosts[turn % len(scene.hosts)].name
            last = await scene.last_id()
            began = await scene.say(f"/op_exec {host} {COMMAND}")
            await scene.find("exit code 0", after=last)
            for what, spans in (
                ("asked", asked),
                ("first event", events),
                ("first output", outputs),
            ):
                if turn >= 0:
                    spans.append(1000 * (scene.noted(what, began)[0]["at"] - began))
            await asyncio.sleep(PACE)
    before, ordered, later = sorted(asked), sorted(events), sorted(outputs)
    return [
        Figure(what="until the host is asked, p50", value=share_of(before, 0.5), unit="ms"),
        Figure(what="first event, p50", value=share_of(ordered, 0.5), unit="ms", goal=60.0),
        Figure(what="first event, p99", value=share_of(ordered, 0.99), unit="ms"),
        Figure(what="first output, p50", value=share_of(later, 0.5), unit="ms"),
        Figure(what="first output, p99", value=share_of(later, 0.99), unit="ms"),
    ]


def _name_turn(turn: int) -> str:
    return "warming up" if turn < 0 else f"round {turn + 1}"
