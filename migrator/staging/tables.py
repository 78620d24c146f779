"""The schema. Rows are facts and only grow; state is a question asked of them (architecture.md §4).

Three kinds of row are also updated, because they tell what is going on and not what happened to a mail: a run and a
pass get an end, a lease a new holder.

    source   account ─ folder ─ artefact ─ item (a version) ─ raw ─ blob      pass ─ pass_chunk, census
    changes  observation, presence, move, fault, not_mail                     by pass
    ours     made                                                             by run
    shared   shared_fact ─ shared_about                                       by run
    opinion  feature; proposal, decision                                      by raw; by item or sender
    review   ruling; signoff                                                  by a topic's row; by topic
    waves    wave_act                                                         by wave
    target   place ─ mark ─ dispatch ─ receipt | refusal | recall             by run, under a lease's fence
             intent ─ outcome, amendment                                      amend, withdraw and set_state
             entitlement ─ entitled                                           grant and revoke
    verify   finding, run_place                                               by run
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

from migrator.staging.columns import Id, Instant, Json, Words

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id() -> Column[int]:
    return Column("id", Id, primary_key=True)


def _ref(name: str, target: str, *, nullable: bool = False, primary_key: bool = False) -> Column[int]:
    return Column(
        name,
        Id,
        ForeignKey(f"{target}.id"),
        nullable=nullable and not primary_key,
        primary_key=primary_key,
        autoincrement=False,
    )


def _text(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, Words, nullable=nullable)


def _int(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


# -- what is going on ---------------------------------------------------------------------------------------------

staging = Table("staging", metadata, Column("uuid", Text, primary_key=True), Column("created", Instant, nullable=False))

run = Table(
    "run",
    metadata,
    _id(),
    _text("step"),
    _text("target", nullable=True),
    Column("began", Instant, nullable=False),
    Column("ended", Instant),
    _text("outcome", nullable=True),  # done | stopped | killed
    _text("host"),
    _int("pid"),
    _text("by"),
    _text("version"),
    Column("counts", Json),
)

lease = Table(
    "lease",
    metadata,
    Column("scope", Words, primary_key=True),
    _ref("run_id", "run"),
    _text("host"),
    _int("pid"),
    _int("fence"),
    _int("deadline"),  # microseconds since 1970 by the database's clock
)

identity = Table(
    "identity",
    metadata,
    _id(),
    _text("role"),  # source | target
    _text("name"),
    _text("mailbox"),
    _text("store"),
    _text("certificate", nullable=True),
    _ref("run_id", "run", nullable=True),
    _text("confirmed_by", nullable=True),
    Index(None, "role", "name", "mailbox"),
)

# -- what the source holds ----------------------------------------------------------------------------------------

account = Table("account", metadata, _id(), Column("name", Words, nullable=False, unique=True))

folder = Table(
    "folder",
    metadata,
    _id(),
    _ref("account_id", "account"),
    Column("path", Json, nullable=False),
    _text("role", nullable=True),
    UniqueConstraint("account_id", "path"),
)

pass_ = Table(
    "pass",
    metadata,
    _id(),
    _ref("account_id", "account"),
    _int("number"),  # 1 is the account's first
    _ref("run_id", "run"),
    Column("began", Instant, nullable=False),
    Column("ended", Instant),
    UniqueConstraint("account_id", "number"),
)

pass_chunk = Table(
    "pass_chunk",
    metadata,
    _id(),
    _ref("pass_id", "pass"),
    _ref("folder_id", "folder"),
    _text("last_key", nullable=True),
    Column("done", Boolean, nullable=False),
    Column("seen", LargeBinary, nullable=False),  # the artefacts' ids: array("q"), zlib
    Index(None, "pass_id", "folder_id"),
)

census = Table(
    "census",
    metadata,
    _ref("pass_id", "pass", primary_key=True),
    _ref("folder_id", "folder", primary_key=True),
    _int("artefacts"),
    _int("bytes"),
)

artefact = Table(
    "artefact",
    metadata,
    _id(),
    _ref("folder_id", "folder"),
    _text("key"),
    _ref("pass_id", "pass"),  # first seen
    UniqueConstraint("folder_id", "key"),
)

blob = Table(
    "blob",
    metadata,
    Column("digest", Words, primary_key=True),
    _int("size"),
    Column("data", LargeBinary),  # zstd with checksum: in the database …
    _int("pack", nullable=True),  # … or in a pack …
    _int("offset", nullable=True),
    _int("length", nullable=True),  # … or, with neither, a file of its own
)

raw = Table(
    "raw",
    metadata,
    Column("digest", Words, primary_key=True),
    _int("size"),
    Column("head", LargeBinary, nullable=False),  # the header block, zstd
    Column("body", Words, ForeignKey("blob.digest"), nullable=False),
)

item = Table(
    "item",
    metadata,
    _id(),
    _ref("artefact_id", "artefact"),
    Column("digest", Words, ForeignKey("raw.digest"), nullable=False),
    _int("size"),
    _text("stamp"),
    Column("flags", Json, nullable=False),
    _text("path", nullable=True),
    Column("received_at", Instant, nullable=False),
    _text("date_source"),
    _text("message_id", nullable=True),
    _text("subject"),
    _text("sender"),
    _text("from_"),
    _text("recipients"),
    Column("date", Instant),
    _text("list_id", nullable=True),
    _text("stream"),  # by which people decide about it
    _text("health"),
    _ref("pass_id", "pass"),
    Index(None, "artefact_id"),
    Index(None, "digest"),
    Index(None, "message_id"),
    Index(None, "stream"),
)

observation = Table(
    "observation",
    metadata,
    _id(),
    _ref("artefact_id", "artefact"),
    _text("stamp"),
    Column("flags", Json, nullable=False),
    _ref("pass_id", "pass"),
    Index(None, "artefact_id"),
)

presence = Table(
    "presence",
    metadata,
    _id(),
    _ref("artefact_id", "artefact"),
    Column("present", Boolean, nullable=False),
    _ref("pass_id", "pass"),
    Index(None, "artefact_id"),
)

move = Table(
    "move",
    metadata,
    _ref("artefact_id", "artefact", primary_key=True),
    Column("successor_id", Id, ForeignKey("artefact.id"), nullable=False, unique=True),
    _ref("pass_id", "pass"),
)

made = Table(
    "made",
    metadata,
    _ref("artefact_id", "artefact", primary_key=True),
    _text("kind"),  # history
    _ref("run_id", "run"),
)

fault = Table(
    "fault",
    metadata,
    _id(),
    _ref("artefact_id", "artefact"),
    _text("path", nullable=True),
    _int("size"),
    _text("code"),
    Column("params", Json, nullable=False),
    _ref("pass_id", "pass"),
    Index(None, "artefact_id"),
)

not_mail = Table(
    "not_mail",
    metadata,
    _id(),
    _ref("artefact_id", "artefact"),
    _text("rule"),
    _int("size"),
    _ref("pass_id", "pass"),
    Index(None, "artefact_id"),
)

shared_fact = Table(
    "shared_fact",
    metadata,
    _id(),
    _text("inbox"),  # its key; "" for what belongs to none: inboxes, principals
    _text("kind"),  # inbox | principal | member | state | event | note | tag | belongs | template | fault
    _text("key"),
    _text("thread", nullable=True),
    Column("handled", Boolean, nullable=False),  # somebody has done something: assigned, stated, noted, tagged
    Column("told", Json),  # all of it; null where the source tells it no longer
    _ref("run_id", "run"),
    Index(None, "inbox", "kind", "key"),
)

shared_about = Table(
    "shared_about",
    metadata,
    _id(),
    _ref("fact_id", "shared_fact"),
    _text("account"),
    Column("path", Json, nullable=False),
    _text("key"),
    Index(None, "fact_id"),
)

setback = Table(
    "setback",
    metadata,
    _id(),
    _ref("run_id", "run"),
    _text("account"),
    Column("path", Json),
    _text("code"),
    Column("params", Json, nullable=False),
    Index(None, "run_id"),
)

# -- what is thought of it ----------------------------------------------------------------------------------------

feature = Table(
    "feature",
    metadata,
    Column("digest", Words, ForeignKey("raw.digest"), primary_key=True),
    Column("signals", Words, primary_key=True),  # the digest of what was looked for
    _text("shown"),  # the ids of the signals that were found, between blanks
    _text("alike"),  # a digest of what the text says to all its recipients; empty for a short one
    Column("answers", Json, nullable=False),  # the Message-IDs that it answers
)

proposal = Table(
    "proposal",
    metadata,
    _id(),
    _ref("item_id", "item"),
    _text("ruleset"),
    _text("verdict"),
    _text("guard", nullable=True),  # the hard guard that protects it
    Column("orders", Boolean, nullable=False),  # about an order, a delivery, a bill or an account
    Column("score", Float),
    Column("rules", Json, nullable=False),
    Column("reasons", Json, nullable=False),
    _ref("run_id", "run"),
    Index(None, "item_id"),
)

decision = Table(
    "decision",
    metadata,
    _id(),
    _text("scope"),  # item | source | sender | orders | auto
    _ref("artefact_id", "artefact", nullable=True),
    _text("sender", nullable=True),  # a stream
    _text("verdict"),
    _text("by"),
    _text("why"),
    Column("at", Instant, nullable=False),
    Index(None, "artefact_id"),
    Index(None, "sender"),
)

ruling = Table(
    "ruling",  # what a person says of a row that is no mail and no sender: an account, a folder, a fault …
    metadata,
    _id(),
    _text("topic"),
    _text("row"),
    _text("about"),  # a digest of what was proposed; of another proposal it says nothing
    _text("verdict"),
    _text("by"),
    _text("why"),
    Column("at", Instant, nullable=False),
    Index(None, "topic", "row"),
)

signoff = Table(
    "signoff",
    metadata,
    _id(),
    _text("topic"),
    _text("digest"),  # of the rows with their proposals and decisions, as they were signed
    Column("rows", Json, nullable=False),  # each row's own digest, by its id
    Column("needs", Json, nullable=False),  # the digests of the topics that this one rests on
    Column("scope", Json, nullable=False),  # whose accounts it is about: names or globs
    _text("by"),
    Column("at", Instant, nullable=False),
    Index(None, "topic"),
)

wave_act = Table(
    "wave_act",
    metadata,
    _id(),
    _text("wave"),
    _text("act"),  # pause | cutover | complete | resume (takes the newest of those before it back)
    Column("detail", Json, nullable=False),  # what was seen when it was said
    _text("by"),
    Column("at", Instant, nullable=False),
    Index(None, "wave"),
)

# -- what became of it at a target --------------------------------------------------------------------------------

place = Table(
    "place",
    metadata,
    _id(),
    _text("target"),
    _text("owner"),
    Column("path", Json, nullable=False),
    _text("role", nullable=True),
    UniqueConstraint("target", "owner", "path"),
)

mark = Table(
    "mark",
    metadata,
    _id(),
    _ref("place_id", "place"),
    _int("epoch"),
    _int("next"),
    _int("mails"),
    _ref("run_id", "run"),
    Index(None, "place_id"),
)

dispatch = Table(
    "dispatch",
    metadata,
    _id(),
    _ref("item_id", "item"),
    _ref("place_id", "place"),
    _ref("mark_id", "mark"),
    _text("decision"),
    _ref("run_id", "run"),
    _int("fence"),
    Index(None, "item_id"),
    Index(None, "place_id"),
)


def _answer(name: str, *columns: Column[Any] | Index) -> Table:
    """A table whose rows answer one dispatch each."""
    return Table(name, metadata, _ref("dispatch_id", "dispatch", primary_key=True), *columns, _ref("run_id", "run"))


receipt = _answer(
    "receipt",
    _int("epoch", nullable=True),
    _int("number", nullable=True),
    _text("sent"),
    _int("size"),
    _text("headers"),
    Column("flags", Json, nullable=False),
    Column("lost", Json, nullable=False),
    Column("repairs", Json, nullable=False),
    _text("how"),  # answered | found | adopted
)

refusal = _answer("refusal", _text("code"), Column("params", Json, nullable=False))

recall = _answer("recall")

intent = Table(
    "intent",
    metadata,
    _id(),
    _ref("dispatch_id", "dispatch"),
    _text("kind"),  # withdraw | surplus | reflag | relocate | state | shelve
    Column("detail", Json, nullable=False),
    _ref("run_id", "run"),
    _int("fence"),
    Index(None, "dispatch_id"),
)

outcome = Table(
    "outcome",
    metadata,
    _ref("intent_id", "intent", primary_key=True),
    _text("kind"),  # done | gone | touched | refused
    Column("detail", Json, nullable=False),
)

amendment = Table(
    "amendment",
    metadata,
    _id(),
    _ref("dispatch_id", "dispatch"),
    _ref("place_id", "place"),
    _int("epoch", nullable=True),
    _int("number", nullable=True),
    Column("flags", Json, nullable=False),
    _text("why"),  # reflag | relocate | state | shelve | bound
    _ref("run_id", "run"),
    Index(None, "dispatch_id"),
)

retry = Table(
    "retry", metadata, _id(), _ref("dispatch_id", "dispatch"), _ref("run_id", "run"), Index(None, "dispatch_id")
)

entitlement = Table(
    "entitlement",
    metadata,
    _id(),
    _ref("place_id", "place"),
    _text("who"),
    Column("rights", Json, nullable=False),  # to be given; none: what we gave is to be taken back
    _text("was"),  # the target's own word for what they could do before
    _ref("run_id", "run"),
    _int("fence"),
    Index(None, "place_id", "who"),
)

entitled = Table(
    "entitled",
    metadata,
    _ref("entitlement_id", "entitlement", primary_key=True),
    _text("kind"),  # done | touched | refused
    _text("word"),  # what they can do now
    Column("detail", Json, nullable=False),
)

# -- what verify saw ----------------------------------------------------------------------------------------------

finding = Table(
    "finding",
    metadata,
    _id(),
    _ref("run_id", "run"),
    _ref("place_id", "place"),
    _ref("dispatch_id", "dispatch", nullable=True),
    _text("kind"),
    Column("detail", Json, nullable=False),
    Index(None, "run_id", "place_id"),
)

run_place = Table(
    "run_place",
    metadata,
    _ref("run_id", "run", primary_key=True),
    _ref("place_id", "place", primary_key=True),
    _int("epoch"),
    _int("next"),
    _int("mails"),
    _int("before"),  # mail that lay there before our first mark, as seen in this run
)
