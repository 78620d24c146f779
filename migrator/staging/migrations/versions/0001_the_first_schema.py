"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_account"),
        sa.UniqueConstraint("name", name="uq_account_name"),
    )
    op.create_table(
        "blob",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=True),
        sa.Column("pack", sa.BigInteger(), nullable=True),
        sa.Column("offset", sa.BigInteger(), nullable=True),
        sa.Column("length", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("digest", name="pk_blob"),
    )
    op.create_table(
        "place",
        sa.Column("id", ID, nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_place"),
        sa.UniqueConstraint("target", "owner", "path", name="uq_place_target_owner_path"),
    )
    op.create_table(
        "run",
        sa.Column("id", ID, nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=True),
        sa.Column("began", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_run"),
    )
    op.create_table(
        "staging",
        sa.Column("uuid", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("uuid", name="pk_staging"),
    )
    op.create_table(
        "folder",
        sa.Column("id", ID, nullable=False),
        sa.Column("account_id", ID, autoincrement=False, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_folder_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_folder"),
        sa.UniqueConstraint("account_id", "path", name="uq_folder_account_id_path"),
    )
    op.create_table(
        "identity",
        sa.Column("id", ID, nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("mailbox", sa.Text(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("certificate", sa.Text(), nullable=True),
        sa.Column("run_id", ID, autoincrement=False, nullable=True),
        sa.Column("confirmed_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_identity_run_id"),
        sa.PrimaryKeyConstraint("id", name="pk_identity"),
    )
    op.create_index("ix_identity_role_name_mailbox", "identity", ["role", "name", "mailbox"], unique=False)
    op.create_table(
        "lease",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("run_id", ID, autoincrement=False, nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.BigInteger(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("deadline", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_lease_run_id"),
        sa.PrimaryKeyConstraint("scope", name="pk_lease"),
    )
    op.create_table(
        "mark",
        sa.Column("id", ID, nullable=False),
        sa.Column("place_id", ID, autoincrement=False, nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("next", sa.BigInteger(), nullable=False),
        sa.Column("mails", sa.BigInteger(), nullable=False),
        sa.Column("run_id", ID, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name="fk_mark_place_id"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_mark_run_id"),
        sa.PrimaryKeyConstraint("id", name="pk_mark"),
    )
    op.create_index("ix_mark_place_id", "mark", ["place_id"], unique=False)
    op.create_table(
        "pass",
        sa.Column("id", ID, nullable=False),
        sa.Column("account_id", ID, autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("run_id", ID, autoincrement=False, nullable=False),
        sa.Column("began", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_pass_account_id"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_pass_run_id"),
        sa.PrimaryKeyConstraint("id", name="pk_pass"),
        sa.UniqueConstraint("account_id", "number", name="uq_pass_account_id_number"),
    )
    op.create_table(
        "raw",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["body"], ["blob.digest"], name="fk_raw_body"),
        sa.PrimaryKeyConstraint("digest", name="pk_raw"),
    )
    op.create_table(
        "run_place",
        sa.Column("run_id", ID, autoincrement=False, nullable=False),
        sa.Column("place_id", ID, autoincrement=False, nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("next", sa.BigInteger(), nullable=False),
        sa.Column("mails", sa.BigInteger(), nullable=False),
        sa.Column("before", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name="fk_run_place_place_id"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_run_place_run_id"),
        sa.PrimaryKeyConstraint("run_id", "place_id", name="pk_run_place"),
    )
    op.create_table(
        "setback",
        sa.Column("id", ID, nullable=False),
        sa.Column("run_id", ID, autoincrement=False, nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("params", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_setback_run_id"),
        sa.PrimaryKeyConstraint("id", name="pk_setback"),
    )
    op.create_index("ix_setback_run_id", "setback", ["run_id"], unique=False)
    op.create_table(
        "artefact",
        sa.Column("id", ID, nullable=False),
        sa.Column("folder_id", ID, autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("pass_id", ID, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["folder_id"], ["folder.id"], name="fk_artefact_folder_id"),
        sa.ForeignKeyConstraint(["pass_id"], ["pass.id"], name="fk_artefact_pass_id"),
        sa.PrimaryKeyConstraint("id", name="pk_artefact"),
        sa.UniqueConstraint("folder_id", "key", name="uq_artefact_folder_id_key"),
    )
    op.create_table(
        "census",
        sa.Column("pass_id", ID, autoincrement=False, nullable=False),
        sa.Column("folder_id", ID, autoincrement=False, nullable=False),
        sa.Column("artefacts", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["folder_id"], ["folder.id"], name="fk_census_folder_id"),
        sa.ForeignKeyConstraint(["pass_id"], ["pass.id"], name="fk_census_pass_id"),
        sa.PrimaryKeyConstraint("pass_id", "folder_id", name="pk_census"),
    )
    op.create_table(
        "pass_chunk",
        sa.Column("id", ID, nullable=False),
        sa.Column("pass_id", ID, autoincrement=False, nullable=False),
        sa.Column("folder_id", ID, autoincrement=False, nullable=False),
        sa.Column("last_key", sa.Text(), nullable=True),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.Column("seen", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["folder_id"], ["folder.id"], name="fk_pass_chunk_folder_id"),
        sa.ForeignKeyConstraint(["pass_id"], ["pass.id"], name="fk_pass_chunk_pass_id"),
        sa.PrimaryKeyConstraint("id", name="pk_pass_chunk"),
    )
    op.create_index("ix_pass_chunk_pass_id_folder_id", "pass_chunk", ["pass_id", "folder_id"], unique=False)
    op.create_table(
        "decision",
        sa.Column("id", ID, nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("artefact_id", ID, autoincrement=False, nullable=True),
        sa.Column("sender", sa.Text(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["artefact_id"], ["artefact.id"], name="fk_decision_artefact_id"),
        sa.PrimaryKeyConstraint("id", name="pk_decision"),
    )
    op.create_index("ix_decision_artefact_id", "decision", ["artefact_id"], unique=False)
    op.create_index("ix_decision_sender", "decision", ["sender"], unique=False)
    op.create_table(
        "fault",
        sa.Column("id", ID, nullable=False),
        sa.Column("artefact_id", ID, autoincrement=False, nullable=False),
        sa.Column("path", sa.Text(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("params", sa.Text(), nullable=False),
        sa.Column("pass_id", ID, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["artefact_id"], ["artefact.id"], name="fk_fault_artefact_id"),
        sa.ForeignKeyConstraint(["pass_id"], ["pass.id"], name="fk_fault_pass_id"),
        sa.PrimaryKeyConstraint("id", name="pk_fault"),
    )
    op.create_index("ix_fault_artefact_id", "fault", ["artefact_id"], unique=False)
    op.create_table(
        "item",
        sa.Column("id", ID, nullable=False),
        sa.Column("artefact_id", ID, autoincrement=False, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("stamp", sa.Text(), nullable=False),
        sa.Column("flags", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=True),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("date_source", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("from_", sa.Text(), nullable=False),
        sa.Column("recipients", sa.Text(), nullable=False),
        sa.Column("date", sa.BigInteger(), nullable=True),
        sa.Column("list_id", sa.Text(), nullable=True),
        sa.Column("health", sa.Text(), nullable=False),
        sa.Column("pass_id", ID, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["artefact_id"], ["artefact.id"], name="fk_item_artefact_id"),
        sa.ForeignKeyConstraint(["digest"], ["raw.digest"], name="fk_item_digest"),
        sa.ForeignKeyConstraint(["pass_id"], ["pass.id"], name="fk_item_pass_id"),
        sa.PrimaryKeyConstraint("id", name="pk_item"),
    )
    op.create_index("ix_item_artefact_id", "item", ["artefact_id"], unique=False)
    op.create_index("ix_item_digest", "item", ["digest"], unique=False)
    op.create_index("ix_item_message_id", "item", ["message_id"], unique=False)
    op.create_index("ix_item_sender", "item", ["sender"], unique=False)
    op.create_table(
        "move",
        sa.Column("artefact_id", ID, autoincrement=False, nullable=False),
        sa.Column("successor_id", ID, nullable=False),
        sa.Column("pass_id", ID, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["artefact_id"], ["artefact.id"], name="fk_move_artefact_id"),
        sa.ForeignKeyConstraint(["pass_id"], ["pass.id"], name="fk_move_pass_id"),
        sa.ForeignKeyConstraint(["successor_id"], ["artefact.id"], name="fk_move_successor_id"),
        sa.PrimaryKeyConstraint("artefact_id", name="pk_move"),
        sa.UniqueConstraint("successor_id", name="uq_move_successor_id"),
    )
    op.create_table(
        "not_mail",
        sa.Column("id", ID, nullable=False),
        sa.Column("artefact_id", ID, autoincrement=False, nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("pass_id", ID, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["artefact_id"], ["artefact.id"], name="fk_not_mail_artefact_id"),
        sa.ForeignKeyConstraint(["pass_id"], ["pass.id"], name="fk_not_mail_pass_id"),
        sa.PrimaryKeyConstraint("id", name="pk_not_mail"),
    )
    op.create_index("ix_not_mail_artefact_id", "not_mail", ["artefact_id"], unique=False)
    op.create_table(
        "observation",
        sa.Column("id", ID, nullable=False),
        sa.Column("artefact_id", ID, autoincrement=False, nullable=False),
        sa.Column("stamp", sa.Text(), nullable=False),
        sa.Column("flags", sa.Text(), nullable=False),
        sa.Column("pass_id", ID, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["artefact_id"], ["artefact.id"], name="fk_observation_artefact_id"),
        sa.ForeignKeyConstraint(["pass_id"], ["pass.id"], name="fk_observation_pass_id"),
        sa.PrimaryKeyConstraint("id", name="pk_observation"),
    )
    op.create_index("ix_observation_artefact_id", "observation", ["artefact_id"], unique=False)
    op.create_table(
        "presence",
        sa.Column("id", ID, nullable=False),
        sa.Column("artefact_id", ID, autoincrement=False, nullable=False),
        sa.Column("present", sa.Boolean(), nullable=False),
        sa.Column("pass_id", ID, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["artefact_id"], ["artefact.id"], name="fk_presence_artefact_id"),
        sa.ForeignKeyConstraint(["pass_id"], ["pass.id"], name="fk_presence_pass_id"),
        sa.PrimaryKeyConstraint("id", name="pk_presence"),
    )
    op.create_index("ix_presence_artefact_id", "presence", ["artefact_id"], unique=False)
    op.create_table(
        "dispatch",
        sa.Column("id", ID, nullable=False),
        sa.Column("item_id", ID, autoincrement=False, nullable=False),
        sa.Column("place_id", ID, autoincrement=False, nullable=False),
        sa.Column("mark_id", ID, autoincrement=False, nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("run_id", ID, autoincrement=False, nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name="fk_dispatch_item_id"),
        sa.ForeignKeyConstraint(["mark_id"], ["mark.id"], name="fk_dispatch_mark_id"),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name="fk_dispatch_place_id"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_dispatch_run_id"),
        sa.PrimaryKeyConstraint("id", name="pk_dispatch"),
    )
    op.create_index("ix_dispatch_item_id", "dispatch", ["item_id"], unique=False)
    op.create_index("ix_dispatch_place_id", "dispatch", ["place_id"], unique=False)
    op.create_table(
        "proposal",
        sa.Column("id", ID, nullable=False),
        sa.Column("item_id", ID, autoincrement=False, nullable=False),
        sa.Column("ruleset", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("guard", sa.Text(), nullable=True),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("run_id", ID, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name="fk_proposal_item_id"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_proposal_run_id"),
        sa.PrimaryKeyConstraint("id", name="pk_proposal"),
    )
    op.create_index("ix_proposal_item_id", "proposal", ["item_id"], unique=False)
    op.create_table(
        "amendment",
        sa.Column("id", ID, nullable=False),
        sa.Column("dispatch_id", ID, autoincrement=False, nullable=False),
        sa.Column("place_id", ID, autoincrement=False, nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=True),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("flags", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("run_id", ID, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["dispatch_id"], ["dispatch.id"], name="fk_amendment_dispatch_id"),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name="fk_amendment_place_id"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_amendment_run_id"),
        sa.PrimaryKeyConstraint("id", name="pk_amendment"),
    )
    op.create_index("ix_amendment_dispatch_id", "amendment", ["dispatch_id"], unique=False)
    op.create_table(
        "finding",
        sa.Column("id", ID, nullable=False),
        sa.Column("run_id", ID, autoincrement=False, nullable=False),
        sa.Column("place_id", ID, autoincrement=False, nullable=False),
        sa.Column("dispatch_id", ID, autoincrement=False, nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["dispatch_id"], ["dispatch.id"], name="fk_finding_dispatch_id"),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name="fk_finding_place_id"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_finding_run_id"),
        sa.PrimaryKeyConstraint("id", name="pk_finding"),
    )
    op.create_index("ix_finding_run_id_place_id", "finding", ["run_id", "place_id"], unique=False)
    op.create_table(
        "intent",
        sa.Column("id", ID, nullable=False),
        sa.Column("dispatch_id", ID, autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("run_id", ID, autoincrement=False, nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["dispatch_id"], ["dispatch.id"], name="fk_intent_dispatch_id"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_intent_run_id"),
        sa.PrimaryKeyConstraint("id", name="pk_intent"),
    )
    op.create_index("ix_intent_dispatch_id", "intent", ["dispatch_id"], unique=False)
    op.create_table(
        "recall",
        sa.Column("dispatch_id", ID, autoincrement=False, nullable=False),
        sa.Column("run_id", ID, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["dispatch_id"], ["dispatch.id"], name="fk_recall_dispatch_id"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_recall_run_id"),
        sa.PrimaryKeyConstraint("dispatch_id", name="pk_recall"),
    )
    op.create_table(
        "receipt",
        sa.Column("dispatch_id", ID, autoincrement=False, nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=True),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("sent", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("flags", sa.Text(), nullable=False),
        sa.Column("lost", sa.Text(), nullable=False),
        sa.Column("repairs", sa.Text(), nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("run_id", ID, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["dispatch_id"], ["dispatch.id"], name="fk_receipt_dispatch_id"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_receipt_run_id"),
        sa.PrimaryKeyConstraint("dispatch_id", name="pk_receipt"),
    )
    op.create_table(
        "refusal",
        sa.Column("dispatch_id", ID, autoincrement=False, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("params", sa.Text(), nullable=False),
        sa.Column("run_id", ID, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["dispatch_id"], ["dispatch.id"], name="fk_refusal_dispatch_id"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_refusal_run_id"),
        sa.PrimaryKeyConstraint("dispatch_id", name="pk_refusal"),
    )
    op.create_table(
        "retry",
        sa.Column("id", ID, nullable=False),
        sa.Column("dispatch_id", ID, autoincrement=False, nullable=False),
        sa.Column("run_id", ID, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["dispatch_id"], ["dispatch.id"], name="fk_retry_dispatch_id"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_retry_run_id"),
        sa.PrimaryKeyConstraint("id", name="pk_retry"),
    )
    op.create_index("ix_retry_dispatch_id", "retry", ["dispatch_id"], unique=False)
    op.create_table(
        "outcome",
        sa.Column("intent_id", ID, autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["intent_id"], ["intent.id"], name="fk_outcome_intent_id"),
        sa.PrimaryKeyConstraint("intent_id", name="pk_outcome"),
    )
