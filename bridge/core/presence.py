"""Which hosts answer, since when, and how much of the time.

    up        Prometheus reaches its exporter
    down      it asks in vain
    unseen    it does not ask: the host is not, or not yet, among its targets

Every series of the answer says in the label `asked` what it is. The rules behind `host:up:*` are in
`prometheus/rules/availability.yml`; a Prometheus without them tells no times and no shares.
"""

from __future__ import annotations

import enum
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

from bridge import limits
from bridge.core.access import Scope
from bridge.core.answers import Value
from bridge.core.inventory import Host
from bridge.core.promql import ASKED
from bridge.core.quoting import quote_regex, quote_value

MONTH: Final = timedelta(days=30)
"""How far back availability reaches."""
_HOUR: Final = timedelta(hours=1)
_HOURS: Final = MONTH // _HOUR + 1
_LAST_SECOND: Final = 253402300799.0  # of the year 9999
_OWN: Final = "node|agent"
CEILINGS: Final = ("monitor", "actions", "shell")
"""What hosts allow at most, the least first, in the words that stand in their owners' files."""
_Known: TypeAlias = Mapping[tuple[str, str], float]
"""What is known of a host: by what was asked, and the job or the level that it is of."""


class State(enum.Enum):
    """How a host, or what runs on it, stands."""

    DOWN = "down"
    UNSEEN = "unseen"
    UP = "up"


@dataclass(frozen=True, kw_only=True)
class Presence:
    """How one host of the inventory stands."""

    host: Host
    state: State
    since: datetime | None = None
    """Since when it is up or down; None where nothing tells."""
    sampled_at: datetime | None = None
    """When Prometheus last asked it."""
    share: float | None = None
    """Of the time that it was watched, how much it was up: 0 to 1."""
    observed: timedelta | None = None
    """How long it was watched, a month at most."""
    agent: State | None = None
    """How its agent stands; None where it has none yet."""
    ceiling: str = ""
    """What it allows at most, as its agent says; empty where that is not heard."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """Something else that Prometheus asks."""

    job: str
    name: str
    """Its host, or where it names none its address."""
    instance: str
    is_up: bool
    sampled_at: datetime | None = None


def write_states(hosts: Sequence[str] | None) -> str:
    """Ask which of some hosts, or of all, answer: no more than that, there may be thousands."""
    node = choose_hosts(hosts, 'job="node"')
    return f"max by (host) (up{node})"


def read_states(values: Iterable[Value], hosts: Iterable[Host]) -> tuple[tuple[Host, State], ...]:
    """Read the answer to `write_states`: those that are down first, else as in the inventory."""
    known = {each.labels.get("host", ""): each.value for each in values}
    found = [(host, _read_state(known.get(host.name))) for host in hosts]
    states = list(State)
    return tuple(sorted(found, key=lambda each: states.index(each[1])))


def write_presence(hosts: Sequence[str], *, with_shares: bool = True) -> str:
    """Ask how some hosts stand, and how much of the time they were up."""
    own = choose_hosts(hosts, f'job=~"{_OWN}"')
    node = choose_hosts(hosts, 'job="node"')
    agent = choose_hosts(hosts, 'job="agent"')
    which = choose_hosts(hosts)
    asked = {
        "up": f"max by (host, job) (up{own})",
        "at": f"max by (host, job) (timestamp(up{own}))",
        "since": f"host:up:since{which}",
        "ceiling": f"max by (host, level) (opswire_agent_ceiling{agent})",
    }
    if with_shares:
        asked |= {
            "first": f"host:up:first_seen{which}",
            # Both are reckoned once an hour.
            "share": f"last_over_time(host:up:avg30d{which}[2h])",
            "hours": f"last_over_time(host:up:hours30d{which}[2h])",
            "lately": f"avg by (host) (avg_over_time(up{node}[1h]))",
        }
    return " or ".join(mark(expression, key) for key, expression in asked.items())


def write_agent_sampled(host: str) -> str:
    """Ask whether a host's agent has answered lately."""
    which = choose_hosts([host], 'job="agent"')
    return f"max(up{which})"


def read_presence(
    values: Iterable[Value], hosts: Iterable[Host], *, now: datetime
) -> tuple[Presence, ...]:
    """Read the answer to `write_presence`, host by host."""
    known: dict[str, dict[tuple[str, str], float]] = defaultdict(dict)
    for each in values:
        labels = each.labels
        key = (labels.get(ASKED, ""), labels.get("job", labels.get("level", "")))
        known[labels.get("host", "")][key] = each.value
    return tuple(_read_host(host, known.get(host.name, {}), now) for host in hosts)


