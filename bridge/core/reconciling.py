"""What we hold as firing, compared with what the Alertmanagers list.

A webhook may never come: an end is lost when Alertmanager restarts, is swallowed under a silence,
and a firing after it is then taken for the one already told. The lists are the truth that is left:

    open here, once listed, in no list for a while    its end was missed: it ends
    listed and unmuted for a while, not open here     its beginning was missed: it is put as new
    listed as silenced or inhibited                   it is shown so, and no more once it is not

Absence counts only when every Alertmanager has answered and has run long enough to have been told
everything again, and only for an episode that was once in a list: others come from elsewhere. All
this is about what came without a source: a source's name sets apart other Alertmanagers.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from bridge import limits
from bridge.core.alerts import VERSION, Alert
from bridge.core.audience import Destination
from bridge.core.cards import Muting
from bridge.core.listed import Listed, ListedGroup, Listing
from bridge.core.watchdog import is_watchdog

_ZERO_TIME: Final = "0001-01-01T00:00:00Z"  # Go's, for an alert that is not over
_SPECIAL: Final = re.compile(r"([\\.+*?()|\[\]{}^$])")


@dataclass(frozen=True, kw_only=True)
class OpenEpisode:
    """An episode that fires, as far as the lists are concerned."""

    id: int
    identity: str
    """Its alert's name, by the labels alone."""
    started_at: datetime
    muting: Muting | None
    vouched_at: datetime | None
    """When a list last had it; None: never."""


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What one pass tells the next."""

    at: datetime | None = None
    """When the last pass was."""
    absent: Mapping[int, datetime] = field(default_factory=dict)
    """Open episodes in no list, and since when."""
    missing: Mapping[str, datetime] = field(default_factory=dict)
    """Listed alerts that are not open here, and since when."""
    put: Mapping[str, datetime] = field(default_factory=dict)
    """Alerts that were put as new, and when."""
    freed: Mapping[int, datetime] = field(default_factory=dict)
    """Episodes held as inhibited that are not any more, and since when."""

    def noting_put(self, wanted: Iterable[str], put: Iterable[str], now: datetime) -> Memory:
        """Remember what was put; what was not, because its group is muted, has to wait anew."""
        missing = {**self.missing, **dict.fromkeys(wanted, now)}
        return replace(self, missing=missing, put={**self.put, **dict.fromkeys(put, now)})

    def noting_kept(self, kept: Collection[int]) -> Memory:
        """Remember what did not end: it was reported meanwhile, and its absence counts anew."""
        absent = {each: since for each, since in self.absent.items() if each not in kept}
        return replace(self, absent=absent)


@dataclass(frozen=True, kw_only=True)
class Writer:
    """A receiver of Alertmanager's that is known to write to us, and how it does."""

    receiver: str
    alertmanager: str
    """The external URL of the one that last did."""
    addressed: Destination | None = None
    routes: tuple[str, ...] = ()
    """The routes that lead to it, as the keys of its groups name them."""


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A webhook that should have come, and the way it would have."""

    body: Mapping[str, Any]
    writer: Writer
    identities: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Repairs:
    """What one pass has to put right."""

    endings: Mapping[int, datetime]
    """Episodes that are over, and when they were first seen absent."""
    mutings: Mapping[int, Muting | None]
    vouched: Collection[int]
    missed: Collection[str]
    """Identities of alerts whose beginning never came."""
    memory: Memory


def reconcile(
    listings: Sequence[Listing | None],
    episodes: Collection[OpenEpisode],
    receivers: Collection[str],
    memory: Memory,
    now: datetime,
) -> Repairs:
    """Compare; a listing is None where that Alertmanager did not answer.

    `receivers` are those that are known to write to us.
    """
    memory = _forget(memory, now)
    seen = [listing for listing in listings if listing is not None]
    listed = _by_identity(seen)
    absent = {
        each: memory.absent.get(each, now) for each in _find_absent(listings, listed, episodes)
    }
    missing = {
        identity: memory.missing.get(identity, now)
        for identity in _find_missing(seen, listed, episodes, receivers)
    }
    patience = _patience(seen)
    mutings, freed = _hold_back(_find_mutings(listed, episodes), episodes, memory, now)
    return Repairs(
        endings={
            each.id: max(absent[each.id], each.started_at)
            for each in episodes
            if each.id in absent and now - absent[each.id] >= limits.ABSENCE
        },
        mutings=mutings,
        vouched=[
            each.id
            for each in episodes
            if each.identity in listed
            and (each.vouched_at is None or now - each.vouched_at >= limits.VOUCH_AGAIN)
        ],
        missed=[
            identity
            for identity, since in missing.items()
            if now - since >= patience and identity not in memory.put
        ],
        memory=replace(memory, at=now, absent=absent, missing=missing, freed=freed),
    )


def write_letters(
    missed: Collection[str], groups: Iterable[ListedGroup], writers: Iterable[Writer]
) -> list[Letter]:
    """Write what Alertmanager should have sent: one body a group and writer."""
    # Members of a cluster list the same alert in the same group.
    wanted: dict[tuple[str, str], tuple[ListedGroup, dict[str, Alert]]] = {}
    for group in groups:
        key = (group.receiver, json.dumps(dict(group.labels), sort_keys=True))
        alerts = wanted.setdefault(key, (group, {}))[1]
        alerts |= {each.identity: each for each in group.alerts if each.identity in missed}
    return [
        Letter(
            body=_write_body(group, list(alerts.values()), writer),
            writer=writer,
            identities=frozenset(alerts),
        )
        for writer in writers
        for group, alerts in wanted.values()
        if alerts and group.receiver == writer.receiver
    ]


def find_route(group_key: str, group_labels: Mapping[str, str]) -> str:
    """Take the route out of a group's key, `route:labels`; empty where it cannot be told."""
    labels = _write_labels(group_labels)
    return group_key.removesuffix(f":{labels}") if group_key.endswith(f":{labels}") else ""


