"""What the filter looked for in each mail, and found."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "feature",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("signals", sa.Text(), nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.Column("alike", sa.Text(), nullable=False),
        sa.Column("answers", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["raw.digest"], name="fk_feature_digest"),
        sa.PrimaryKeyConstraint("digest", "signals", name="pk_feature"),
    )
