"""The audit in the database: entries are added, listed, checked, and let go of when they are old.

An entry is written in the transaction of what it tells of (`put_entry`), so that neither is ever
without the other. The signed head follows soon after: one write of a small file serves all entries
since the last, on a thread that no answer waits for. What is newer than the head could be cut off
without a trace; that is a matter of seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Text, delete, insert, select, type_coerce

from bridge import limits
from bridge.core.audit import (
    START,
    Entry,
    Head,
    Link,
    Outcome,
    Place,
    StatementKind,
    make_link,
    read_entry,
    sign_head,
    sign_statement,
)
from bridge.core.audit_check import Soundness, Verdict, find_break, verify_chain, verify_tail
from bridge.errors import Mistake, Outage, Refused
from bridge.store.audit_seal import PARTY, Kept, Safe
from bridge.store.database import Database
from bridge.store.tables import audit

PURGE: Final = "audit purge"
RESTORE: Final = "audit mark-restored"
TAKE_UP: Final = "audit taken up"
_TEXT = type_coerce(audit.c.entry, Text)  # as it stands there: the digest covers every letter
_LINKS = select(audit.c.id, _TEXT, audit.c.previous, audit.c.digest).order_by(audit.c.id)
_AT_ONCE: Final = 1000  # chosen: rows in memory while a chain is looked at
_NO_ENTRY: Final = Entry(
    at=datetime.fromtimestamp(0, tz=UTC),
    who=None,
    what="?",
    outcome=Outcome.FAILED,
    detail="what stands here is no entry of ours; python -m bridge audit verify says more",
)


def put_entry(connection: Connection, entry: Entry) -> Link:
    """Add an entry in the transaction of what it tells of; the writers take turns."""
    last = connection.execute(_LINKS.order_by(None).order_by(audit.c.id.desc()).limit(1)).first()
    after = START if last is None else Place(_number(last[1], otherwise=last[0]), last[3])
    link = make_link(entry, after=after)
    row = connection.execute(
        insert(audit).values(
            at=entry.at,
            entry=type_coerce(link.text, Text),
            previous=link.previous,
            digest=link.digest,
        )
    ).inserted_primary_key
    return replace(link, row=row[0] if row else 0)


@dataclass(frozen=True, kw_only=True)
class Marked:
    """A restored audit, stated and signed."""

    number: int
    """Of the entry that states it."""
    digest: str
    head: Head | None
    """To be kept from now on; None: the one in the backup stays the witness that it is."""
    verdict: Verdict
    """What was to be thought of the audit in the backup."""


def state_restored(
    connection: Connection, kept: Kept, *, told: Place | None, name: str, detail: str, now: datetime
) -> Marked:
    """State, in the transaction that fills a database, that a backup took the place of what was."""
    with closing(list_links(connection)) as links:
        verdict = verify_chain(links, kept.head, kept.signer)
    statement = sign_statement(StatementKind.RESTORED, verdict.first, kept.signer, told=told)
    entry = Entry(at=now, who=None, name=name, what="restore", detail=detail, statement=statement)
    link = put_entry(connection, entry)
    place = Place(_number(link.text, otherwise=link.row), link.digest)
    is_first = kept.text is None and verdict.is_whole and (kept.is_fresh or not verdict.entries)
    head = sign_head(place, link.row, kept.signer) if verdict.is_continued or is_first else None
    return Marked(number=place.number, digest=link.digest, head=head, verdict=verdict)


class Audit:
    """Who did what."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._safe = Safe(folder)
        self._seen: tuple[int, str] | None = None
        self._verdict: Verdict | None = None

    async def put(self, entry: Entry) -> None:
        """Add an entry that stands for itself, such as a refusal.

        Raises:
            Outage: nothing of it was kept.
        """
        await self._database.write(lambda connection: put_entry(connection, entry))

    async def newest(self, most: int) -> tuple[tuple[int, Entry], ...]:
        """List the newest entries with their numbers, the newest first."""
        wanted = select(audit.c.id, _TEXT).order_by(audit.c.id.desc()).limit(most)
        rows = await self._database.read(lambda connection: connection.execute(wanted).all())
        return tuple(_read(row_id, text) for row_id, text in rows)

    async def verify(self) -> Verdict:
        """Look at the whole chain and at the head.

        Raises:
            Outage: the database or the files cannot be read.
        """
        kept = await asyncio.to_thread(self._safe.look)
        if kept is None:
            raise Outage(PARTY, "there is no audit.key here; is this the bridge's STATE_DIR?")
        return await self._look_at_all(kept)

    async def seal(self, *, now: datetime) -> Verdict:
        """Sign how the chain ends now, if it goes on from where the head knew it.

        A chain that somebody was at is not signed: the head stays the witness that it is.

        Raises:
            Outage: the database or the files cannot be used.
        """
        seen = await self._database.read(_find_end)
        if self._verdict is not None and seen == self._seen:
            return self._verdict
        kept = await asyncio.to_thread(self._safe.open)
        verdict = await self._look(kept)
        if kept.text is None and verdict.is_whole and (kept.is_fresh or not verdict.entries):
            kept, verdict = await self._take_up(kept, verdict, now)
            seen = (verdict.row, verdict.end.digest)
        if verdict.is_continued and not await self._sign(kept, verdict):
            return verdict  # another was quicker; the next pass sees what it wrote
        self._seen, self._verdict = seen, verdict
        return verdict

    async def purge(self, *, before: datetime, now: datetime) -> int:
        """Let go of a portion of what is older; a signed entry says so. Answer how much it was.

        Raises:
            Refused: somebody was at it; nothing is let go of, for it is the evidence.
            Outage: nothing has changed.
        """
        kept = await asyncio.to_thread(self._safe.look)
        if kept is None:
            return 0
        return await self._database.write(
            lambda connection: _purge(connection, kept, before=before, now=now),
            is_patient=True,
        )

    async def mark_restored(self, *, name: str, now: datetime) -> int:
        """State, signed, that a backup took the place of what the head knew; answer the number.

        Raises:
            Mistake: there is nothing to state.
            Refused: the chain itself is broken, which no backup is.
            Outage: the database or the files cannot be used.
        """
        kept = await asyncio.to_thread(self._safe.open)
        verdict = await self._look_at_all(kept)
        if verdict.soundness is Soundness.SOUND:
            raise Mistake("the audit is sound; there is nothing to mark")
        if not verdict.is_whole:
            raise Refused(f"this is more than a restored backup: {verdict.sentence}")
        place, row = await self._state(StatementKind.RESTORED, kept, verdict, name=name, now=now)
        head = sign_head(place, row, kept.signer)
        if not await asyncio.to_thread(self._safe.put, head, instead_of=kept):
            raise Outage(PARTY, "the signed head has just changed; look again")
        return place.number

    async def _look(self, kept: Kept) -> Verdict:
        """Look at what is new, or at everything where that would tell too little."""
        head, before = kept.head, self._verdict
        if head is None or before is None or not before.is_continued:
            return await self._look_at_all(kept)

        def look(connection: Connection) -> Verdict | None:
            with closing(list_links(connection, head.row)) as links:
                return verify_tail(links, head, kept.signer)

        verdict = await self._database.read(look)
        if verdict is None:
            return await self._look_at_all(kept)
        if verdict.soundness is Soundness.SOUND:
            # What could not be told of the beginning cannot be told by the end.
            return replace(verdict, soundness=before.soundness, sentence=before.sentence)
        return verdict

    async def _look_at_all(self, kept: Kept) -> Verdict:
        def look(connection: Connection) -> Verdict:
            with closing(list_links(connection)) as links:
                return verify_chain(links, kept.head, kept.signer)

        return await self._database.read(look)

    async def _take_up(self, kept: Kept, verdict: Verdict, now: datetime) -> tuple[Kept, Verdict]:
        """Begin to keep a head; where the beginning is gone, a signed entry says since when."""
        place, row = verdict.end, verdict.row
        if verdict.first != START:
            place, row = await self._state(StatementKind.TAKEN_UP, kept, verdict, now=now)
        kept = replace(kept, head=sign_head(place, row, kept.signer))
        return kept, await self._look_at_all(kept)

    async def _sign(self, kept: Kept, verdict: Verdict) -> bool:
        if kept.text is not None and kept.head is not None and kept.head.place == verdict.end:
            return True
        head = sign_head(verdict.end, verdict.row, kept.signer)
        return await asyncio.to_thread(self._safe.put, head, instead_of=kept)

    async def _state(
        self, kind: StatementKind, kept: Kept, verdict: Verdict, *, now: datetime, name: str = ""
    ) -> tuple[Place, int]:
        told = kept.head.place if kept.head else None
        statement = sign_statement(kind, verdict.first, kept.signer, told=told)
        what = RESTORE if kind is StatementKind.RESTORED else TAKE_UP
        detail = f"the signed head knew {told.number} entries" if told else "there was no head"
        entry = Entry(at=now, who=None, name=name, what=what, detail=detail, statement=statement)
        link = await self._database.write(lambda connection: put_entry(connection, entry))
        return Place(_number(link.text, otherwise=link.row), link.digest), link.row


