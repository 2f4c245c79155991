"""The fleet in one look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bridge.core.alerts import Severity
from bridge.core.formatted import Formatted
from bridge.core.presence import State
from bridge.core.troubles import Checks, Trouble, Troubled
from bridge.errors import Outage
from bridge.views.hosts import count_hosts
from bridge.views.standing import BAD, WELL, write_quantity
from bridge.views.voice import Voice
from bridge.views.words import MARKS

_NAMED: Final = 3  # checks that a line names


@dataclass(frozen=True, kw_only=True)
class ShownTroubled:
    """A host among the worst."""

    mark: str
    name: str
    since: str
    """Since when it is down; empty where it is not."""
    is_down: bool
    troubles: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ShownChecks:
    """How the checks went."""

    passed: int
    total: int
    failing: str
    """The names of the first that fail."""


def write_summary(
    voice: Voice,
    *,
    states: Mapping[State, int],
    worst: Sequence[Troubled],
    firing: Mapping[Severity, int],
    checks: Checks,
    outage: Outage | None = None,
    warnings: Sequence[str] = (),
) -> Formatted:
    """Write it."""
    return voice.write(
        "fleet",
        mark=_mark(states, worst, firing),
        counts=count_hosts(voice, states),
        total=sum(states.values()),
        firing=" · ".join(
            f"{MARKS[each]} {voice.number(firing[each])}" for each in Severity if firing.get(each)
        ),
        worst=[_show(voice, each) for each in worst],
        is_bad=any(each.is_bad for each in worst),
        checks=_show_checks(checks),
        outage=voice.complain(outage) if outage else "",
        reason=outage.reason if outage else "",
        now=voice.time(voice.now),
        warnings=list(warnings),
        dashboard=voice.dashboards.find_fleet(),
    )


def _mark(
    states: Mapping[State, int], worst: Sequence[Troubled], firing: Mapping[Severity, int]
) -> str:
    if states.get(State.DOWN) or firing.get(Severity.CRITICAL):
        return BAD
    if any(each.is_bad for each in worst) or any(firing.values()):
        return MARKS[Severity.WARNING]
    return WELL


def _show(voice: Voice, troubled: Troubled) -> ShownTroubled:
    presence = troubled.presence
    is_down = presence.state is State.DOWN
    return ShownTroubled(
        mark=BAD if is_down else MARKS[Severity.WARNING] if troubled.is_bad else WELL,
        name=presence.host.name,
        is_down=is_down,
        since=voice.time(presence.since) if is_down and presence.since else "",
        troubles=tuple(_tell(voice, each) for each in troubled.troubles),
    )


def _tell(voice: Voice, trouble: Trouble) -> str:
    title = voice.say(trouble.metric.title)
    if trouble.place:
        title = f"{title} {trouble.place}"
    return f"{title} {write_quantity(voice, trouble.value, trouble.metric.unit)}"


def _show_checks(checks: Checks) -> ShownChecks | None:
    if not checks.total:
        return None
    more = ["…"] if len(checks.failing) > _NAMED else []
    return ShownChecks(
        passed=checks.total - len(checks.failing),
        total=checks.total,
        failing=", ".join([*checks.failing[:_NAMED], *more]),
    )
