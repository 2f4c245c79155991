"""Cards on disk: one standing card a group and chat, and the episodes it shows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from bridge.core.access import Scope
from bridge.core.alerts import Notification
from bridge.core.audience import UNWANTED, Destination, Hearer, hear_everything
from bridge.core.cards import CardFacts, Change, in_order
from bridge.core.episodes import Step
from bridge.core.hearing import FindHost, covers_alert
from bridge.errors import Missing
from bridge.store.boards import tell_boards
from bridge.store.database import Database
from bridge.store.episodes import Kept, in_chunks, read_member
from bridge.store.messages import Want, want_cards
from bridge.store.places import follow_moves
from bridge.store.tables import card_episodes, cards, episodes, messages


@dataclass(kw_only=True)
class Touched:
    """What one webhook did to one card."""

    card_id: int
    destination: Destination
    is_begun: bool = False
    """Whether the card itself is new."""
    begun: list[Kept] = field(default_factory=list)
    """The alerts that joined it and fire."""
    ended: int = 0
    is_changed: bool = False
    """Whether anything that it shows is different now."""
    is_over: bool = False
    """Whether nothing of it fires any more."""
    told_at: datetime | None = None
    """When the chat last heard of a standing card."""


class Cards:
    """The cards, for somebody who asks about one of them."""

    def __init__(self, database: Database, find_host: FindHost) -> None:
        self._database = database
        self._find_host = find_host

    async def find(
        self, card_id: int, *, here: Destination, scope: Scope, below: int | None = None
    ) -> CardFacts:
        """Tell the truth of a card as far as it exists for whoever asks.

        It may be asked for only in the chat where it stands, by a button `below` the message that
        shows it if by one at all, and the hosts of its alerts have to exist for the scope.

        Raises:
            Missing: it is not kept any more, or is not for them.
            Outage: the database did not answer.
        """
        facts = await self._database.read(
            lambda connection: _find_there(connection, card_id, here, below)
        )
        if facts is not None:
            members = tuple(
                each for each in facts.members if covers_alert(scope, each.labels, self._find_host)
            )
            if len(members) == len(facts.members):
                return facts
            if members:
                # What has happened, and what was cut off, may be about the others.
                return replace(facts, members=members, change=None, truncated=0)
        raise Missing("this card is no longer kept; /alerts says what fires")


def _find_there(
    connection: Connection, card_id: int, here: Destination, below: int | None
) -> CardFacts | None:
    asked = select(cards.c.chat_id).where(cards.c.id == card_id)
    chat_id = connection.execute(asked).scalar_one_or_none()
    # People of a forum read all its topics.
    if chat_id is None or chat_id != follow_moves(connection)(here).chat_id:
        return None
    # The number of a card that is no more may be another's by now; its message's is not.
    shows = (messages.c.card_id == card_id, messages.c.telegram_id == below)
    if below is not None and not connection.execute(select(messages.c.id).where(*shows)).first():
        return None
    return find_facts(connection, card_id)


def put_cards(
    connection: Connection,
    notification: Notification,
    kept: Sequence[Kept],
    audience: Sequence[Hearer],
    now: datetime,
) -> list[Touched]:
    """Bring the cards in line with the episodes; answer every card that the webhook is about.

    An episode that changed touches every card that shows it, whoever the webhook addressed; one
    that a destination's cards do not show yet joins its standing card, if it is heard there. One
    that is heard nowhere is filed.
    """
    touched = _touch_showing(connection, [each for each in kept if each.step is not Step.KEEP])
    for hearer in audience:
        card = _join(connection, notification, kept, hearer, now)
        if card is not None:
            card.ended = touched[card.card_id].ended if card.card_id in touched else 0
            card.is_changed |= card.card_id in touched
            touched[card.card_id] = card
    unwanted = _find_unwanted(connection, kept, audience)
    if unwanted:
        nobody = Hearer(destination=UNWANTED, addressed=audience[0].addressed)
        filed = _join(connection, notification, unwanted, nobody, now)
        touched |= {filed.card_id: filed} if filed else {}
    finished = close_finished(connection, touched, now)
    for card_id in finished:
        touched[card_id].is_over = True
    return [each for each in touched.values() if each.destination != UNWANTED]


def _find_unwanted(
    connection: Connection, kept: Sequence[Kept], audience: Sequence[Hearer]
) -> list[Kept]:
    """Find what none of the audience hears and no card shows."""
    if any(each.hears is hear_everything for each in audience):
        return []
    unheard = [
        each
        for each in kept
        if _is_news(each) and not any(hearer.hears(each.labels) for hearer in audience)
    ]
    shown = find_shown(connection, [each.id for each in unheard])
    return [each for each in unheard if each.id not in shown]


def _is_news(kept: Kept) -> bool:
    """Say whether there is anything to show to who has not seen it."""
    return kept.is_open or kept.step is not Step.KEEP


def find_facts(connection: Connection, card_id: int) -> CardFacts:
    """Gather a card's whole truth."""
    card = connection.execute(select(cards).where(cards.c.id == card_id)).one()
    shown = (
        select(episodes)
        .join(card_episodes, card_episodes.c.episode_id == episodes.c.id)
        .where(card_episodes.c.card_id == card_id)
    )
    change = None
    if card.change and card.changed_at:
        change = Change(at=card.changed_at, **card.change)
    return CardFacts(
        members=in_order([read_member(row) for row in connection.execute(shown)]),
        change=change,
        repeated_at=card.repeated_at,
        card_id=card.id,
        **card.about,
    )


