"""Three Alertmanagers that deliver one truth, each in its own way, as a real cluster does.

What they may do: deliver the same twice, late, in another order, a part of a group at a time; say
again what fires and what is over; send the same body until it is accepted; bring reports of an
alert's earlier episode long after its next one began.

What they may not, because no receiver could tell who is right:

- A firing report is never brought after the end of the same episode. Alertmanager 0.25 fires again
  with the old `startsAt`, so such a report *is* the next episode. A late firing report is always of
  an episode that began earlier than the latest.
- Of one alert either firings or ends come late, never both: a late firing followed by its late
  end says that the running episode is over.

A turn of a group begins when every report of the one before was accepted. Nothing is repeated at
the end of a round: what the bridge has lost stays lost, and is found.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import httpx

from tests.chaos.truth import Episode, Group, Subject, moment
from tests.fakes.webhooks import ZERO, webhook

MEMBERS: Final = (
    "http://am-1.example:9093",
    "http://am-2.example:9093",
    "http://am-3.example:9093",
)
LONGEST_DELAY = 0.25  # seconds: between a change and a member's report of it
AGAIN = 0.1  # seconds: between two attempts to deliver a body
MANY: Final = 2  # episodes: an earlier one and the latest
GIVE_UP = 240.0  # seconds; Alertmanager never does, a test must


@dataclass
class Deliveries:
    """What became of the reports."""

    accepted: int = 0
    attempts: int = 0
    refused: list[str] = field(default_factory=list)
    """Answers after which Alertmanager would not try again."""


class Cluster:
    """The members, and the door of the bridge they deliver to."""

    def __init__(
        self,
        seed: int,
        door: Callable[[], httpx.AsyncClient],
        *,
        members: tuple[str, ...] = MEMBERS,
        longest_delay: float = LONGEST_DELAY,
    ) -> None:
        self.deliveries = Deliveries()
        self._seed = seed
        self._door = door
        self._members = members
        self._longest_delay = longest_delay

    async def tell(self, groups: list[Group], *, pause: float) -> None:
        """Let everything happen, all groups at once, and return when all of it was accepted."""
        await asyncio.gather(*(self._tell_group(group, pause) for group in groups))

    async def _tell_group(self, group: Group, pause: float) -> None:
        # A chance of its own: what is drawn for a group does not hang on how fast others are.
        chance = random.Random(f"{self._seed} {group.name}")  # noqa: S311 - repeatable, no secret
        for number, changing in enumerate(group.turns):
            await asyncio.sleep(chance.uniform(0, pause))
            at = moment(number, chance)
            echoes = [echo for each in group.subjects for echo in _draw_echo(each, changing)]
            for subject in changing:
                subject.change(at, chance)
            bodies = self._draw_bodies(chance, group, changing, echoes)
            late = [chance.uniform(0, self._longest_delay) for _ in bodies]
            await asyncio.gather(*map(self._deliver, bodies, late))

    def _draw_bodies(
        self,
        chance: random.Random,
        group: Group,
        changing: list[Subject],
        echoes: list[dict[str, Any]],
    ) -> list[dict[str, Any]]:
        """Write what each member says of a turn; one at least says everything."""
        speakers = chance.sample(self._members, chance.randint(1, len(self._members)))
        others = [each for each in group.subjects if each not in changing and each.episodes]
        bodies = []
        for number, speaker in enumerate(speakers):
            # All but the first may leave out some, and say the rest more than once.
            for part in [changing] if number == 0 else _draw_parts(chance, changing):
                again = [each for each in others if _is_said_again(chance, each)]
                alerts = [_write(each, each.episodes[-1]) for each in (*part, *again)]
                alerts += [echo for echo in echoes if chance.random() < 1 / 3]
                chance.shuffle(alerts)
                if alerts:
                    bodies.append(webhook(*alerts, group=group.name, externalURL=speaker))
        return bodies

    async def _deliver(self, body: dict[str, Any], late: float) -> None:
        """Send one body until it is accepted, as Alertmanager does."""
        await asyncio.sleep(late)
        content = json.dumps(body)
        async with asyncio.timeout(GIVE_UP):
            while not await self._is_accepted(content):  # noqa: ASYNC110 - it comes and goes
                await asyncio.sleep(AGAIN)

    async def _is_accepted(self, content: str) -> bool:
        self.deliveries.attempts += 1
        try:
            answer = await self._door().post("/alerts", content=content)
        except httpx.HTTPError:
            return False
        if answer.is_success:
            self.deliveries.accepted += 1
        elif not answer.is_server_error:
            self.deliveries.refused.append(f"{answer.status_code} {answer.text[:200]}")
            return True
        return answer.is_success


def _draw_parts(chance: random.Random, changing: list[Subject]) -> list[list[Subject]]:
    return [
        chance.sample(changing, chance.randint(0, len(changing)))
        for _ in range(chance.randint(1, 2))
    ]


def _is_said_again(chance: random.Random, subject: Subject) -> bool:
    return chance.random() < (0.7 if subject.is_firing else 0.3)


def _draw_echo(subject: Subject, changing: list[Subject]) -> list[dict[str, Any]]:
    """Write a late report of an earlier episode, if there is one that any receiver can judge.

    The latest episode is of an earlier turn: every member, and the bridge, knows of it already.
    """
    if len(subject.episodes) < MANY:
        return []
    earlier, latest = subject.episodes[-2:]
    if subject.echo == "late end":
        return [_write(subject, earlier)]
    is_its_time = subject.is_firing == (subject.echo == "late fire")
    if subject in changing or not is_its_time or earlier.starts >= latest.starts:
        return []
    return [_write(subject, Episode(starts=earlier.starts))]


def _write(subject: Subject, episode: Episode) -> dict[str, Any]:
    return {
        "status": "resolved" if episode.ends else "firing",
        "labels": {
            "alertname": subject.name,
            "host": subject.host,
            "severity": subject.severity,
        },
        "annotations": {"summary": "a part of this machine is not well"},
        "startsAt": _text(episode.starts),
        "endsAt": _text(episode.ends) if episode.ends else ZERO,
        "generatorURL": "http://prometheus.example:9090/graph?g0.expr=up",
        "fingerprint": f"{subject.name:>016}",
    }


def _text(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")