def write_targets() -> str:
    """Ask what else Prometheus watches."""
    others = f'up{{job!~"{_OWN}"}}'
    return f"{mark(others, 'up')} or {mark(f'timestamp({others})', 'at')}"


def read_targets(values: Iterable[Value], hosts: Iterable[str] | None) -> tuple[Target, ...]:
    """Read the answer to `write_targets`: of some hosts, or all; those that are down first."""
    visible = None if hosts is None else set(hosts)
    states: dict[tuple[str, str, str], bool] = {}
    times: dict[tuple[str, str, str], datetime | None] = {}
    for each in values:
        host = each.labels.get("host", "")
        if visible is not None and host not in visible:
            continue
        key = (each.labels.get("job", ""), host, each.labels.get("instance", ""))
        if each.labels.get(ASKED) == "at":
            times[key] = read_instant(each.value)
        else:
            states[key] = each.value == 1
    ordered = sorted(states.items(), key=lambda each: (each[1], each[0]))
    return tuple(
        Target(
            job=job,
            name=host or instance,
            instance=instance,
            is_up=is_up,
            sampled_at=times.get((job, host, instance)),
        )
        for (job, host, instance), is_up in ordered
    )


def narrow(hosts: Sequence[Host], scope: Scope) -> Sequence[str] | None:
    """Say which hosts to ask about: a few by their names; of many all, and choose afterwards."""
    if not scope.is_limited or len(hosts) > limits.ASKED_HOSTS:
        return None
    return [each.name for each in hosts]


def choose_hosts(hosts: Sequence[str] | None, *matchers: str) -> str:
    """Write the braces that choose the series of some hosts, or of all."""
    chosen = list(matchers)
    if hosts is not None:
        chosen.append(f"host=~{quote_value('|'.join(quote_regex(each) for each in hosts))}")
    return f"{{{','.join(chosen)}}}"


def mark(expression: str, key: str) -> str:
    """Say in the answer itself what a series of it is."""
    return f'label_replace({expression},"{ASKED}","{key}","","")'


def read_instant(seconds: float | None) -> datetime | None:
    """Read seconds since 1970; None for what is no moment."""
    if seconds is None or not math.isfinite(seconds) or not 0 <= seconds <= _LAST_SECOND:
        return None
    return datetime.fromtimestamp(seconds, UTC)


def _read_host(host: Host, known: _Known, now: datetime) -> Presence:
    state = _read_state(known.get(("up", "node")))
    agent = _read_state(known.get(("up", "agent"))) if host.agent_address else None
    share = known.get(("share", ""), known.get(("lately", ""), math.nan))
    has_share = math.isfinite(share)
    return Presence(
        host=host,
        state=state,
        since=None if state is State.UNSEEN else read_instant(known.get(("since", ""))),
        sampled_at=read_instant(known.get(("at", "node"))),
        share=min(max(share, 0.0), 1.0) if has_share else None,
        observed=_read_observed(known, now) if has_share else None,
        agent=agent,
        ceiling=_read_ceiling(known) if agent is State.UP else "",
    )


def _read_state(up: float | None) -> State:
    if up is None:
        return State.UNSEEN
    return State.UP if up == 1 else State.DOWN


def _read_ceiling(known: _Known) -> str:
    """Say what a host allows; of two that it claims, the higher: it is never made to look safe."""
    claimed = [each for each in CEILINGS if known.get(("ceiling", each)) == 1]
    return claimed[-1] if claimed else ""


def _read_observed(known: _Known, now: datetime) -> timedelta:
    """Say how long a host was watched: since it was first seen, or all the hours that are kept.

    The first hour that is kept may be a part of one only. Where neither is known, it is the last.
    """
    first = read_instant(known.get(("first", "")))
    kept = known.get(("hours", ""), 0.0)
    if first is None and not kept:
        return _HOUR
    since = max(now - first, timedelta(0)) if first else timedelta(0)
    hours = max(int(min(kept, _HOURS)) - 1, 0) * _HOUR if math.isfinite(kept) else timedelta(0)
    longest = max(since, hours)
    return MONTH if longest >= MONTH - _HOUR else longest
