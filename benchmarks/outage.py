"""A seeded outage: who breaks when, when it is over, and what a webhook says at each moment."""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random
from typing import Any

from benchmarks.bodies import write_member, write_moment

NAMES = (
    "AgentDown",
    "AgentHighCPU",
    "AgentHighMemory",
    "AgentHighDisk",
    "AgentHighLoad",
    "AgentSwapping",
    "AgentReadOnlyDisk",
    "AgentClockSkew",
    "AgentRebooted",
    "AgentOutOfFiles",
    "AgentNetworkErrors",
    "AgentUnitFailed",
    "ProbeFailed",
    "ProbeSlow",
    "CertificateExpiring",
    "DatabaseDown",
    "DatabaseSlow",
    "ReplicaLagging",
    "QueueGrowing",
    "QueueStuck",
    "CacheCold",
    "RequestsFailing",
    "RequestsSlow",
    "BackupMissing",
    "RaidDegraded",
)
CRITICAL_SHARE, INFO_SHARE, OVER_SHARE = 0.05, 0.2, 0.3
LASTS_SECONDS = (12.0, 40.0)  # of those that are over within the run

Key = tuple[str, str]
"""An alert's host and name."""


@dataclass(frozen=True)
class Trouble:
    """One alert of the outage; times are seconds from its beginning."""

    key: Key
    severity: str
    begins: float
    ends: float | None

    def labels(self) -> dict[str, str]:
        """Write its labels."""
        host, name = self.key
        return {"alertname": name, "host": host, "severity": self.severity, "job": "node"}

    def annotations(self) -> dict[str, str]:
        """Write its annotations."""
        host, name = self.key
        return {"summary": f"{host}: {name} for the last minute"}

    def member(self, epoch: float, *, over: bool) -> dict[str, Any]:
        """Write it as a member of a webhook."""
        ended = write_moment(epoch + (self.ends or 0.0)) if over else ""
        return write_member(
            self.labels(),
            self.annotations(),
            started=write_moment(epoch + self.begins),
            ended=ended,
        )


def plan_outage(*, alerts: int, groups: int, seconds: float, seed: int) -> list[Trouble]:
    """Plan an outage: alerts spread over hosts and time, the first critical in the first second."""
    chance = Random(seed)  # noqa: S311 - the same outage for everybody who measures
    hosts = [f"web-{number:03}" for number in range(groups)]
    keys = _spread(hosts, alerts, chance)
    outage = []
    for count, key in enumerate(keys):
        begins = chance.uniform(0, 1) if count == 0 else chance.uniform(0, seconds)
        lasts = chance.uniform(*LASTS_SECONDS) if chance.random() < OVER_SHARE else None
        severity = "critical" if count == 0 else _severity(chance)
        outage.append(Trouble(key, severity, begins, None if lasts is None else begins + lasts))
    return sorted(outage, key=lambda each: each.begins)


def read_keys(text: str, *, is_caption: bool = False) -> set[Key]:
    """Find the alerts that a text names: host and name in one line, between commas.

    A text about one host names it once for all its lines; not so a caption, where the counts by
    name say nothing about the one host that is called the newest.
    """
    hosts = set(_HOST.findall(text))
    for_all = hosts if len(hosts) == 1 and not is_caption else set()
    return {
        (host, name)
        for piece in _PIECES.split(text)
        for name in _NAME.findall(piece)
        for host in _HOST.findall(piece) or for_all
    }


_PIECES = re.compile(r"[\n,]")
_HOST = re.compile(r"\bweb-\d{3}\b")
_NAME = re.compile(rf"\b(?:{'|'.join(NAMES)})\b")


def _spread(hosts: list[str], alerts: int, chance: Random) -> list[Key]:
    """Give every host an alert, and the rest to whoever has a name left."""
    if not len(hosts) <= alerts <= len(hosts) * len(NAMES):
        raise ValueError(f"give 1 to {len(NAMES)} alerts a group")
    every = [(host, name) for host in hosts for name in NAMES]
    first = [(host, chance.choice(NAMES)) for host in hosts]
    taken = set(first)
    rest = [key for key in every if key not in taken]
    keys = first + chance.sample(rest, alerts - len(first))
    chance.shuffle(keys)
    return keys


def _severity(chance: Random) -> str:
    drawn = chance.random()
    if drawn < CRITICAL_SHARE:
        return "critical"
    return "info" if drawn > 1 - INFO_SHARE else "warning"
