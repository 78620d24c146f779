"""What people say of waves: pause, cut over, complete, and that they take it back."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "wave_act",
        sa.Column("id", Id, nullable=False),
        sa.Column("wave", sa.Text(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_wave_act"),
    )
    op.create_index("ix_wave_act_wave", "wave_act", ["wave"])
