"""Episodes on disk: folding a webhook's alerts into what is held."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, func, insert, or_, select, update

from bridge import limits
from bridge.core.alerts import Alert, Severity, Status
from bridge.core.cards import Ending, Member, Muting
from bridge.core.episodes import Episode, Step, fold
from bridge.store.tables import episodes

_MOMENTS = ("after", "claimed_at", "restarted_at")  # those among an episode's facts
CHUNK = 500  # SQLite takes 999 parameters in its oldest builds


@dataclass(frozen=True, kw_only=True)
class Kept:
    """An episode as it stands after one webhook."""

    id: int
    step: Step
    is_open: bool
    has_ended: bool
    """Whether this webhook ended it."""
    labels: Mapping[str, str]

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return Severity.of(self.labels)


@dataclass
class _Held:
    """The latest episode of one alert, while a webhook is folded into it."""

    id: int
    """0 while it is not on disk."""
    episode: Episode
    was_open: bool
    step: Step = Step.KEEP
    noted_at: datetime | None = None
    vouched_at: datetime | None = None


def put_alerts(
    connection: Connection,
    source: str,
    alerts: Sequence[Alert],
    now: datetime,
    *,
    is_listed: bool = False,
) -> list[Kept]:
    """Fold every alert of a webhook into its latest episode; answer one entry an episode.

    What is listed fires for certain, whenever it says that it began.
    """
    named = [(name_alert(source, alert.identity), alert) for alert in alerts]
    latest = _find_latest(connection, sorted({digest for digest, _ in named}))
    earlier: list[_Held] = []
    begun: list[tuple[str, _Held]] = []
    for digest, alert in named:
        held = latest.get(digest)
        step, episode = _fold(held, alert, is_listed=is_listed)
        if step is Step.BEGIN:
            if held is not None:
                earlier.append(held)
            vouched_at = _inherit(held, alert)
            latest[digest] = _Held(
                0, episode, was_open=False, step=Step.BEGIN, vouched_at=vouched_at
            )
            begun.append((digest, latest[digest]))
        elif held is not None and step is Step.CHANGE:
            held.episode = episode
            held.step = Step.BEGIN if held.step is Step.BEGIN else Step.CHANGE
    touched = [*earlier, *latest.values()]
    # Ends first: at most one episode of an alert is open.
    _update(connection, [each for each in touched if each.id and each.step is Step.CHANGE], now)
    _insert(connection, begun, now)
    fires = {digest for digest, alert in named if alert.status is Status.FIRING}
    _note_firing(connection, [each for name, each in latest.items() if name in fires], now)
    return [_kept(each) for each in touched]


def read_episode(row: Row[Any]) -> Episode:
    """Make an episode of a row of `episodes`."""
    facts = dict(row.facts)
    after, claimed_at, restarted_at = (_read_moment(facts.pop(name, None)) for name in _MOMENTS)
    return Episode(
        started_at=row.started_at,
        ended_at=row.ended_at,
        after=after,
        claimed_at=claimed_at,
        restarted_at=restarted_at,
        **facts,
    )


def read_member(row: Row[Any]) -> Member:
    """Make a card's member of a row of `episodes`."""
    return Member(
        labels=row.facts["labels"],
        annotations=row.facts["annotations"],
        started_at=row.started_at,
        ended_at=row.ended_at,
        generator_url=row.facts["generator_url"],
        ending=Ending(row.ending) if row.ending else None,
        muting=Muting(row.muting) if row.muting else None,
        episode_id=row.id,
    )


def note_endings(connection: Connection, endings: Mapping[int, Ending]) -> None:
    """Write what the ends of episodes really were."""
    if endings:
        note = (
            update(episodes)
            .where(episodes.c.id == bindparam("episode"), episodes.c.ended_at.is_not(None))
            .values(ending=bindparam("what"))
        )
        rows = [{"episode": each, "what": ending.value} for each, ending in endings.items()]
        connection.execute(note, rows)


