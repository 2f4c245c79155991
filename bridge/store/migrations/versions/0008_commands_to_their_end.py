"""Commands of every kind, each until its end is told, and which bridge follows it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

UNTOLD = sa.text("told_at IS NULL")


def upgrade() -> None:
    op.add_column(
        "jobs", sa.Column("kind", sa.String(16), nullable=False, server_default="run")
    )
    for name, kind in (
        ("about", sa.Text),
        ("out_at", sa.DateTime),
        ("unwanted_at", sa.DateTime),
        ("ending", sa.Text),
        ("told_at", sa.DateTime),
        ("owner", sa.String(32)),
        ("leased_until", sa.DateTime),
    ):
        op.add_column("jobs", sa.Column(name, kind))
    # Any host may have been asked; what has ended was told as well as it could be.
    op.execute("UPDATE jobs SET out_at = begun_at, told_at = ended_at")
    op.create_index(
        "jobs_untold", "jobs", ["id"], sqlite_where=UNTOLD, postgresql_where=UNTOLD
    )


def downgrade() -> None:
    # The version before knows no other kind, and would run those as one.
    op.execute("DELETE FROM jobs WHERE kind <> 'run'")
    op.drop_index("jobs_untold", "jobs")
    for name in (
        "kind",
        "about",
        "out_at",
        "unwanted_at",
        "ending",
        "told_at",
        "owner",
        "leased_until",
    ):
        op.drop_column("jobs", name)