def find_cards_of(connection: Connection, episode_ids: Sequence[int]) -> set[int]:
    """Find every card that shows one of these episodes."""
    found: set[int] = set()
    for chunk in in_chunks(episode_ids):
        showing = select(card_episodes.c.card_id).where(card_episodes.c.episode_id.in_(chunk))
        found |= set(connection.execute(showing).scalars())
    return found


def touch_cards_of(connection: Connection, episode_ids: Sequence[int], now: datetime) -> None:
    """Ask for every card that shows one of these episodes to be shown anew; close those over."""
    found = find_cards_of(connection, episode_ids)
    over = close_finished(connection, found, now)
    wants = {card_id: Want(is_over=card_id in over) for card_id in found}
    want_cards(connection, wants, now)
    tell_boards(connection, found, now)


def note_changes(
    connection: Connection, touched: Iterable[Touched], worse: Mapping[int, int], now: datetime
) -> None:
    """Write what a webhook did to standing cards; `worse` counts by card."""
    rows = [
        {
            "card": each.card_id,
            "what": {
                "begun": len(each.begun),
                "ended": each.ended,
                "worse": worse.get(each.card_id, 0),
            },
        }
        for each in touched
        if not each.is_begun and (each.begun or each.ended)
    ]
    if rows:
        note = update(cards).where(cards.c.id == bindparam("card"))
        connection.execute(note.values(change=bindparam("what"), changed_at=now), rows)


def note_repeats(connection: Connection, card_ids: Sequence[int], now: datetime) -> None:
    """Write that Alertmanager said again that all of these cards still fire."""
    if card_ids:
        repeated = update(cards).where(cards.c.id.in_(card_ids)).values(repeated_at=now)
        connection.execute(repeated)


def drop_cards(connection: Connection, card_ids: Sequence[int]) -> None:
    """Forget cards, and with them their messages."""
    for chunk in in_chunks(card_ids):
        connection.execute(delete(card_episodes).where(card_episodes.c.card_id.in_(chunk)))
        connection.execute(delete(cards).where(cards.c.id.in_(chunk)))


def _touch_showing(connection: Connection, changed: Sequence[Kept]) -> dict[int, Touched]:
    """Find the cards that show what has changed."""
    by_id = {each.id: each for each in changed}
    touched: dict[int, Touched] = {}
    for chunk in in_chunks(sorted(by_id)):
        showing = (
            select(card_episodes.c.episode_id, cards.c.id, cards.c.chat_id, cards.c.thread_id)
            .join(cards, cards.c.id == card_episodes.c.card_id)
            .where(card_episodes.c.episode_id.in_(chunk))
        )
        for row in connection.execute(showing):
            card = touched.setdefault(
                row.id,
                Touched(card_id=row.id, destination=Destination(row.chat_id, row.thread_id)),
            )
            card.is_changed = True
            card.ended += by_id[row.episode_id].has_ended
    return touched


