"""Commands on the hosts: how long they take, what they cost, and beside them `clush` over ssh.

Run from the top of the project: `.venv/bin/python -m benchmarks.hosts --help`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Awaitable, Callable

from benchmarks.enrolled import tell
from benchmarks.figures import Figure, Options
from benchmarks.host_loads import measure_commands, measure_idle, measure_yes
from benchmarks.host_times import measure_broadcast, measure_first, measure_thousand

Measure = Callable[[Options], Awaitable[list[Figure]]]
SCENES: dict[str, Measure] = {
    "broadcast": measure_broadcast,
    "thousand": measure_thousand,
    "first": measure_first,
    "commands": measure_commands,
    "yes": measure_yes,
    "idle": measure_idle,
}
ABOUT = """\
scenes (each starts what it needs, and ends it):
  broadcast  /broadcast uptime on real agents, beside `clush -f 100 -b` over ssh to as many targets
  thousand   the same on simulated agents, which answer and run nothing
  first      from /op_exec to the agent's first event, and to the first output
  commands   20 commands of 30 s at once: how late the loop is, and how long /agents takes
  yes        `yes` for 30 s on 20 agents: what memory grows by
  idle       memory and processor of an agent that nobody asks anything"""


def read_options() -> Options:
    """Read the command line."""
    plain = Options()
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.hosts",
        description="Commands on the hosts: time, processor, memory.",
        epilog=ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("scenes", nargs="*", metavar="scene", help="all of them without this")
    parser.add_argument("--hosts", type=int, help="as many hosts, where the scene has its own")
    parser.add_argument("--rounds", type=int, default=plain.rounds, help="of each way")
    parser.add_argument("--seconds", type=float, default=plain.seconds, help="that idle is watched")
    parser.add_argument("--json", action="store_true", help="lines of JSON instead of a table")
    given = parser.parse_args()
    unknown = [each for each in given.scenes if each not in SCENES]
    if unknown:
        parser.error(f"no scene is called {', '.join(unknown)}; there are {', '.join(SCENES)}")
    return Options(
        scenes=tuple(given.scenes or SCENES),
        hosts=given.hosts,
        rounds=given.rounds,
        seconds=given.seconds,
        is_json=given.json,
    )


def print_all(scene: str, figures: list[Figure], *, is_json: bool) -> None:
    """Print what was measured."""
    if is_json:
        for each in figures:
            print(json.dumps({"scene": scene, **each.facts()}), flush=True)
        return
    print(f"\n{scene}\n\n| what | measured | goal |\n| --- | --- | --- |")
    for each in figures:
        print(f"| {each.what} | {each.shown()} | {each.bar()} |", flush=True)


async def main(options: Options) -> int:
    """Measure each scene and print; answer 1 where a goal was missed."""
    own = asyncio.current_task()
    if own is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, own.cancel)
    is_good = True
    for scene in options.scenes:
        tell(f"{scene}: starting")
        figures = await SCENES[scene](options)
        print_all(scene, figures, is_json=options.is_json)
        is_good = is_good and not any(each.is_missed for each in figures)
    return 0 if is_good else 1


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main(read_options())))
    except (KeyboardInterrupt, asyncio.CancelledError):
        tell("ended before the end; everything that was started is ended too")
        sys.exit(130)
