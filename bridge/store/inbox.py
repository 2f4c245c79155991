"""The inbox: the file of webhooks beside an SQLite database.

An SQLite file takes one writer at a time, and reading webhooks into episodes and cards is long. So
what is kept for that has a file, and a writer, of its own: no answer waits for a reading.

A commit over two files is none: one may be there without the other after a power cut. So the
database itself remembers, in the very transaction that folds webhooks, up to which number of this
inbox it has: see `inboxes` in `tables`. What is left of them here is passed over, and dropped
later. That makes two demands on the file:

- A number is never given twice, also when the file comes back from an older copy than the database
  has seen: `skip_to` goes on behind what the database knows.
- A file that was lost and made anew begins with 1 again, so each has a name that no other has.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    URL,
    Column,
    Connection,
    Engine,
    LargeBinary,
    MetaData,
    Table,
    create_engine,
    delete,
    event,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.exc import SQLAlchemyError

from bridge.errors import Outage, TooNew
from bridge.store.lanes import read_reason
from bridge.store.tables import DIGEST, ROW_ID, Instant, Json, inboxes

PARTY: Final = "database (inbox)"
VERSION: Final = 1  # of the file's schema, kept as its user_version
BUSY_SECONDS: Final = 5  # chosen: a program that looks into the file is waited for this long
# chosen: 16 MiB. Whoever commits beyond it copies the log into the file first, which takes tens of
# milliseconds; `drop` does so much sooner, and nobody waits for it.
LOG_PAGES: Final = 4096
# chosen: so many are dropped in one commit; a webhook that comes meanwhile waits for milliseconds
DROPPED_TOGETHER: Final = 32
DROPPED_BYTES: Final = 1024 * 1024
NAME_BYTES: Final = 16  # chosen: no two files ever have the same name

_metadata = MetaData()

inbox = Table(
    "journal",
    _metadata,
    Column("id", ROW_ID, primary_key=True),
    Column("body", LargeBinary, nullable=False),  # the webhook as it came
    Column("address", Json, nullable=False),  # as in the table of the database
    Column("received_at", Instant, nullable=False),
    sqlite_autoincrement=True,  # a number that was folded must never come again
)
_itself = Table(
    "inbox",
    _metadata,
    Column("name", DIGEST, nullable=False),
    Column("beat_at", Instant),  # when it was last proved that a write reaches the disk
)
_SCHEMA: Final = (
    (
        "CREATE TABLE journal (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, body BLOB NOT NULL, "
        "address TEXT NOT NULL, received_at DATETIME NOT NULL)"
    ),
    "CREATE TABLE inbox (name VARCHAR(64) NOT NULL, beat_at DATETIME)",
)
_PRAGMAS: Final = (
    "journal_mode=WAL",
    "synchronous=FULL",
    f"wal_autocheckpoint={LOG_PAGES}",
    "secure_delete=OFF",  # some builds write every freed page over; the same words are in episodes
)


@dataclass(frozen=True)
class Inbox:
    """An open inbox."""

    name: str
    engine: Engine
    place: Path
    file: tuple[int, int]
    """Which file of the disk it is, wherever it may be called what."""

    def is_in_place(self) -> bool:
        """Say whether the file is still where the next start looks for it."""
        return _identify(self.place) == self.file

    def require_in_place(self, _: Connection) -> None:
        """Keep nothing in a file that no start will ever find.

        Raises:
            Outage: it was deleted, moved or replaced.
        """
        if not self.is_in_place():
            raise Outage(PARTY, f"{self.place.name} has been deleted or replaced")

    def has_beyond(self, number: int) -> bool:
        """Say whether it holds a webhook beyond this number.

        Raises:
            Outage: it cannot be read.
        """
        beyond = select(inbox.c.id).where(inbox.c.id > number).limit(1)
        with self.connect() as connection:
            return connection.execute(beyond).first() is not None

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """Look into it.

        Raises:
            Outage: it cannot be read.
        """
        try:
            with self.engine.connect() as connection:
                yield connection
        except SQLAlchemyError as fault:
            raise Outage(PARTY, read_reason(fault)) from fault


def find_place(database: str) -> Path:
    """Name the file beside a database: `opswire.db` has `opswire.inbox.db`."""
    path = Path(database)
    return path.with_name(f"{path.stem}.inbox{path.suffix}")


def open_inbox(place: Path) -> Inbox:
    """Open the file, made anew where there is none.

    Raises:
        Outage: it cannot be opened or written.
        TooNew: a later version has been at work in it.
    """
    try:
        name = _prepare(place)
    except sqlite3.Error as fault:
        raise Outage(PARTY, str(fault)) from fault
    file = _identify(place)
    if file is None:
        raise Outage(PARTY, f"{place.name} has been deleted")

    def connect() -> sqlite3.Connection:
        # Of its own accord SQLite would make an empty file where ours has been.
        if _identify(place) != file:
            raise sqlite3.OperationalError("unable to open database file")
        return sqlite3.connect(place, timeout=BUSY_SECONDS, check_same_thread=False)

    engine = create_engine(URL.create("sqlite", database=str(place)), creator=connect)
    event.listen(engine, "connect", _set_pragmas)
    return Inbox(name, engine, place, file)


def drop(connection: Connection, number: int) -> bool:
    """Drop some of the webhooks up to this number; answer whether more are left."""
    sizes = select(inbox.c.id, func.length(inbox.c.body)).where(inbox.c.id <= number)
    rows = connection.execute(sizes.order_by(inbox.c.id).limit(DROPPED_TOGETHER + 1)).all()
    chosen = choose_some(rows, most=DROPPED_TOGETHER, most_bytes=DROPPED_BYTES)
    connection.execute(delete(inbox).where(inbox.c.id.in_(chosen))).close()
    return len(chosen) < len(rows)


def choose_some(sizes: Iterable[Any], *, most: int, most_bytes: int) -> list[int]:
    """Choose the first of many rows: one at least, however large it is."""
    chosen: list[int] = []
    for number, size in sizes:
        most_bytes -= size
        if chosen and (most_bytes < 0 or len(chosen) == most):
            break
        chosen.append(number)
    return chosen


def copy_log(connection: Connection) -> None:
    """Bring what was committed from the log into the file; writers need not wait."""
    connection.execute(text("PRAGMA wal_checkpoint(PASSIVE)")).close()


def meet(main: Connection, name: str) -> int:
    """Let the database know an inbox; answer up to which number it has folded it."""
    if (folded_to := find_folded(main, name)) is not None:
        return folded_to
    main.execute(insert(inboxes).values(name=name, folded_to=0)).close()
    return 0


def find_folded(main: Connection, name: str) -> int | None:
    """Say up to which number the database has folded an inbox; None: it does not know it."""
    folded_to = select(inboxes.c.folded_to).where(inboxes.c.name == name)
    return main.execute(folded_to).scalar_one_or_none()


def note_folded(main: Connection, name: str, before: int, number: int) -> None:
    """Remember that an inbox is folded up to this number.

    Raises:
        Outage: somebody else has folded it since; all that was made of it is taken back.
    """
    known = (inboxes.c.name == name, inboxes.c.folded_to == before)
    further = update(inboxes).where(*known).values(folded_to=number)
    if main.execute(further).rowcount != 1:
        raise Outage(PARTY, "another program has folded it")


def skip_to(connection: Connection, number: int) -> None:
    """Let the next webhook have a number beyond this one."""
    newest = "SELECT seq FROM sqlite_sequence WHERE name = 'journal'"
    if number > connection.execute(text(newest)).scalar_one():
        further = "UPDATE sqlite_sequence SET seq = :number WHERE name = 'journal'"
        connection.execute(text(further), {"number": number}).close()


def beat(connection: Connection, now: datetime) -> None:
    """Write something: a write that arrives proves that the next one may."""
    connection.execute(update(_itself).values(beat_at=now)).close()


def _prepare(place: Path) -> str:
    """Bring the schema up to date, all of it or nothing; answer the file's name."""
    connecting = sqlite3.connect(place, timeout=BUSY_SECONDS, isolation_level=None)
    with closing(connecting) as connection:
        _set_pragmas(connection, None)
        connection.execute("BEGIN IMMEDIATE")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise TooNew(f"{place.name} was written by a later version of Opswire: start that one")
        if version < 1:
            _create(connection)
        (name,) = connection.execute("SELECT name FROM inbox").fetchone()
        connection.execute("COMMIT")
    return str(name)


def _create(connection: sqlite3.Connection) -> None:
    for statement in _SCHEMA:
        connection.execute(statement)
    connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('journal', 0)")
    connection.execute("INSERT INTO inbox (name) VALUES (?)", (secrets.token_hex(NAME_BYTES),))
    connection.execute(f"PRAGMA user_version={VERSION}")


def _set_pragmas(connection: sqlite3.Connection, _record: object) -> None:
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").close()


def _identify(place: Path) -> tuple[int, int] | None:
    try:
        status = place.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
