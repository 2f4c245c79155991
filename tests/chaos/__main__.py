"""The long form: many rounds, each with a seed of its own, and a total.

Usage: `python -m tests.chaos --rounds 200 --seed 1`
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import shutil
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

from tests.chaos.bridges import Nursery, open_nursery
from tests.chaos.points import KINDS, open_ground, render_outcome, sweep
from tests.chaos.rounds import Tally, run_round
from tests.chaos.troubles import Trouble


def main() -> int:
    """Play the rounds; answer 1 when anything was lost."""
    arguments = _parse_arguments()
    logging.disable(logging.WARNING)
    return asyncio.run(_play(arguments))


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1, help="of the first round; each adds one")
    parser.add_argument("--trouble", choices=[each.name.lower() for each in Trouble])
    parser.add_argument("--at-once", type=int, default=2, help="rounds played side by side")
    parser.add_argument("--no-points", action="store_true", help="leave out the swept points")
    parser.add_argument("--keep", type=Path, help="a folder for what each unsound round leaves")
    return parser.parse_args()


async def _play(arguments: argparse.Namespace) -> int:
    seeds = iter(range(arguments.seed, arguments.seed + arguments.rounds))
    tallies: list[Tally] = []
    began = time.monotonic()
    async with open_nursery() as nursery:
        points_are_sound = arguments.no_points or await _sweep_points(nursery)

        async def play_some() -> None:
            for seed in seeds:
                tally = await _play_one(seed, nursery, arguments)
                tallies.append(tally)
                _say(f"{len(tallies):>4}/{arguments.rounds}  {render_tally(tally)}")

        await asyncio.gather(*(play_some() for _ in range(arguments.at_once)))
    _say(render_total(tallies, time.monotonic() - began))
    return 0 if points_are_sound and all(each.is_sound for each in tallies) else 1


async def _sweep_points(nursery: Nursery) -> bool:
    """End a bridge at every await and every statement of a story."""
    is_sound = True
    with tempfile.TemporaryDirectory(prefix="chaos-points-") as folder:
        async with AsyncExitStack() as stack:
            places = [Path(folder) / str(number) for number in range(2)]
            grounds = [
                await stack.enter_async_context(open_ground(nursery, place)) for place in places
            ]
            for kind in KINDS:
                outcomes = await sweep(kind, grounds)
                unsound = [each for each in outcomes if not each.is_sound]
                doubled = sum(len(each.finding.surplus) for each in outcomes)
                _say(
                    f"ended at each of {len(outcomes)} {kind}s: {len(unsound)} unsound, "
                    f"{doubled} messages shown twice"
                )
                for each in unsound:
                    _say(f"      {render_outcome(kind, each)}")
                is_sound = is_sound and not unsound
    return is_sound


async def _play_one(seed: int, nursery: Nursery, arguments: argparse.Namespace) -> Tally:
    folder = Path(tempfile.mkdtemp(prefix=f"chaos-{seed}-"))
    trouble = Trouble[arguments.trouble.upper()] if arguments.trouble else None
    try:
        tally = await run_round(seed, nursery, folder, trouble=trouble)
        if arguments.keep and not tally.is_sound:
            shutil.copytree(folder, arguments.keep / str(seed), dirs_exist_ok=True)
        return tally
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def render_tally(tally: Tally) -> str:
    """Write one line about a round, and what is wrong with it below."""
    line = (
        f"seed {tally.seed:<5} {tally.alerts:>3} alerts {tally.webhooks:>4} webhooks "
        f"{tally.kills:>2} ends  lost {len(tally.lost)}  twice {tally.surplus} of {tally.windows}"
        f"  {tally.seconds:4.1f} s  {tally.trouble.value}"
    )
    if tally.is_sound:
        return line
    wrong = [f"      lost: {each}" for each in tally.lost] + [f"      {e}" for e in tally.faults]
    again = f"      again: --rounds 1 --seed {tally.seed} --trouble {tally.trouble.name.lower()}"
    return "\n".join([line, *wrong, again])


def render_total(tallies: list[Tally], seconds: float) -> str:
    """Write the last line."""
    unsound = [str(each.seed) for each in tallies if not each.is_sound]
    return (
        f"{len(tallies)} rounds, {sum(each.alerts for each in tallies)} alerts, "
        f"{sum(each.webhooks for each in tallies)} webhooks, "
        f"{sum(each.kills for each in tallies)} ends of a bridge: "
        f"{sum(len(each.lost) for each in tallies)} lost, "
        f"{sum(each.surplus for each in tallies)} shown twice "
        f"(of {sum(each.windows for each in tallies)} moments in which that may be); "
        f"{'unsound: ' + ', '.join(unsound) if unsound else 'all sound'}; {seconds:.0f} s"
    )


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
