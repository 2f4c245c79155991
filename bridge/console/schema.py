"""The database's schema at the console: which it has, up, and back."""

from __future__ import annotations

from argparse import Namespace

from bridge import __version__
from bridge.console.desk import Bench
from bridge.store.changing import lower_schema, raise_schema, read_revision
from bridge.store.schema import newest_revision


def show_revision(bench: Bench, _wish: Namespace) -> int:
    """Say which schema the database has; that of this version stands alone on the last line."""
    bench.settle()
    bench.say(
        f"the database has schema {read_revision(bench.url)}; Opswire {__version__} works with"
    )
    bench.say(newest_revision())
    return 0


def upgrade(bench: Bench, _wish: Namespace) -> int:
    """Bring it up to today's schema, as the bridge does when it starts."""
    with bench.held():
        before = read_revision(bench.url)
        raise_schema(bench.url)
    bench.say(f"the database has schema {newest_revision()} now (was {before})")
    return 0


def downgrade(bench: Bench, wish: Namespace) -> int:
    """Bring it back to what an earlier version knows; the same version goes on from there."""
    with bench.held():
        before = read_revision(bench.url)
        if before == wish.revision:
            bench.say(f"the database has schema {before} already")
            return 0
        lower_schema(bench.url, wish.revision)
    bench.say(f"the database has schema {wish.revision} now (was {before})")
    return 0
