"""A sign-off names whose accounts it is about; those that were given before are about all."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("signoff", sa.Column("scope", sa.Text(), nullable=False, server_default='["*"]'))
