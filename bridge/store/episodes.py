"""Episodes on disk: folding a webhook's alerts into what is held."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from bridge.core.alerts import Notification
from bridge.core.episodes import Episode, Step, fold
from bridge.store.tables import episodes

CHUNK = 500  # SQLite takes 999 parameters in its oldest builds


@dataclass(frozen=True)
class Kept:
    """An episode as it stands after one report."""

    id: int
    step: Step
    is_open: bool


def put_alerts(connection: Connection, notification: Notification, now: datetime) -> list[Kept]:
    """Fold every alert of a webhook into its latest episode; answer one entry an episode."""
    named = [(_digest(notification.source, alert.identity), alert) for alert in notification.alerts]
    latest = _find_latest(connection, sorted({digest for digest, _ in named}))
    kept: dict[int, Kept] = {}
    for digest, alert in named:
        held = latest.get(digest)
        step, episode = fold(held[1] if held else None, alert)
        row = held[0] if held else 0
        if step is Step.BEGIN:
            row = _insert(connection, digest, episode, now)
        elif step is Step.CHANGE:
            changed = update(episodes).where(episodes.c.id == row)
            connection.execute(changed.values(_columns(episode, now)))
        latest[digest] = (row, episode)
        before = kept.get(row)
        if before is not None and step is Step.KEEP:
            step = before.step  # the same alert twice in one webhook
        kept[row] = Kept(row, step, episode.is_open)
    return list(kept.values())


def read_episode(row: Row[Any]) -> Episode:
    """Make an episode of a row of `episodes`."""
    return Episode(started_at=row.started_at, ended_at=row.ended_at, **row.facts)


def in_chunks(ids: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Cut a list into pieces that fit one statement."""
    for start in range(0, len(ids), CHUNK):
        yield ids[start : start + CHUNK]


def _insert(connection: Connection, digest: str, episode: Episode, now: datetime) -> int:
    begin = insert(episodes).values(alert=digest, **_columns(episode, now))
    return int(connection.execute(begin.returning(episodes.c.id)).scalar_one())


def _columns(episode: Episode, now: datetime) -> dict[str, Any]:
    return {
        "facts": {
            "labels": dict(episode.labels),
            "annotations": dict(episode.annotations),
            "generator_url": episode.generator_url,
            "fingerprint": episode.fingerprint,
        },
        "started_at": episode.started_at,
        "ended_at": episode.ended_at,
        "noted_at": now,
    }


def _find_latest(connection: Connection, digests: Sequence[str]) -> dict[str, tuple[int, Episode]]:
    found: dict[str, tuple[int, Episode]] = {}
    for chunk in in_chunks(digests):
        newest = (
            select(func.max(episodes.c.id))
            .where(episodes.c.alert.in_(chunk))
            .group_by(episodes.c.alert)
        )
        for row in connection.execute(select(episodes).where(episodes.c.id.in_(newest))):
            found[row.alert] = (row.id, read_episode(row))
    return found


def _digest(source: str, identity: str) -> str:
    """Name an alert of one Alertmanager; the source may hold anything a stranger typed."""
    return hashlib.sha256(ascii([source, identity]).encode()).hexdigest()
