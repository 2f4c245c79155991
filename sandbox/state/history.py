"""What outlives a restart: every record as JSON in one SQLite file."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydantic import BaseModel

_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    kind TEXT NOT NULL, major INTEGER NOT NULL, minor TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (kind, major, minor)
) WITHOUT ROWID
"""


class History:
    """Keep records by kind and key; what was noted reaches the file at `commit`, all or nothing."""

    def __init__(self, path: Path) -> None:
        # The file holds conversations: its owner alone may read it, before SQLite opens it.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self._connection = sqlite3.connect(path, isolation_level=None)
        # With NORMAL a commit survives the process's death; a power cut may take the last ones.
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute(_SCHEMA)
        self._noted: dict[tuple[str, int, str], BaseModel | None] = {}
        self._is_emptied = False

    def put(self, kind: str, major: int, minor: str, record: BaseModel) -> None:
        """Note a record as new or changed; it is written as it stands at `commit`."""
        self._noted[kind, major, minor] = record

    def drop(self, kind: str, major: int, minor: str) -> None:
        """Note a record as gone."""
        self._noted[kind, major, minor] = None

    def commit(self) -> None:
        """Write everything noted since the last commit in one transaction."""
        if not self._noted and not self._is_emptied:
            return
        kept = [
            (*key, record.model_dump_json(exclude_defaults=True))
            for key, record in self._noted.items()
            if record is not None
        ]
        gone = [key for key, record in self._noted.items() if record is None]
        cursor = self._connection.cursor()
        cursor.execute("BEGIN IMMEDIATE")
        try:
            if self._is_emptied:
                cursor.execute("DELETE FROM records")
            cursor.executemany("INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?)", kept)
            cursor.executemany("DELETE FROM records WHERE kind=? AND major=? AND minor=?", gone)
            cursor.execute("COMMIT")
        except sqlite3.Error:
            if self._connection.in_transaction:  # SQLite itself undoes what a full disk cut short
                cursor.execute("ROLLBACK")
            raise
        self.discard()

    def read(self, kind: str) -> Iterator[str]:
        """Read every record of a kind, as JSON, in the order of its keys."""
        if self._is_emptied:
            return
        rows = self._connection.execute(
            "SELECT body FROM records WHERE kind=? ORDER BY major, minor", (kind,)
        )
        for (body,) in rows:
            yield body

    def clear(self) -> None:
        """Note that everything is gone; only `commit` makes it so."""
        self._noted.clear()
        self._is_emptied = True

    def discard(self) -> None:
        """Forget what is noted and not written."""
        self._noted.clear()
        self._is_emptied = False

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
