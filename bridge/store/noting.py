"""Adds an entry to the audit of a database that is left as it is, whatever schema it has."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from sqlalchemy import inspect
from sqlalchemy.exc import SQLAlchemyError

from bridge.core.audit import Entry, sign_head
from bridge.core.audit_check import Verdict, verify_chain
from bridge.errors import Outage
from bridge.store.audit import list_links, put_entry
from bridge.store.audit_seal import Safe
from bridge.store.database import PARTY, create, take_turn
from bridge.store.lanes import read_reason
from bridge.store.tables import audit


def note(url: str, entry: Entry) -> None:
    """Add an entry; a schema that has no audit yet is left without.

    Raises:
        Outage: nothing of it was kept.
    """
    engine = create(url)
    try:
        with engine.begin() as connection:
            take_turn(connection)
            if inspect(connection).has_table(audit.name):
                put_entry(connection, entry)
    except SQLAlchemyError as fault:
        raise Outage(PARTY, read_reason(fault)) from fault
    finally:
        engine.dispose()


def sign(url: str, folder: Path) -> Verdict | None:
    """Sign how the audit ends, if it goes on from where the head knew it; None without a head.

    Raises:
        Outage: the database or the files cannot be used.
    """
    safe = Safe(folder)
    kept = safe.look()
    if kept is None or kept.text is None:
        return None  # nobody keeps one yet; the next start does
    engine = create(url)
    try:
        with engine.connect() as connection, closing(list_links(connection)) as links:
            verdict = verify_chain(links, kept.head, kept.signer)
    except SQLAlchemyError as fault:
        raise Outage(PARTY, read_reason(fault)) from fault
    finally:
        engine.dispose()
    if verdict.is_continued:
        # Where another was quicker, it has signed as much.
        safe.put(sign_head(verdict.end, verdict.row, kept.signer), instead_of=kept)
    return verdict