def _write_body(group: ListedGroup, alerts: Iterable[Alert], writer: Writer) -> dict[str, Any]:
    # With one known route the group is the one that Alertmanager itself would name.
    route = writer.routes[0] if len(writer.routes) == 1 else ""
    return {
        "version": VERSION,
        "groupKey": f"{route}:{_write_labels(group.labels)}" if route else "",
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": _SPECIAL.sub(r"\\\1", group.receiver),  # as Alertmanager quotes it
        "groupLabels": dict(group.labels),
        "externalURL": writer.alertmanager,
        "alerts": [_write_alert(each) for each in alerts],
    }


def _write_labels(labels: Mapping[str, str]) -> str:
    """Write labels as Alertmanager does in the key of a group."""
    pairs = (
        f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in sorted(labels.items())
    )
    return f"{{{', '.join(pairs)}}}"


def _write_alert(alert: Alert) -> dict[str, Any]:
    return {
        "status": "firing",
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "startsAt": alert.started_at.isoformat(),
        "endsAt": _ZERO_TIME,
        "generatorURL": alert.generator_url,
        "fingerprint": alert.fingerprint,
    }


def _forget(memory: Memory, now: datetime) -> Memory:
    """Let go of what a gap between two passes, or a clock that was put back, has made unsure."""
    put = {each: at for each, at in memory.put.items() if abs(now - at) < limits.MISSING_AGAIN}
    if memory.at is not None and timedelta(0) <= now - memory.at <= limits.RECONCILE_GAP:
        return replace(memory, put=put)
    return Memory(put=put)


def _by_identity(seen: Iterable[Listing]) -> dict[str, list[Listed]]:
    found: dict[str, list[Listed]] = defaultdict(list)
    for listing in seen:
        for each in listing.alerts:
            found[each.alert.identity].append(each)
    return dict(found)


def _find_absent(
    listings: Sequence[Listing | None],
    listed: Collection[str],
    episodes: Iterable[OpenEpisode],
) -> list[int]:
    """Find what no list has; nothing, unless every Alertmanager's word counts."""
    counts = [each is not None and each.up_for >= limits.ABSENCE for each in listings]
    if not counts or not all(counts):
        return []
    return [
        each.id for each in episodes if each.vouched_at is not None and each.identity not in listed
    ]


def _find_mutings(
    listed: Mapping[str, Sequence[Listed]], episodes: Iterable[OpenEpisode]
) -> dict[int, Muting | None]:
    """Find what is muted otherwise than we hold; it is only muted where every list says so."""
    changed: dict[int, Muting | None] = {}
    for episode in episodes:
        said = {each.muting for each in listed.get(episode.identity, ()) if each.is_settled}
        if not said:
            continue
        muting = None if None in said else min(said, key=lambda each: each != Muting.SILENCED)
        if muting is not episode.muting:
            changed[episode.id] = muting
    return changed


def _hold_back(
    mutings: Mapping[int, Muting | None],
    episodes: Iterable[OpenEpisode],
    memory: Memory,
    now: datetime,
) -> tuple[dict[int, Muting | None], dict[int, datetime]]:
    """Believe in the end of an inhibition once it has lasted; answer since when it is over, too.

    What was inhibited often ends a moment after what inhibited it, and no phone need sound.
    """
    freed = {
        each.id: memory.freed.get(each.id, now)
        for each in episodes
        if each.muting is Muting.INHIBITED and each.id in mutings and mutings[each.id] is None
    }
    believed = {
        each: muting
        for each, muting in mutings.items()
        if each not in freed or now - freed[each] >= limits.INHIBITION_OVER
    }
    return believed, freed


def _find_missing(
    seen: Iterable[Listing],
    listed: Mapping[str, Sequence[Listed]],
    episodes: Iterable[OpenEpisode],
    receivers: Collection[str],
) -> list[str]:
    """Find what a list has for us, unmuted, and we do not."""
    held = {each.identity for each in episodes}
    known = frozenset(receivers)
    # Before 0.28 nothing tells whether the time of day mutes an alert: then nothing is missed.
    has_times = any(listing.standing.has_times for listing in seen)
    return [
        identity
        for identity, said in listed.items()
        if identity not in held
        and all(each.is_settled and each.muting is None for each in said)
        and any(each.receivers & known for each in said)
        and not is_watchdog(said[0].alert.labels)
        and not (has_times and not all(each.tells_times for each in said))
    ]


def _patience(seen: Iterable[Listing]) -> timedelta:
    """Say how long a webhook may take by right: the groups' waits, and the cluster's in turn."""
    waits = (listing.standing.group_wait for listing in seen)
    return max(waits, default=timedelta(0)) + limits.MISSING_SHORTEST
