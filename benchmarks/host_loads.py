"""What commands on the hosts cost while they run, and what an agent costs that nobody asks."""

from __future__ import annotations

import asyncio
from statistics import median

from benchmarks.enrolled import (
    list_children,
    read_cpu,
    read_memory,
    read_proportional,
    tell,
)
from benchmarks.figures import Figure, Options
from benchmarks.host_scenes import Scene, Wish, broadcast, open_scene, when_shown
from benchmarks.printing import share_of

AT_ONCE = 20
SPAN = 30  # seconds that the commands take
SETTLE = 5.0  # seconds after the start in which nothing is measured
APART = 3.0  # seconds between two times that somebody asks for all hosts
WARM_UP = 3
LOOK = 0.25  # seconds between two looks at memory


async def measure_commands(options: Options) -> list[Figure]:
    """Have everybody run a command on a host of their own, and ask for all hosts meanwhile."""
    number = options.hosts or AT_ONCE
    wish = Wish(hosts=number, people=number, has_numbers=True, notes_lag=True, has_actions=True)
    async with open_scene(wish) as scene:
        await asyncio.sleep(SETTLE)
        for _ in range(WARM_UP):
            await ask_for_all(scene)
        alone = [await ask_for_all(scene) for _ in range(WARM_UP)]
        tell(f"{number} commands of {SPAN} s begin")
        began = [
            await scene.say(f"/op_exec {host.name} 40s vmstat 1 30", person)
            for host, person in zip(scene.hosts, scene.people, strict=True)
        ]
        answers: list[float] = []
        while len(answers) * APART < SPAN - APART:
            answers.append(await ask_for_all(scene))
            await asyncio.sleep(max(0.0, APART - answers[-1]))
        running = len(scene.noted("first event", began[0]))
        lags = sorted(lag for each in scene.noted("lags", began[-1]) for lag in each["lags"])
        for person in scene.people:
            await scene.find("exit code 0", after=0, person=person)
    if running < number:
        raise RuntimeError(f"only {running} of {number} commands ran")
    return [
        Figure(what="lag of the loop, p50", value=share_of(lags, 0.5), unit="ms"),
        Figure(what="lag of the loop, p99", value=share_of(lags, 0.99), unit="ms", goal=50.0),
        Figure(what="lag of the loop, most", value=lags[-1], unit="ms"),
        Figure(what="`/agents` with nothing beside it", value=median(alone), unit="s"),
        Figure(what="`/agents` meanwhile, median", value=median(answers), unit="s"),
        Figure(what="`/agents` meanwhile, slowest", value=max(answers), unit="s", goal=1.0),
    ]


async def ask_for_all(scene: Scene) -> float:
    """Ask for all hosts; answer after how many seconds Telegram had them."""
    last = await scene.last_id()
    began = await scene.say("/agents")
    message = await scene.find("web-", after=last)
    await asyncio.sleep(1.2)  # a chat is written to once a second
    return when_shown(message) - began


async def measure_yes(options: Options) -> list[Figure]:
    """Have every agent run what writes as fast as it is read."""
    number = options.hosts or AT_ONCE
    async with open_scene(Wish(hosts=number, has_actions=True)) as scene:
        await asyncio.sleep(SETTLE)
        tell("warming up: everybody has run something")
        await broadcast(scene, "uptime")
        await asyncio.sleep(SETTLE)
        pids = [each.process.pid for each in scene.agents]
        before = {pid: read_memory(pid) for pid in [*pids, scene.bridge_pid]}
        most = dict(before)
        tell(f"`yes` runs for {SPAN} s on {number} hosts")
        running = asyncio.create_task(_run_yes(scene))
        while not running.done():
            await asyncio.wait({running}, timeout=LOOK)
            most = {pid: max(known, read_memory(pid)) for pid, known in most.items()}
        said = running.result()
    grown = {pid: known - before[pid] for pid, known in most.items()}
    return [
        Figure(
            what="an agent grows by, at most",
            value=max(grown[e] for e in pids),
            unit="MB",
            goal=8.0,
        ),
        Figure(what="an agent grows by, median", value=median(grown[e] for e in pids), unit="MB"),
        Figure(what="the bridge grows by", value=grown[scene.bridge_pid], unit="MB", goal=20.0),
        Figure(what="the broadcast took", value=said, unit="s"),
    ]


async def _run_yes(scene: Scene) -> float:
    last = await scene.last_id()
    began = await scene.say(f"/broadcast {SPAN}s yes")
    if len(scene.hosts) > 10:
        question = await scene.find(r"yes", after=last)
        await asyncio.sleep(1.2)
        began = await scene.confirm(question)
    note = await scene.wait_for_note("all known", began)
    await asyncio.sleep(3)  # the message and the file follow
    return float(note["at"]) - began


async def measure_idle(options: Options) -> list[Figure]:
    """Watch one agent that nobody asks anything, before and after it has run commands."""
    async with open_scene(Wish(hosts=1)) as scene:
        pid = scene.agents[0].process.pid
        await asyncio.sleep(2 * SETTLE)
        fresh = read_memory(pid)
        cpu = await _watch_cpu(pid, options.seconds)
        for _ in range(20):
            await broadcast(scene, "uptime")
            await asyncio.sleep(1.2)
        used = read_memory(pid)
        children = list_children(pid)
        beside = sum(map(read_memory, children))
        proportional = sum(map(read_proportional, [pid, *children]))
    return [
        Figure(what="resident memory of a fresh agent", value=fresh, unit="MB", goal=60.0),
        Figure(what="after 20 commands", value=used, unit="MB", goal=60.0),
        Figure(what="its fork server, beside it", value=beside, unit="MB"),
        Figure(what="both, shared pages shared out", value=proportional, unit="MB"),
        Figure(what="processor", value=cpu, unit="%", goal=0.2),
    ]


async def _watch_cpu(pid: int, seconds: float) -> float:
    """Tell how much of a processor an agent and its fork server use."""
    everybody = [pid, *list_children(pid)]
    before = sum(map(read_cpu, everybody))
    tell(f"watching it for {seconds:.0f} s")
    await asyncio.sleep(seconds)
    return 100 * (sum(map(read_cpu, everybody)) - before) / seconds
