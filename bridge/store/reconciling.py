"""Episodes as the Alertmanagers' lists see them, and the receivers that write to us.

Only what came without a source is compared: the lists are of the Alertmanagers that watch what the
owner's own do, and a source sets apart those that watch something else.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from bridge import limits
from bridge.core.alerts import Alert, Notification, Severity, Status
from bridge.core.audience import Destination
from bridge.core.cards import Muting
from bridge.core.hearing import Hearing
from bridge.core.outbox import Kind
from bridge.core.reconciling import OpenEpisode, Repairs, Writer, find_route
from bridge.core.rings import RingKind, worst
from bridge.store.boards import find_standing_boards
from bridge.store.cards import note_repeats
from bridge.store.database import Database
from bridge.store.episodes import in_chunks, name_alert
from bridge.store.places import find_hearing
from bridge.store.rings import Ring, put_ring
from bridge.store.tables import card_episodes, cards, episodes, messages, state

WRITER: Final = "writer:"  # begins the names of these rows of `state`
ROUTES: Final = 8  # chosen: beyond one, which of them a group belongs to is not told anyway

Touch = Callable[[Connection, Sequence[int], datetime], None]
"""Asks for the cards that show these episodes to be shown anew."""


class Reconciling:
    """What is open, and the way to put it right."""

    def __init__(self, database: Database, touch: Touch, hearing: Hearing) -> None:
        self._database = database
        self._touch = touch
        self._hearing = hearing
        # Labels never change: each is read once. None: it came from a source.
        self._identities: dict[int, str | None] = {}

    async def find_open(self) -> list[OpenEpisode]:
        """List what fires of all that came without a source.

        Raises:
            Outage: the database did not answer.
        """
        found, self._identities = await self._database.read(
            lambda connection: _find_open(connection, self._identities)
        )
        return found

    async def find_writers(self, *, now: datetime) -> list[Writer]:
        """List the receivers that have written to us lately without a source, and how they do.

        Of a receiver's ways those that it has long left for others are not told.

        Raises:
            Outage: the database did not answer.
        """
        lately = select(state.c.value, state.c.noted_at).where(
            state.c.name.startswith(WRITER), state.c.noted_at > now - limits.WRITER_KEPT
        )
        rows = await self._database.read(lambda connection: connection.execute(lately).all())
        rows = [row for row in rows if not row.value["way"][0]]
        newest: dict[str, datetime] = {}
        for row in rows:
            receiver = row.value["receiver"]
            newest[receiver] = max(row.noted_at, newest.get(receiver, row.noted_at))
        # Ways in use together are noted within a day of each other.
        return [
            _read_writer(row.value)
            for row in rows
            if newest[row.value["receiver"]] - row.noted_at <= 2 * limits.WRITER_NOTED
        ]

    async def repair(self, repairs: Repairs, *, now: datetime) -> list[int]:
        """Write what was found, and ask for the cards anew; answer which episodes have changed.

        Raises:
            Outage: nothing of it was kept.
        """
        if not (repairs.endings or repairs.mutings or repairs.vouched):
            return []
        return await self._database.write(lambda connection: self._repair(connection, repairs, now))

    def _repair(self, connection: Connection, repairs: Repairs, now: datetime) -> list[int]:
        vouch(connection, list(repairs.vouched), now)
        held = _find_held(connection, sorted({*repairs.endings, *repairs.mutings}))
        changed = [
            row.id
            for row in held
            if row.id not in repairs.endings
            or not _is_reported(row.noted_at, repairs.endings[row.id], now)
        ]
        _write_mutings(connection, repairs, changed)
        _write_endings(connection, repairs, changed, now)
        if changed:
            self._touch(connection, changed, now)
        # Of several bridges only one finds it muted still.
        muted = [row.id for row in held if row.muting is not None]
        unmuted = [each for each in muted if repairs.mutings.get(each, Muting.SILENCED) is None]
        if unmuted:
            _ring_unmuted(connection, unmuted, find_hearing(connection, self._hearing), now)
        return changed


def vouch(connection: Connection, episode_ids: Sequence[int], now: datetime) -> None:
    """Note that an Alertmanager's own list has these."""
    for chunk in in_chunks(episode_ids):
        listed = update(episodes).where(episodes.c.id.in_(chunk))
        connection.execute(listed.values(vouched_at=now))


def note_writer(
    connection: Connection,
    notification: Notification,
    addressed: Destination | None,
    now: datetime,
) -> None:
    """Remember that a receiver writes to us, and how; a row is written when that is news."""
    if not notification.receiver:
        return
    way = [notification.source, addressed.chat_id if addressed else None]
    way.append(addressed.thread_id if addressed else None)
    name = _name_writer(notification.receiver, *way)
    known = connection.execute(select(state).where(state.c.name == name)).one_or_none()
    route = find_route(notification.group_key, notification.group_labels)
    routes = [] if known is None else list(known.value["routes"])
    if route and route not in routes and len(routes) < ROUTES:
        routes.append(route)
    value = {
        "receiver": notification.receiver,
        "alertmanager": notification.alertmanager,
        "way": way,
        "routes": routes,
    }
    if known is None:
        _forget_writers(connection, now)
        connection.execute(insert(state).values(name=name, value=value, noted_at=now))
    elif known.value["routes"] != routes or now - known.noted_at > limits.WRITER_NOTED:
        renew = update(state).where(state.c.name == name)
        connection.execute(renew.values(value=value, noted_at=now))


