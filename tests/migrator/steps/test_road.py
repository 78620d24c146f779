"""The whole road in memory, on both databases: from a legacy world to a new one, and the ledger over it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from sqlalchemy import delete, func, select

from migrator.errors import AccountError, Outage, Reason, UsageError
from migrator.model import Mailbox, Raw
from migrator.ports import Limits, Target
from migrator.staging import tables
from migrator.staging.locks import alone
from migrator.staging.store import Staging
from migrator.steps import runner
from migrator.steps.load import Opener
from tests.roads import Road, bodies_at, mail, road
from tests.servers.stagings import Opener as Opens


@pytest.fixture
def way() -> Iterator[Road]:
    with road() as laid:
        laid.old.add("sato", ("受信箱",), mail("one"), flags=["\\Seen"])
        laid.old.add("sato", ("受信箱",), mail("two"))
        laid.old.add("sato", ("お客様", "A社"), mail("three"))
        laid.old.add("suzuki", ("受信箱",), mail("one"))
        laid.old.make("suzuki", ("空",))
        yield laid


def test_every_mail_arrives_once_with_its_flags_and_date_and_the_ledger_closes(way: Road, staging: Staging) -> None:
    assert way.extract(staging).items == 4
    assert way.load(staging)["loaded"] == 4
    arrived = way.new.mails("sato", ("INBOX",))
    assert [each.raw.digest for each in arrived] == [Raw.of(mail("one")).digest, Raw.of(mail("two")).digest]
    assert "\\Seen" in arrived[0].flags
    assert arrived[0].received_at == way.old.mails("sato", ("受信箱",))[0].received_at
    assert ("suzuki", ("空",)) in way.new.boxes
    verified = way.verify(staging, bodies=1.0)
    assert (verified.checked, verified.identical, verified.findings) == (4, 4, 0)
    account = way.ledger(staging)
    assert account.closed
    assert account.complete
    assert account.totals["loaded"] == account.totals["found"] == 4


def test_a_second_run_of_every_step_adds_no_row_outside_runs_passes_and_leases(way: Road, staging: Staging) -> None:
    def rows() -> dict[str, int]:
        ours = [
            table
            for table in tables.metadata.sorted_tables
            if table.name
            not in {
                "run",
                "pass",
                "pass_chunk",
                "census",
                "lease",
                "run_place",
                "alembic_version",
            }
        ]
        with staging.reading() as connection:
            return {
                table.name: connection.execute(select(func.count()).select_from(table)).scalar_one() for table in ours
            }

    def all_steps() -> None:
        way.extract(staging)
        way.load(staging)
        way.verify(staging)
        way.ledger(staging)

    all_steps()
    before = rows()
    all_steps()
    assert rows() == before


def test_a_stray_artefact_shows_in_the_ledger_before_it_is_extracted(way: Road, staging: Staging) -> None:
    way.extract(staging)
    way.load(staging)
    way.old.add("sato", ("受信箱",), mail("stray"))
    account = way.ledger(staging)
    assert not account.closed
    assert account.totals["unexplained_source"] == -1


def test_an_item_row_that_is_deleted_by_hand_shows_in_the_ledger(way: Road, staging: Staging) -> None:
    way.extract(staging)
    with staging.writing() as connection:
        newest = connection.execute(select(func.max(tables.item.c.id))).scalar_one()
        artefact = connection.execute(select(tables.item.c.artefact_id).where(tables.item.c.id == newest)).scalar_one()
        connection.execute(delete(tables.item).where(tables.item.c.id == newest))
        connection.execute(delete(tables.artefact).where(tables.artefact.c.id == artefact))
    account = way.ledger(staging)
    assert not account.closed
    assert account.totals["unexplained_source"] == -1


def test_mail_expunged_or_added_at_the_target_is_unexplained_before_verify_and_a_finding_after(
    way: Road, staging: Staging
) -> None:
    way.extract(staging)
    way.load(staging)
    way.new.delete("sato", ("INBOX",), 1)
    way.new.add("sato", ("INBOX",), mail("foreign"))
    account = way.ledger(staging)
    assert account.totals["unexplained_target"] == 2
    assert not account.closed
    assert way.verify(staging).findings == 2
    account = way.ledger(staging)
    totals = account.totals
    assert (totals["missing"], totals["extra"], totals["unexplained_target"]) == (1, 1, 0)
    assert not account.closed


def test_a_mail_moved_by_its_user_is_found_in_its_new_place(way: Road, staging: Staging) -> None:
    way.extract(staging)
    way.load(staging)
    way.new.move("sato", ("INBOX",), 1, ("お客様", "A社"))
    assert way.verify(staging).findings == 1
    account = way.ledger(staging)
    assert account.totals["missing"] == account.totals["extra"] == account.totals["unexplained_target"] == 0


def test_a_mail_moved_to_a_place_of_its_users_own_is_not_missing(way: Road, staging: Staging) -> None:
    way.extract(staging)
    way.load(staging)
    way.new.move("sato", ("INBOX",), 1, ("対応済み",))
    assert way.verify(staging).findings == 1
    account = way.ledger(staging)
    assert account.closed
    assert account.totals["loaded"] == 4


def test_an_item_refused_for_size_does_not_stop_its_neighbours_and_goes_when_asked_again(
    way: Road, staging: Staging
) -> None:
    way.old.add("sato", ("受信箱",), mail("large", body="x" * 500))
    way.new.limits = Limits(batch_items=10, item_bytes=400, late_commit=0)
    way.extract(staging)
    counts = way.load(staging)
    assert (counts["loaded"], counts["refused"]) == (4, 1)
    assert way.load(staging)["loaded"] == 0
    way.new.limits = Limits(batch_items=10, late_commit=0)
    assert way.load(staging)["loaded"] == 0
    assert way.load(staging, retry=True)["loaded"] == 1


def test_faults_and_what_is_no_mail_are_counted_and_told_apart(way: Road, staging: Staging) -> None:
    way.old.spoil("sato", ("受信箱",), Reason("file.empty", path="x"))
    way.old.litter("sato", ("受信箱",), "lock")
    done = way.extract(staging)
    assert (done.faults, done.not_mail) == (1, 1)
    way.load(staging)
    totals = way.ledger(staging).totals
    assert (totals["fault"], totals["not_mail"], totals["loaded"]) == (1, 1, 4)


def test_an_answer_that_is_lost_is_settled_and_the_mail_arrives_once(way: Road, staging: Staging) -> None:
    way.extract(staging)
    lost = iter([None, None, Outage(Reason("imap.connection-lost"))])

    def interrupt(moment: str) -> None:
        if moment == "delivered" and (error := next(lost, None)) is not None:
            raise error

    way.new.interrupt = interrupt
    way.load(staging)
    assert bodies_at(way.new, "sato", "INBOX") == bodies_at(way.old, "sato", "受信箱")
    assert way.ledger(staging).closed


def test_a_mail_that_never_arrived_is_recalled_and_sent_again(way: Road, staging: Staging) -> None:
    way.extract(staging)
    lost = iter([None, Outage(Reason("imap.connection-lost"))])

    def interrupt(moment: str) -> None:
        if moment == "deliver" and (error := next(lost, None)) is not None:
            raise error

    way.new.interrupt = interrupt
    assert way.load(staging)["recalled"] >= 1
    assert bodies_at(way.new, "sato", "INBOX") == bodies_at(way.old, "sato", "受信箱")
    assert way.ledger(staging).closed


def test_moved_renamed_flagged_and_vanished_are_told_apart_by_the_next_pass(way: Road, staging: Staging) -> None:
    way.extract(staging)
    way.load(staging)
    way.old.move("sato", ("受信箱",), 1, ("保管",))
    way.old.flag("sato", ("受信箱",), 2, ["\\Flagged"])
    way.old.delete("suzuki", ("受信箱",), 1)
    done = way.extract(staging)
    assert (done.moved, done.vanished) == (1, 1)
    assert way.load(staging)["loaded"] == 0
    totals = way.ledger(staging).totals
    assert (totals["superseded"], totals["loaded"], totals["unexplained_source"]) == (1, 4, 0)


def test_another_store_under_the_same_name_is_refused(way: Road, staging: Staging) -> None:
    way.extract(staging)
    way.old.store = "another"
    with pytest.raises(UsageError, match=r"source\.another"):
        way.extract(staging)


def test_a_target_without_refs_is_known_again_by_the_mails_themselves(way: Road, staging: Staging) -> None:
    way.new.refs = False
    way.new.tokens = False
    way.old.add("sato", ("受信箱",), mail("one"))
    way.extract(staging)
    way.load(staging)
    assert way.ledger(staging).closed
    assert way.verify(staging, bodies=1.0).findings == 0
    assert way.ledger(staging).closed
    assert way.load(staging)["loaded"] == 0


def test_a_mail_from_the_future_is_dated_by_the_next_best_evidence_or_its_neighbour(
    way: Road, staging: Staging
) -> None:
    future = datetime(2099, 1, 1, tzinfo=UTC)
    way.old.add("sato", ("未来",), mail("dated"), received_at=future)
    way.old.add("sato", ("未来",), b"Subject: undated\r\n\r\n", received_at=future)
    way.extract(staging)
    way.load(staging)
    wanted = datetime(2009, 11, 2, tzinfo=UTC)
    assert [each.received_at for each in way.new.mails("sato", ("未来",))] == [wanted, wanted]


def test_a_refused_login_is_never_repeated(way: Road, staging: Staging) -> None:
    way.extract(staging)
    asked: list[str] = []

    def refusing(mailbox: Mailbox) -> Opener:
        @contextmanager
        def open_target() -> Iterator[Target]:
            asked.append(mailbox.owner)
            if mailbox.owner == "sato":
                raise AccountError(Reason("imap.login-refused"))
            with way.opener(mailbox)() as target:
                yield target

        return open_target

    counts = runner.load(staging, refusing, way.loading())
    assert asked.count("sato") == 1
    assert (counts["loaded"], counts["setbacks"]) == (1, 1)


def test_a_place_made_anew_stops_alone(way: Road, staging: Staging) -> None:
    way.extract(staging)
    way.load(staging)
    way.new.renumber("sato", ("INBOX",))
    way.old.add("sato", ("受信箱",), mail("late"))
    way.old.add("suzuki", ("受信箱",), mail("late"))
    way.extract(staging)
    counts = way.load(staging)
    assert (counts["loaded"], counts["setbacks"]) == (1, 1)
    assert not way.ledger(staging).closed


def test_a_second_extract_at_the_same_time_is_refused(way: Road, open_staging: Opens) -> None:
    with open_staging() as one, open_staging() as other, alone(one, "extract"), pytest.raises(UsageError):
        way.extract(other)
