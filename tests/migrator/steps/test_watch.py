"""What goes on now is asked of what runs have written: nobody has to remember it."""

import os
from datetime import timedelta

from sqlalchemy import update

from migrator.errors import Reason
from migrator.routes import Routes
from migrator.staging import tables
from migrator.staging.locks import lease
from migrator.staging.store import Run, Staging
from migrator.steps.watch import Watched, watch
from tests.roads import KEEP, Road, mail, road
from tests.servers.stagings import Opener


def look(way: Road, staging: Staging) -> Watched:
    return watch(staging, way.routes, {"new": KEEP})


def furnish(way: Road, staging: Staging) -> None:
    for account, many in (("sato", 3), ("suzuki", 2)):
        for number in range(many):
            way.old.add(account, ("受信箱",), mail(f"{account}-{number}"))
    way.extract(staging)


def test_a_run_is_seen_while_it_goes_on_and_by_its_rows(open_staging: Opener) -> None:
    seen: list[Watched] = []
    with road() as way, open_staging() as staging:
        furnish(way, staging)

        def interrupt(moment: str) -> None:
            if moment == "delivered" and not seen:
                seen.append(look(way, staging))

        way.new.interrupt = interrupt
        way.load(staging, lanes=1)
        way.new.interrupt = lambda moment: None
        (run,) = seen[0].runs
        assert (run.step, run.target, run.pid, run.host, run.alive) == ("load", "new", os.getpid(), staging.host, True)
        assert [each.run for each in seen[0].mailboxes if each.run is not None] != []
        after = look(way, staging)
        assert after.runs == []
        assert [each.run for each in after.mailboxes] == [None, None]
        assert {each.mailbox: each.counts["loaded"] for each in after.mailboxes} == {"sato": 3, "suzuki": 2}


def test_the_time_left_is_what_is_to_do_by_the_speed_of_all_loads_of_the_target(open_staging: Opener) -> None:
    with road() as way, open_staging() as staging:
        furnish(way, staging)
        way.load(staging)
        way.old.add("sato", ("受信箱",), mail("late"))
        way.extract(staging)
        with staging.run("load", "new") as run, staging.run("load", "new"):
            take_over_receipts(staging, run)
            now = look(way, staging)
            mine, other = now.runs
            began = mine.began
            then = Watched(at=began + timedelta(seconds=10), runs=now.runs, mailboxes=(), to_do=now.to_do)
            assert (mine.mails, other.mails, now.to_do) == (5, 0, {"new": 1})
            assert then.left(mine) == then.left(other)
            assert abs((then.left(mine) or 0) - 2.0) < 0.1


def take_over_receipts(staging: Staging, run: Run) -> None:
    """As if this run had sent all of it."""
    with staging.writing() as connection:
        connection.execute(update(tables.receipt).values(run_id=run.id))


def test_a_killed_run_is_told_from_a_living_one_and_no_lock_is_taken(open_staging: Opener) -> None:
    with road() as way, open_staging() as staging:
        furnish(way, staging)
        killed = staging.begin_run("load", "new")
        if staging.sqlite:
            with staging.writing() as connection:
                connection.execute(update(tables.run).where(tables.run.c.id == killed).values(pid=2**22 + 1))
        with staging.run("load", "new") as run:
            assert [(each.run, each.alive) for each in look(way, staging).runs] == [(killed, False), (run.id, True)]
            with open_staging() as other:
                assert [each.alive for each in look(way, other).runs] == [False, True]


def test_a_mailbox_shows_who_holds_it_and_what_went_wrong_last(open_staging: Opener) -> None:
    with road() as way, open_staging() as staging:
        furnish(way, staging)
        with staging.run("load", "new") as run, lease(staging, run, "new", "suzuki"):
            run.setback("sato", Reason("mailbox.out-of-reach", mailbox="sato", cause="x"), None)
            found = look(way, staging).mailboxes
            assert [(each.mailbox, each.run) for each in found] == [("suzuki", run.id), ("sato", None)]
            assert found[1].setback == Reason("mailbox.out-of-reach", mailbox="sato", cause="x")
            assert [each.counts["to_do"] for each in found] == [2, 3]


def test_accounts_that_feed_one_mailbox_are_counted_together(open_staging: Opener) -> None:
    with road() as way, open_staging() as staging:
        furnish(way, staging)
        together = watch(staging, Routes({"sato": "all", "suzuki": "all"}, {}), {"new": KEEP})
        (only,) = together.mailboxes
        assert (only.accounts, only.counts["to_do"]) == (("sato", "suzuki"), 5)
