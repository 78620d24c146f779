"""Mails of our own making, and rights that were given at a target."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "made",
        sa.Column("artefact_id", ID, autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("run_id", ID, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["artefact_id"], ["artefact.id"], name="fk_made_artefact_id"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_made_run_id"),
        sa.PrimaryKeyConstraint("artefact_id", name="pk_made"),
    )
    op.create_table(
        "entitlement",
        sa.Column("id", ID, nullable=False),
        sa.Column("place_id", ID, autoincrement=False, nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("rights", sa.Text(), nullable=False),
        sa.Column("was", sa.Text(), nullable=False),
        sa.Column("run_id", ID, autoincrement=False, nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name="fk_entitlement_place_id"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_entitlement_run_id"),
        sa.PrimaryKeyConstraint("id", name="pk_entitlement"),
    )
    op.create_index("ix_entitlement_place_id_who", "entitlement", ["place_id", "who"])
    op.create_table(
        "entitled",
        sa.Column("entitlement_id", ID, autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("word", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["entitlement_id"], ["entitlement.id"], name="fk_entitled_entitlement_id"),
        sa.PrimaryKeyConstraint("entitlement_id", name="pk_entitled"),
    )
