"""What Alertmanager's API v2 lists, read strictly: half a list would prove nothing.

A list is asked for because of what is not in it; so whatever cannot be read is a failure of the
whole answer, not of one entry.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bridge.core.alerts import Alert, parse_webhook
from bridge.core.cards import Muting
from bridge.core.spans import parse_span

# Alertmanager's defaults for a route that says nothing.
_GROUP_WAIT: Final = timedelta(seconds=30)
_GROUP_INTERVAL: Final = timedelta(minutes=5)
_WAITS: Final = re.compile(
    r"^(?P<margin> *(?:- )?)(?P<name>group_wait|group_interval): *(?P<span>[0-9a-z]+) *$",
    re.MULTILINE,
)
_ROOT_MARGIN: Final = "  "  # the configuration is told as Alertmanager itself writes it


class UnlikeAlertmanagerError(Exception):
    """The answer is not what API v2 answers."""


@dataclass(frozen=True, kw_only=True)
class Listed:
    """One alert that an Alertmanager holds as not over."""

    alert: Alert
    receivers: frozenset[str]
    muting: Muting | None
    is_settled: bool
    """Whether Alertmanager has looked at it, so that `muting` is known."""
    tells_times: bool = True
    """Whether this Alertmanager would say, in its groups, that the time of day mutes an alert."""


@dataclass(frozen=True, kw_only=True)
class ListedGroup:
    """One group of a route's, with the alerts that nothing mutes."""

    receiver: str
    labels: Mapping[str, str]
    alerts: tuple[Alert, ...]


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What an Alertmanager says of itself."""

    started_at: datetime
    group_wait: timedelta
    """The longest that its routes let an alert wait in a group that is being told of."""
    has_times: bool
    """Whether its routes know times in which they keep quiet."""


@dataclass(frozen=True, kw_only=True)
class Listing:
    """One Alertmanager's whole list at one moment."""

    alerts: tuple[Listed, ...]
    standing: Standing
    up_for: timedelta


def parse_alerts(body: object, now: datetime) -> tuple[Listed, ...]:
    """Read `GET /api/v2/alerts`; raise `UnlikeAlertmanagerError` for anything else."""
    return tuple(_parse_listed(each, now) for each in _expect(body, list))


def parse_groups(body: object, now: datetime) -> tuple[ListedGroup, ...]:
    """Read `GET /api/v2/alerts/groups`; what is muted, by silence or by time, is left out."""
    return tuple(_parse_group(_expect(each, dict), now) for each in _expect(body, list))


def parse_standing(body: object) -> Standing:
    """Read `GET /api/v2/status`."""
    status = _expect(body, dict)
    told = _expect(_expect(status.get("config"), dict).get("original"), str)
    try:
        started_at = datetime.fromisoformat(_to_microseconds(_expect(status.get("uptime"), str)))
    except ValueError as fault:
        raise UnlikeAlertmanagerError("the beginning of its run is no time") from fault
    if started_at.tzinfo is None:
        raise UnlikeAlertmanagerError("the beginning of its run has no time zone")
    return Standing(
        started_at=started_at.astimezone(UTC),
        group_wait=_read_group_wait(told),
        has_times=any(word in told for word in ("mute_time_intervals", "active_time_intervals")),
    )


def _parse_group(group: Mapping[str, Any], now: datetime) -> ListedGroup:
    members = [_expect(each, dict) for each in _expect(group.get("alerts"), list)]
    unmuted = [each for each in members if not _is_kept_quiet(each)]
    listed = [_parse_listed(each, now) for each in unmuted]
    return ListedGroup(
        receiver=_name_of(group.get("receiver")),
        labels={
            str(name): _expect(value, str)
            for name, value in _expect(group.get("labels"), dict).items()
        },
        alerts=tuple(each.alert for each in listed if each.is_settled and each.muting is None),
    )


def _is_kept_quiet(member: Mapping[str, Any]) -> bool:
    """Say whether the time of day mutes it; Alertmanager tells since 0.28, and in groups alone."""
    return bool(_expect(member.get("status"), dict).get("mutedBy"))


def _parse_listed(member: object, now: datetime) -> Listed:
    told = _expect(member, dict)
    status = _expect(told.get("status"), dict)
    # The API names an alert's fields as a webhook does, but for `status`.
    read = parse_webhook({"alerts": [{**told, "status": "firing"}]}, now).alerts
    if not read or not isinstance(told.get("labels"), dict):
        raise UnlikeAlertmanagerError("an alert of its list is none")
    return Listed(
        alert=read[0],
        receivers=frozenset(_name_of(each) for each in _expect(told.get("receivers"), list)),
        muting=_read_muting(status),
        is_settled=status.get("state") in {"active", "suppressed"},
        tells_times="mutedBy" in status,
    )


def _read_muting(status: Mapping[str, Any]) -> Muting | None:
    if status.get("silencedBy"):
        return Muting.SILENCED
    return Muting.INHIBITED if status.get("inhibitedBy") else None


def _read_group_wait(configuration: str) -> timedelta:
    """Find the longest wait for a group to begin and go on, over all routes."""
    longest = {"group_wait": timedelta(0), "group_interval": timedelta(0)}
    of_root = set()
    for match in _WAITS.finditer(configuration):
        try:
            span = parse_span(match["span"])
        except ValueError:
            span = timedelta(0)  # 0s, or milliseconds
        longest[match["name"]] = max(longest[match["name"]], span)
        if match["margin"] == _ROOT_MARGIN:
            of_root.add(match["name"])
    for name, default in (("group_wait", _GROUP_WAIT), ("group_interval", _GROUP_INTERVAL)):
        if name not in of_root:
            longest[name] = max(longest[name], default)
    return longest["group_wait"] + longest["group_interval"]


def _name_of(receiver: object) -> str:
    name: str = _expect(_expect(receiver, dict).get("name"), str)
    return name


def _to_microseconds(written: str) -> str:
    """Cut Go's nanoseconds to what Python reads."""
    return re.sub(r"\.(\d{6})\d+", r".\1", written)


def _expect(value: object, kind: type) -> Any:
    if not isinstance(value, kind):
        raise UnlikeAlertmanagerError(f"{type(value).__name__} where {kind.__name__} belongs")
    return value