def _join(
    connection: Connection,
    notification: Notification,
    kept: Sequence[Kept],
    hearer: Hearer,
    now: datetime,
) -> Touched | None:
    """Let the standing card of a destination take what it does not show; begin one if need be."""
    destination = hearer.destination
    heard = [each for each in kept if hearer.hears(each.labels)]
    if not heard:
        return None
    standing = find_standing(connection, notification.group, destination)
    shown = find_shown(connection, [each.id for each in heard], destination)
    joining = [each for each in heard if each.id not in shown and _is_news(each)]
    about = _about(notification) | write_whose(hearer)
    if standing is None:
        if not joining:
            return None
        card_id, told_at = open_card(connection, notification.group, destination, about, now), None
    else:
        card_id = standing.id
        told_at = max(filter(None, (standing.opened_at, standing.changed_at, standing.repeated_at)))
    card = Touched(
        card_id=card_id, destination=destination, is_begun=standing is None, told_at=told_at
    )
    if standing is not None and standing.about != about:
        connection.execute(update(cards).where(cards.c.id == card_id).values(about=about))
        card.is_changed |= standing.about["truncated"] != about["truncated"]
    if joining:
        card.is_changed = True
        card.begun = [each for each in joining if each.is_open]
        rows = [{"card_id": card_id, "episode_id": each.id} for each in joining]
        connection.execute(insert(card_episodes), rows)
    return card


def _about(notification: Notification) -> dict[str, Any]:
    return {
        "group_labels": dict(notification.group_labels),
        "receiver": notification.receiver,
        "source": notification.alertmanager,
        "truncated": notification.truncated,
    }


def write_whose(hearer: Hearer) -> dict[str, Any]:
    """Write for whom a hearer hears, and whether Alertmanager sends it there alone."""
    addressed = {"addressed": str(hearer.addressed)} if hearer.addressed else {}
    if hearer.instead_of is None:
        return addressed
    return addressed | {"instead_of": str(hearer.instead_of), "instead_because": hearer.because}


def find_standing(connection: Connection, group: str, destination: Destination) -> Any:
    """Find the open card of a group in a destination: a row, or None."""
    standing = select(cards).where(
        cards.c.alert_group == group,
        cards.c.chat_id == destination.chat_id,
        cards.c.thread_id == destination.thread_id,
        cards.c.closed_at.is_(None),
    )
    return connection.execute(standing).one_or_none()


def open_card(
    connection: Connection,
    group: str,
    destination: Destination,
    about: Mapping[str, Any],
    now: datetime,
) -> int:
    """Begin the card of a group in a destination."""
    begin = (
        insert(cards)
        .values(
            chat_id=destination.chat_id,
            thread_id=destination.thread_id,
            alert_group=group,
            about=about,
            opened_at=now,
        )
        .returning(cards.c.id)
    )
    return int(connection.execute(begin).scalar_one())


def find_shown(
    connection: Connection, episode_ids: Sequence[int], here: Destination | None = None
) -> set[int]:
    """Find which of these episodes have a card, in one destination or in any."""
    found: set[int] = set()
    for chunk in in_chunks(episode_ids):
        shown = select(card_episodes.c.episode_id).where(card_episodes.c.episode_id.in_(chunk))
        if here is not None:
            shown = shown.join(cards, cards.c.id == card_episodes.c.card_id).where(
                cards.c.chat_id == here.chat_id, cards.c.thread_id == here.thread_id
            )
        found |= set(connection.execute(shown).scalars())
    return found


def close_finished(connection: Connection, card_ids: Collection[int], now: datetime) -> set[int]:
    """Close the cards whose members are all over; the group's next firing opens another.

    Answers all that are over, those closed before too.
    """
    over: set[int] = set()
    for chunk in in_chunks(sorted(card_ids)):
        firing = (
            select(card_episodes.c.card_id)
            .join(episodes, episodes.c.id == card_episodes.c.episode_id)
            .where(card_episodes.c.card_id.in_(chunk), episodes.c.ended_at.is_(None))
        )
        finished = set(chunk) - set(connection.execute(firing).scalars())
        if finished:
            over |= finished
            closing = update(cards).where(cards.c.id.in_(finished), cards.c.closed_at.is_(None))
            connection.execute(closing.values(closed_at=now))
    return over