def _find_open(
    connection: Connection, known: dict[int, str | None]
) -> tuple[list[OpenEpisode], dict[int, str | None]]:
    columns = (
        episodes.c.id,
        episodes.c.started_at,
        episodes.c.muting,
        episodes.c.vouched_at,
    )
    rows = connection.execute(select(*columns).where(episodes.c.ended_at.is_(None))).all()
    identities = {row.id: known[row.id] for row in rows if row.id in known}
    for chunk in in_chunks([row.id for row in rows if row.id not in known]):
        named = select(episodes.c.id, episodes.c.alert, episodes.c.facts, episodes.c.started_at)
        for row in connection.execute(named.where(episodes.c.id.in_(chunk))):
            own = _identity(row)
            identities[row.id] = own if row.alert == name_alert("", own) else None
    found = [
        OpenEpisode(
            id=row.id,
            identity=identity,
            started_at=row.started_at,
            muting=Muting(row.muting) if row.muting else None,
            vouched_at=row.vouched_at,
        )
        for row in rows
        if (identity := identities[row.id]) is not None
    ]
    return found, identities


def _identity(row: Any) -> str:  # a row of `episodes`
    """Name an episode's alert as a list would."""
    return Alert(
        status=Status.FIRING,
        labels=row.facts["labels"],
        annotations=row.facts["annotations"],
        started_at=row.started_at,
        ended_at=None,
    ).identity


def _find_held(connection: Connection, episode_ids: Sequence[int]) -> list[Any]:
    """Find what is open still: what a webhook has ended meanwhile is no longer ours to change."""
    found: list[Any] = []
    for chunk in in_chunks(episode_ids):
        held = select(episodes.c.id, episodes.c.noted_at, episodes.c.muting)
        held = held.where(episodes.c.id.in_(chunk), episodes.c.ended_at.is_(None))
        found += connection.execute(held).all()
    return found


def _is_reported(noted_at: datetime, absent_since: datetime, now: datetime) -> bool:
    """Say whether a webhook has said since the absence began, or beside the lists, that it fires.

    It notes that after a while only, and the pass is older than its lists. What is noted further
    ahead comes from a clock that was put back, and says nothing.
    """
    return absent_since + limits.FIRING_NOTED < noted_at <= now + limits.RECONCILE_GAP


def _ring_unmuted(
    connection: Connection, episode_ids: Sequence[int], hearing: Hearing, now: datetime
) -> None:
    """Let phones sound for what fires on unmuted: Alertmanager keeps quiet until it repeats.

    A card that nobody has seen yet rings itself; where a storm is, its board speaks.
    """
    storms = {
        place for place, board in find_standing_boards(connection).items() if board.over_at is None
    }
    about: dict[tuple[int, Destination], dict[int, Severity]] = defaultdict(dict)
    for chunk in in_chunks(episode_ids):
        for row in connection.execute(_SHOWING.where(episodes.c.id.in_(chunk))):
            place = Destination(row.chat_id, row.thread_id)
            labels = row.facts["labels"]
            severity = Severity.of(labels)
            is_heard = "instead_of" in row.about or hearing.hears(place, labels)
            if place not in storms and hearing.sounds_at_first(severity) and is_heard:
                about[row.card_id, place][row.id] = severity
    for (card_id, place), severities in about.items():
        ring = Ring(
            card_id=card_id,
            destination=place,
            kind=RingKind.REPEAT,
            episode_ids=list(severities),
            worst=worst(list(severities.values())),
        )
        put_ring(connection, ring, now)
    # The repeat that Alertmanager may send a moment later is none then.
    for chunk in in_chunks(sorted(card_id for card_id, _ in about)):
        note_repeats(connection, chunk, now)


_SHOWING: Final = (
    select(episodes.c.id, episodes.c.facts, card_episodes.c.card_id)
    .add_columns(cards.c.chat_id, cards.c.thread_id, cards.c.about)
    .join(card_episodes, card_episodes.c.episode_id == episodes.c.id)
    .join(cards, cards.c.id == card_episodes.c.card_id)
    .join(messages, messages.c.card_id == cards.c.id)
    .where(
        cards.c.closed_at.is_(None),
        messages.c.kind == Kind.CARD.value,
        messages.c.telegram_id.is_not(None),
    )
)


def _write_mutings(connection: Connection, repairs: Repairs, changed: Collection[int]) -> None:
    rows = [
        {"row": each, "what": muting.value if muting else None}
        for each, muting in repairs.mutings.items()
        if each in set(changed)
    ]
    if rows:
        write = update(episodes).where(episodes.c.id == bindparam("row"))
        connection.execute(write.values(muting=bindparam("what")), rows)


def _write_endings(
    connection: Connection, repairs: Repairs, changed: Collection[int], now: datetime
) -> None:
    rows = [
        {"row": each, "end": ended_at}
        for each, ended_at in repairs.endings.items()
        if each in set(changed)
    ]
    if rows:
        write = update(episodes).where(episodes.c.id == bindparam("row"))
        connection.execute(write.values(ended_at=bindparam("end"), noted_at=now), rows)


def _forget_writers(connection: Connection, now: datetime) -> None:
    old = delete(state).where(
        state.c.name.startswith(WRITER), state.c.noted_at <= now - limits.WRITER_KEPT
    )
    connection.execute(old)


def _name_writer(*parts: object) -> str:
    digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    return f"{WRITER}{digest[:48]}"


def _read_writer(value: Any) -> Writer:  # as note_writer wrote it
    _, chat_id, thread_id = value["way"]
    return Writer(
        receiver=value["receiver"],
        alertmanager=value["alertmanager"],
        addressed=None if chat_id is None else Destination(chat_id, thread_id or 0),
        routes=tuple(value["routes"]),
    )
