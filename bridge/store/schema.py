"""Which schema a database has, and the way from one schema to another.

Every step is a migration of Alembic that goes both ways. All steps of one change are one
transaction, so that an end half-way, whatever ends it, leaves the schema that was there before.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

from bridge.errors import Missing, Refused, TooNew

MIGRATIONS: Final = Path(__file__).parent / "migrations"
EMPTY: Final = "none"
"""What a database is called that has no schema yet."""


def find_revision(connection: Connection) -> str:
    """Say which schema a database has."""
    return MigrationContext.configure(connection).get_current_revision() or EMPTY


@cache
def list_revisions() -> tuple[str, ...]:
    """List every schema that this version knows, the oldest first."""
    scripts = ScriptDirectory(str(MIGRATIONS))
    return tuple(reversed([each.revision for each in scripts.walk_revisions()]))


def newest_revision() -> str:
    """Name the schema that this version works with."""
    return list_revisions()[-1]


def require_known(revision: str) -> None:
    """See that this version knows a schema.

    Raises:
        TooNew: a later version has made it.
    """
    if revision != EMPTY and revision not in list_revisions():
        raise TooNew(
            f"the database has schema {revision}, and this version knows none later than "
            f"{newest_revision()}: start the version that made it, which also goes back "
            f"(python -m bridge database downgrade {newest_revision()}), or restore a backup"
        )


def bring_up(connection: Connection, revision: str = "") -> None:
    """Bring a schema up to a revision, or to the newest, in the transaction that is open.

    Raises:
        TooNew: a later version has been at work in it.
    """
    require_known(find_revision(connection))
    command.upgrade(_alembic(connection), revision or newest_revision())


def bring_back(connection: Connection, revision: str) -> None:
    """Bring a schema back to an earlier one, in the transaction that is open.

    Raises:
        TooNew: a later version has been at work in it.
        Missing: there is no such schema, or none as early in this database.
        Refused: something in the database has no place in the earlier schema.
    """
    known, present = list_revisions(), find_revision(connection)
    require_known(present)
    if revision not in known:
        raise Missing(f"there is no schema {revision}; there are {', '.join(known)}")
    if present == EMPTY or known.index(present) < known.index(revision):
        raise Missing(f"the database has schema {present}, which is not later than {revision}")
    try:
        command.downgrade(_alembic(connection), revision)
    except CommandError as fault:
        raise Refused(str(fault)) from fault


def _alembic(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
