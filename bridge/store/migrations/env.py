"""Run the migrations on the connection that `store.database` hands over."""

from __future__ import annotations

from alembic import context

from bridge.store import host_tables  # noqa: F401 - a part of the schema
from bridge.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters tables by copying them
)
with context.begin_transaction():
    context.run_migrations()
