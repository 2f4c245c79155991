"""The dead man's switch: an alert that always fires, and what its absence means.

    awaited ──not seen for the patience──► silent ──seen again──► awaited

A pipeline is a Prometheus and its way to us, told apart by the labels it gives its Watchdog. Each
is expected once it has been seen. While the bridge itself was away nobody could have been heard:
the patience counts from when it began to look. Several bridges that share a store share what each
has seen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from bridge import limits
from bridge.core.alerts import Alert, Status
from bridge.core.notices import NoticeFacts, NoticeKind
from bridge.core.readiness import Readiness

NAME: Final = "Watchdog"
STATE_NAME: Final = "watchdog"
"""Under which name the state is remembered."""
FORGOTTEN: Final = "forgotten"
"""The detail of a notice that is over because its pipeline is no longer expected."""
_VITAL: Final = ("store", "telegram", "audience")
_OF_THE_RULE: Final = frozenset({"alertname", "severity", "scope"})


def is_watchdog(labels: Mapping[str, str]) -> bool:
    """Say whether an alert with these labels is the one that always fires."""
    return labels.get("alertname") == NAME


def find_pipelines(alerts: tuple[Alert, ...], *, source: str = "") -> frozenset[str]:
    """Name the pipelines whose Watchdog fires among these alerts of a source."""
    return frozenset(
        name_pipeline(alert.labels, source)
        for alert in alerts
        if is_watchdog(alert.labels) and alert.status is Status.FIRING
    )


def name_pipeline(labels: Mapping[str, str], source: str = "") -> str:
    """Name a pipeline by its source and what its Watchdog has beyond the rule's own labels.

    A name may be empty; one that is too long is cut and told apart by a digest of the whole.
    """
    own = sorted((name, value) for name, value in labels.items() if name not in _OF_THE_RULE)
    named = [("source", source), *own] if source else own
    whole = ", ".join(f"{name}={value}" for name, value in named)
    if len(whole) <= limits.PIPELINE_CHARACTERS:
        return whole
    digest = hashlib.sha256(whole.encode(errors="backslashreplace")).hexdigest()[:8]
    return f"{whole[: limits.PIPELINE_CHARACTERS - 10]}… {digest}"


def may_vouch(readiness: Readiness, *, is_silent: bool) -> bool:
    """Say whether the bridge may tell the outside that alerts get through it."""
    vital = [readiness.problems.get(party, "not looked at yet") for party in _VITAL]
    return not any(vital) and not is_silent


@dataclass(frozen=True, kw_only=True)
class _Pipeline:
    seen_at: datetime
    silent_since: datetime | None = None
    """What was told to be the beginning of its silence; None where none was told."""
    back_at: datetime | None = None
    """When it was seen again after that; not told yet."""


class Watchdog:
    """Knows when each pipeline was last heard of."""

    def __init__(self, patience: timedelta) -> None:
        self._patience = patience
        self._pipelines: dict[str, _Pipeline] = {}
        self._counts_from: datetime | None = None
        self._looked_at: datetime | None = None
        self._on_disk: dict[str, Any] = {}
        self._written_at: datetime | None = None
        self._forgotten: frozenset[str] = frozenset()
        self._left_out = 0
        self._is_overflow_said = False
        self.is_restored = False

    @property
    def is_silent(self) -> bool:
        """Say whether a pipeline is silent, as the chats were told."""
        return any(each.silent_since and not each.back_at for each in self._pipelines.values())

    def saw(self, now: datetime, pipeline: str = "") -> None:
        """Note that its Watchdog fires."""
        known = self._pipelines.get(pipeline, _Pipeline(seen_at=now))
        back_at = (known.back_at or now) if known.silent_since else None
        self._pipelines[pipeline] = replace(known, seen_at=now, back_at=back_at)

    def look(self, now: datetime) -> list[NoticeFacts]:
        """Say what the chats are to be told now; it is said again until `note_told`."""
        looked_at, self._looked_at = self._looked_at, now
        if looked_at is None or not timedelta(0) <= now - looked_at <= limits.WATCHDOG_GAP:
            # The bridge was away, or the clock was set: what was not seen means nothing.
            self._counts_from = now
        self._forget(now)
        notices = (self._judge(name, each, now) for name, each in self._pipelines.items())
        return [notice for notice in notices if notice]

    def say_left_out(self) -> int:
        """Say how many there were no room for at the last look; once, afterwards 0."""
        if self._is_overflow_said or not self._left_out:
            return 0
        self._is_overflow_said = True
        return self._left_out

    def note_told(self, notice: NoticeFacts) -> None:
        """Remember what the chats were told."""
        known = self._pipelines[notice.subject]
        if notice.detail == FORGOTTEN:
            del self._pipelines[notice.subject]
            return
        if notice.until is not None:
            told = replace(known, silent_since=None, back_at=None)
        else:
            # It may have been seen while it was told to be silent.
            back_at = known.seen_at if known.seen_at > notice.since else None
            told = replace(known, silent_since=notice.since, back_at=back_at)
        self._pipelines[notice.subject] = told

    def is_unwritten(self, now: datetime) -> bool:
        """Say whether there is something to write to disk, and it is time to."""
        if {name: each["silent_since"] for name, each in self._on_disk.items()} != {
            name: _write_moment(each.silent_since) for name, each in self._pipelines.items()
        }:
            return True  # what the chats know is written at once
        at = self._written_at
        is_recent = at is not None and timedelta(0) <= now - at < limits.WATCHDOG_WRITTEN
        return not is_recent and self._on_disk != self.write()

    def note_written(self, written: dict[str, Any], now: datetime) -> None:
        """Remember what is on disk since when."""
        self._on_disk, self._written_at = written, now

    def write(self) -> dict[str, Any]:
        """Give the state as JSON."""
        return {
            name: {
                "seen_at": _write_moment(each.seen_at),
                "silent_since": _write_moment(each.silent_since),
                "back_at": _write_moment(each.back_at),
            }
            for name, each in self._pipelines.items()
        }

    def merge(self, written: Any) -> None:  # JSON, as `write` gave it, or None
        """Take up what is remembered; what was seen here counts as well.

        Another bridge may have written it, or written over what we told: what it told, we know as
        told, and an end is rather told twice, which is an edit, than not at all.
        """
        self.is_restored = True
        kept = _read(written)
        self._on_disk = written if kept else {}
        for name, other in kept.items():
            known = self._pipelines.get(name)
            self._pipelines[name] = _join(known, other) if known else other

    def _judge(self, name: str, known: _Pipeline, now: datetime) -> NoticeFacts | None:
        since, until, detail = known.silent_since, None, ""
        if since is None:
            if now - max(known.seen_at, self._counts_from or now) <= self._patience:
                return None
            since = known.seen_at
        elif known.back_at is not None:
            until = max(known.back_at, since)
        elif name in self._forgotten:
            until, detail = max(now, since), FORGOTTEN
        else:
            return None
        return NoticeFacts(
            kind=NoticeKind.PIPELINE_SILENT,
            since=since,
            until=until,
            subject=name,
            detail=detail,
        )

    def _forget(self, now: datetime) -> None:
        """Put the clock's leaps right, and let go of pipelines that others have outlived.

        The same goes for those that there is no room for: the newest win. One that the chats were
        told of is kept until they are told that it is no longer expected.
        """
        for name, each in self._pipelines.items():
            # A moment of the future comes from a clock that was put back; it counts as now.
            self._pipelines[name] = replace(each, seen_at=min(each.seen_at, now))
        by_name = sorted(self._pipelines)
        by_age = sorted(by_name, key=lambda name: self._pipelines[name].seen_at, reverse=True)
        newest = self._pipelines[by_age[0]].seen_at if by_age else now
        outlived = {
            name
            for name in by_age
            if newest - self._pipelines[name].seen_at > limits.PIPELINE_FORGOTTEN
        }
        self._forgotten = frozenset(by_age[limits.PIPELINES :]) | outlived
        self._left_out = len(by_age[limits.PIPELINES :])
        self._pipelines = {
            name: each
            for name, each in self._pipelines.items()
            if name not in self._forgotten or each.silent_since
        }


def _join(known: _Pipeline, other: _Pipeline) -> _Pipeline:
    """Put together what two know of a pipeline: it is back once seen after its silence began."""
    seen_at = max(known.seen_at, other.seen_at)
    silences = [each for each in (known.silent_since, other.silent_since) if each]
    if not silences:
        return _Pipeline(seen_at=seen_at)
    silent_since = max(silences)
    is_ours = known.silent_since == silent_since
    back_at = known.back_at if is_ours else None
    if back_at is None and other.silent_since == silent_since:
        back_at = other.back_at
    if back_at is None and seen_at > silent_since:
        back_at = seen_at
    return _Pipeline(seen_at=seen_at, silent_since=silent_since, back_at=back_at)


def _read(written: Any) -> dict[str, _Pipeline]:  # JSON of whatever version wrote it
    try:
        return {
            str(name): _Pipeline(
                seen_at=datetime.fromisoformat(each["seen_at"]),
                silent_since=_read_moment(each["silent_since"]),
                back_at=_read_moment(each["back_at"]),
            )
            for name, each in (written or {}).items()
        }
    except (AttributeError, KeyError, TypeError, ValueError):
        return {}


def _read_moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _write_moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
