"""Alertmanager's words: what a webhook says, read as far as it can be read.

The webhook of version 4 is documented by Alertmanager; `status`, `commonLabels` and
`commonAnnotations` of the whole payload are computed after truncation there and are therefore not
used here.
"""

from __future__ import annotations

import enum
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from bridge.errors import Mistake

VERSION: Final = "4"
_MOST = 10**9  # chosen: a larger count is nonsense, and some cannot even be written
_FRACTION = re.compile(r"\.(\d{6})\d+")  # Go prints nanoseconds; Python reads microseconds
_REGEX_QUOTE = re.compile(
    r"\\([.+*?()|\[\]{}^$\\])"
)  # receivers arrive quoted as regular expressions


class Severity(enum.Enum):
    """How bad an alert is, the worst first; `OTHER` is any word we do not know."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"
    OTHER = "other"

    @property
    def rank(self) -> int:
        """Position in the order of urgency: 0 is the worst."""
        return _RANKS[self]

    @classmethod
    def of(cls, labels: Mapping[str, str]) -> Severity:
        """Read the severity from an alert's labels."""
        return _SEVERITIES.get(labels.get("severity", "").strip().lower(), cls.OTHER)


_RANKS: Final = {severity: rank for rank, severity in enumerate(Severity)}
_SEVERITIES: Final = {severity.value: severity for severity in Severity}


class Status(enum.Enum):
    """What Alertmanager says of an alert."""

    FIRING = "firing"
    RESOLVED = "resolved"


@dataclass(frozen=True, kw_only=True)
class Alert:
    """One alert as Alertmanager reported it at one moment."""

    status: Status
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    started_at: datetime
    ended_at: datetime | None
    """When it ended; None while it fires."""
    generator_url: str = ""
    fingerprint: str = ""
    """Alertmanager's own name of the label set, for its API; may be empty."""
    received_at: datetime | None = None
    """When we heard it, by our clock; None where nobody sent it."""

    @property
    def identity(self) -> str:
        """Name this label set: 64 hexadecimal digits.

        Computed here, because a hand-written webhook may repeat or omit `fingerprint` and two
        different alerts would then become one. Without any label the annotations have to tell
        alerts apart.
        """
        return _digest(dict(self.labels) or {"annotations": dict(self.annotations)})


@dataclass(frozen=True, kw_only=True)
class Unreadable:
    """Part of a webhook that is not an alert as we know them; shown as it came."""

    raw: str
    fault: str

    @property
    def identity(self) -> str:
        """Name this text: 64 hexadecimal digits."""
        return _digest(self.raw)


@dataclass(frozen=True, kw_only=True)
class Notification:
    """One webhook: a group's alerts as one Alertmanager saw them."""

    source: str
    """The name that sets apart Alertmanagers that watch different things; usually empty.

    All that post here under one name tell one truth, as the members of a cluster do.
    """
    alertmanager: str
    """The external URL of the one that speaks."""
    receiver: str
    group_key: str
    group_labels: Mapping[str, str]
    truncated: int
    """How many alerts Alertmanager left out."""
    reason: str = ""
    """Why Alertmanager speaks; it says so since 0.32."""
    alerts: tuple[Alert, ...] = ()
    unreadable: tuple[Unreadable, ...] = field(default=())

    @property
    def group(self) -> str:
        """Name the group across receivers and sources: 64 hexadecimal digits."""
        key = self.group_key or json.dumps(dict(self.group_labels), sort_keys=True)
        return _digest([self.source, self.receiver, key])


def parse_webhook(body: object, now: datetime, source: str = "") -> Notification:
    """Read a decoded webhook body; what cannot be read becomes `Unreadable`, never an error.

    Raises:
        Mistake: the body declares another version than 4.
    """
    require_version(body)
    if not isinstance(body, Mapping):
        whole = Unreadable(raw=_as_json(body), fault="the body is not an object")
        return Notification(
            source=source,
            alertmanager="",
            receiver="",
            group_key="",
            group_labels={},
            truncated=0,
            unreadable=(whole,),
        )
    alerts: list[Alert] = []
    unreadable: list[Unreadable] = []
    for member in _members(body.get("alerts")):
        try:
            alerts.append(_parse_alert(member, now))
        except _NotAnAlertError as fault:
            unreadable.append(Unreadable(raw=_as_json(member), fault=str(fault)))
    return Notification(
        source=source,
        alertmanager=_text(body.get("externalURL")),
        receiver=_REGEX_QUOTE.sub(r"\1", _text(body.get("receiver"))),
        group_key=_text(body.get("groupKey")),
        group_labels=_texts(body.get("groupLabels")),
        truncated=_count(body.get("truncatedAlerts")),
        reason=_text(body.get("notification_reason")),
        alerts=tuple(alerts),
        unreadable=tuple(unreadable),
    )


def require_version(body: object) -> None:
    """Refuse what declares another version than 4.

    Raises:
        Mistake: it does.
    """
    version = body.get("version", VERSION) if isinstance(body, Mapping) else VERSION
    if str(version) != VERSION:
        raise Mistake(
            f'webhook version {_as_json(version)[:40]} is not known; this bridge reads version "4"'
        )


def count_members(body: object) -> int:
    """Count what a decoded webhook holds, readable or not."""
    return len(_members(body.get("alerts"))) if isinstance(body, Mapping) else 1


class _NotAnAlertError(Exception):
    pass


def _members(alerts: object) -> list[object]:
    if alerts is None:
        return []
    return list(alerts) if isinstance(alerts, list) else [alerts]


def _parse_alert(member: object, now: datetime) -> Alert:
    if not isinstance(member, Mapping):
        raise _NotAnAlertError("it is not an object")
    labels = member.get("labels")
    if labels is not None and not isinstance(labels, Mapping):
        raise _NotAnAlertError("its labels are not an object")
    started_at = _instant(member.get("startsAt")) or now
    ended_at = _instant(member.get("endsAt"))
    status = _status(member.get("status"), ended_at, now)
    if status is Status.FIRING:
        ended_at = None
    elif ended_at is None or ended_at < started_at:
        ended_at = max(now, started_at)
    return Alert(
        status=status,
        labels=_texts(labels),
        annotations=_texts(member.get("annotations")),
        started_at=started_at,
        ended_at=ended_at,
        generator_url=_text(member.get("generatorURL")),
        fingerprint=_text(member.get("fingerprint")),
        received_at=now,
    )


def _status(word: object, ended_at: datetime | None, now: datetime) -> Status:
    """Believe the word; without one, an end in the past means resolved. In doubt, it fires."""
    if word == Status.RESOLVED.value:
        return Status.RESOLVED
    if word != Status.FIRING.value and ended_at is not None and ended_at <= now:
        return Status.RESOLVED
    return Status.FIRING


def _instant(value: object) -> datetime | None:
    """Read an RFC 3339 time; Go's zero time and anything unreadable are None."""
    if not isinstance(value, str):
        return None
    try:
        instant = datetime.fromisoformat(_FRACTION.sub(r".\1", value.strip()))
        instant = instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return instant if instant.year > 1 else None


def _texts(value: object) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        return {"value": _text(value)}
    return {str(key): _text(each) for key, each in value.items()}


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else _as_json(value)


def _count(value: object) -> int:
    return min(value, _MOST) if isinstance(value, int) and value > 0 else 0


def _as_json(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=True, sort_keys=True)
    except RecursionError:  # read with little of the stack in use, written with more
        return json.dumps("nested too deep to be shown")


def _digest(value: object) -> str:
    return hashlib.sha256(_as_json(value).encode()).hexdigest()