def in_chunks(ids: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Cut a list into pieces that fit one statement."""
    for start in range(0, len(ids), CHUNK):
        yield ids[start : start + CHUNK]


def name_alert(source: str, identity: str) -> str:
    """Name an alert of one source; the source may hold anything a stranger typed."""
    return hashlib.sha256(ascii([source, identity]).encode()).hexdigest()


def _kept(held: _Held) -> Kept:
    return Kept(
        id=held.id,
        step=held.step,
        is_open=held.episode.is_open,
        has_ended=held.was_open and not held.episode.is_open,
        labels=held.episode.labels,
    )


def _insert(connection: Connection, begun: Sequence[tuple[str, _Held]], now: datetime) -> None:
    # An alert that fired and ended twice in one webhook has its rows in that order.
    rows = [
        {"alert": digest, "vouched_at": held.vouched_at, **_columns(held.episode, now)}
        for digest, held in begun
    ]
    if not rows:
        return
    statement = insert(episodes).returning(episodes.c.id, sort_by_parameter_order=True)
    for (_, held), number in zip(begun, connection.execute(statement, rows).scalars(), strict=True):
        held.id = number


def _update(connection: Connection, changed: Sequence[_Held], now: datetime) -> None:
    if not changed:
        return
    change = (
        update(episodes)
        .where(episodes.c.id == bindparam("row"))
        .values({name: bindparam(f"{name}_now") for name in _columns(changed[0].episode, now)})
    )
    rows = []
    for held in changed:
        columns = _columns(held.episode, now)
        rows.append({"row": held.id} | {f"{name}_now": value for name, value in columns.items()})
    connection.execute(change, rows)


def _fold(held: _Held | None, alert: Alert, *, is_listed: bool) -> tuple[Step, Episode]:
    latest = held.episode if held else None
    step, episode = fold(latest, alert)
    if is_listed and step is Step.KEEP and episode.ended_at is not None:
        earliest = episode.claimed_at or episode.started_at
        return fold(latest, replace(alert, started_at=earliest))
    return step, episode


def _inherit(before: _Held | None, alert: Alert) -> datetime | None:
    """Say when a list last had the alert, where this may be a late copy of what has ended.

    It fires, for in doubt that wins; but should no list have it, it ends like any other.
    """
    if before is None or before.episode.ended_at is None:
        return None
    return before.vouched_at if alert.started_at < before.episode.ended_at else None


def _note_firing(connection: Connection, reported: Sequence[_Held], now: datetime) -> None:
    """Write when an open episode was last reported, now and then: it is no news else."""
    rows = [
        {"row": held.id}
        for held in reported
        if held.step is Step.KEEP and held.was_open and held.noted_at is not None
        # Also where the clock was put back.
        if abs(now - held.noted_at) > limits.FIRING_NOTED
    ]
    if rows:
        note = update(episodes).where(episodes.c.id == bindparam("row"))
        connection.execute(note.values(noted_at=now), rows)


def _columns(episode: Episode, now: datetime) -> dict[str, Any]:
    return {
        "facts": {
            "labels": dict(episode.labels),
            "annotations": dict(episode.annotations),
            "generator_url": episode.generator_url,
            "fingerprint": episode.fingerprint,
            **{name: _write_moment(getattr(episode, name)) for name in _MOMENTS},
        },
        "started_at": episode.started_at,
        "ended_at": episode.ended_at,
        "noted_at": now,
    }


def _read_moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _write_moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _find_latest(connection: Connection, digests: Sequence[str]) -> dict[str, _Held]:
    found: dict[str, _Held] = {}
    for chunk in in_chunks(digests):
        newest = (
            select(func.max(episodes.c.id))
            .where(episodes.c.alert.in_(chunk))
            .group_by(episodes.c.alert)
        )
        is_open = and_(episodes.c.alert.in_(chunk), episodes.c.ended_at.is_(None))
        # The open one is the latest, also where a database of 0001 numbered it before another.
        either = select(episodes).where(or_(episodes.c.id.in_(newest), is_open))
        for row in connection.execute(either.order_by(episodes.c.ended_at.is_(None))):
            episode = read_episode(row)
            found[row.alert] = _Held(
                row.id,
                episode,
                was_open=episode.is_open,
                noted_at=row.noted_at,
                vouched_at=row.vouched_at,
            )
    return found
