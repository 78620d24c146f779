"""Mails know the sender or list by which people decide about them, and proposals whether they are about orders."""

import sqlalchemy as sa
from alembic import op

from migrator.mail.streams import stream_of

revision = "0004"
down_revision = "0003"

ITEM = sa.table("item", sa.column("sender"), sa.column("list_id"), sa.column("stream"))


def upgrade() -> None:
    op.add_column("item", sa.Column("stream", sa.Text(), nullable=False, server_default=""))
    op.add_column("proposal", sa.Column("orders", sa.Boolean(), nullable=False, server_default=sa.false()))
    _fill()
    op.drop_index("ix_item_sender", "item")
    op.create_index("ix_item_stream", "item", ["stream"])


def _fill() -> None:
    connection = op.get_bind()
    names = connection.execute(sa.text("SELECT DISTINCT sender, list_id FROM item")).all()
    for sender, list_id in names:
        its = ITEM.c
        named = its.list_id.is_(None) if list_id is None else its.list_id == list_id
        connection.execute(ITEM.update().where(its.sender == sender, named).values(stream=stream_of(sender, list_id)))
    lists = {list_id for _, list_id in names}
    decided = connection.execute(sa.text("SELECT DISTINCT sender FROM decision WHERE scope = 'sender'")).scalars().all()
    for name in decided:
        connection.execute(
            sa.text("UPDATE decision SET sender = :stream WHERE sender = :name"),
            {"stream": stream_of(name, name if name in lists else None), "name": name},
        )
    connection.execute(
        sa.text("UPDATE proposal SET orders = :yes WHERE rules LIKE '%\"transaction.subject\"%'"), {"yes": True}
    )
