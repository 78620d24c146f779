"""What the source tells of its shared inboxes, and of which mails."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "shared_fact",
        sa.Column("id", ID, nullable=False),
        sa.Column("inbox", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("thread", sa.Text(), nullable=True),
        sa.Column("handled", sa.Boolean(), nullable=False),
        sa.Column("told", sa.Text(), nullable=True),
        sa.Column("run_id", ID, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_shared_fact_run_id"),
        sa.PrimaryKeyConstraint("id", name="pk_shared_fact"),
    )
    op.create_index("ix_shared_fact_inbox_kind_key", "shared_fact", ["inbox", "kind", "key"])
    op.create_table(
        "shared_about",
        sa.Column("id", ID, nullable=False),
        sa.Column("fact_id", ID, autoincrement=False, nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["fact_id"], ["shared_fact.id"], name="fk_shared_about_fact_id"),
        sa.PrimaryKeyConstraint("id", name="pk_shared_about"),
    )
    op.create_index("ix_shared_about_fact_id", "shared_about", ["fact_id"])
