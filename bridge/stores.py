"""The parts of the store, each for its own kind of question."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.core.hearing import Hearing
from bridge.store.cards import Cards
from bridge.store.chats import Chats
from bridge.store.database import Database
from bridge.store.destinations import Destinations
from bridge.store.firing import Firing
from bridge.store.journal import Journal
from bridge.store.logins import Logins
from bridge.store.outbox import Outbox
from bridge.store.records import Records


@dataclass(frozen=True, kw_only=True)
class Stores:
    """What is kept in one database."""

    database: Database
    hearing: Hearing
    """Who hears what, as the settings have it."""
    journal: Journal
    outbox: Outbox
    destinations: Destinations
    records: Records
    chats: Chats
    cards: Cards
    firing: Firing
    logins: Logins


def create_stores(database: Database, hearing: Hearing) -> Stores:
    """Make the parts of a database, which need not be open yet."""
    return Stores(
        database=database,
        hearing=hearing,
        journal=Journal(database, hearing),
        outbox=Outbox(database, hearing),
        destinations=Destinations(database, hearing),
        records=Records(database),
        chats=Chats(database, hearing),
        cards=Cards(database, hearing.find_host),
        firing=Firing(database, hearing.find_host),
        logins=Logins(database, hearing),
    )
