"""What people say on the review page beside mails and senders, and what they signed. A word on a sender that was one on
its orders too is written down for both."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
DECISION = sa.table("decision", *map(sa.column, ("id", "scope", "sender", "verdict", "by", "why", "at")))


def upgrade() -> None:
    op.create_table(
        "ruling",
        sa.Column("id", Id, nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("row", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ruling"),
    )
    op.create_index("ix_ruling_topic_row", "ruling", ["topic", "row"])
    op.create_table(
        "signoff",
        sa.Column("id", Id, nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("rows", sa.Text(), nullable=False),
        sa.Column("needs", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_signoff"),
    )
    op.create_index("ix_signoff_topic", "signoff", ["topic"])
    _say_of_orders()


def _say_of_orders() -> None:
    its, newer = DECISION.c, DECISION.alias("newer")
    reaches = [
        sa.or_(each.scope == "orders", sa.and_(each.scope == "sender", each.verdict != "park"))
        for each in (its, newer.c)
    ]
    later = sa.exists(sa.select(newer.c.id).where(newer.c.sender == its.sender, newer.c.id > its.id, reaches[1]))
    said = sa.select(sa.literal("orders"), its.sender, its.verdict, its.by, its.why, its.at)
    newest = said.where(its.scope == "sender", reaches[0], ~later).order_by(its.id)
    op.get_bind().execute(sa.insert(DECISION).from_select(["scope", "sender", "verdict", "by", "why", "at"], newest))