def list_links(connection: Connection, since: int = 0) -> Generator[Link, None, None]:
    """List the entries, the oldest first; whoever asks closes it."""
    wanted = _LINKS.where(audit.c.id >= since).execution_options(yield_per=_AT_ONCE)
    # Whoever looks stops where it is broken: what is left must not stay open.
    with closing(connection.execute(wanted)) as rows:
        for row_id, text, previous, digest in rows:
            yield Link(row=row_id, text=text, previous=previous, digest=digest)


def _find_end(connection: Connection) -> tuple[int, str] | None:
    wanted = select(audit.c.id, audit.c.digest).order_by(audit.c.id.desc()).limit(1)
    last = connection.execute(wanted).first()
    return None if last is None else (last[0], last[1])


def _purge(connection: Connection, kept: Kept, *, before: datetime, now: datetime) -> int:
    """Let go of the oldest entries by what they say themselves: a column may have been edited."""
    old = _find_old(connection, before)
    if not old:
        return 0
    # What is let go of is signed away: an entry that somebody has dated back must not be.
    trouble = find_break(old, kept.head, kept.signer)
    if trouble is not None:
        raise Refused(f"the audit is not purged: {trouble}")
    cut, place = old[-1].row, Place(read_entry(old[-1].text)[0], old[-1].digest)
    statement = sign_statement(StatementKind.PURGED, place, kept.signer)
    count, detail = len(old), f"{len(old)} entries, up to entry {place.number}"
    # First the entry, which goes on from the last one that there is.
    put_entry(connection, Entry(at=now, who=None, what=PURGE, detail=detail, statement=statement))
    connection.execute(delete(audit).where(audit.c.id <= cut)).close()
    return count


def _find_old(connection: Connection, before: datetime) -> list[Link]:
    """Find the entries before the first that is young enough, as many as go at once."""
    rows = connection.execute(_LINKS.limit(limits.AUDIT_PURGED_AT_ONCE)).all()
    links = [Link(row=each[0], text=each[1], previous=each[2], digest=each[3]) for each in rows]
    return list(takewhile(lambda link: _is_old(link, before), links))


def _is_old(link: Link, before: datetime) -> bool:
    try:
        return read_entry(link.text)[1].at < before
    except ValueError:
        return True  # it is found to be none of ours


def _read(row_id: int, text: str) -> tuple[int, Entry]:
    try:
        return read_entry(text)
    except ValueError:
        return row_id, _NO_ENTRY


def _number(text: str, *, otherwise: int) -> int:
    """Number an entry; one that somebody has spoilt must not keep others from being written."""
    try:
        return read_entry(text)[0]
    except ValueError:
        return otherwise
