"""One sender per target mailbox: who is alive is waited for, who is frozen is taken over, who is dead is forgotten."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import select, update

from migrator.errors import AccountError, UsageError
from migrator.staging import locks, tables
from migrator.staging.locks import Lease, alone, lease
from migrator.staging.store import Run, Staging
from tests.servers.stagings import Opener


@contextmanager
def loading(staging: Staging) -> Iterator[tuple[Run, Lease]]:
    """A load of sato's mailbox that is at work."""
    with alone(staging, "load"), staging.run("load", "new") as run, lease(staging, run, "new", "sato") as held:
        yield run, held


def deadline(staging: Staging) -> int:
    with staging.reading() as connection:
        return int(connection.execute(select(tables.lease.c.deadline)).scalar_one())


def freeze(staging: Staging) -> None:
    """The holder has not renewed its lease for longer than it lasts."""
    with staging.writing() as connection:
        connection.execute(update(tables.lease).values(deadline=tables.lease.c.deadline - 10**9))


def refused(staging: Staging) -> str:
    with pytest.raises(UsageError) as caught, loading(staging):
        pass
    return caught.value.reason.code


def test_a_living_run_is_waited_for_and_a_frozen_one_taken_over(open_staging: Opener) -> None:
    with open_staging() as one, open_staging() as other, open_staging() as third, loading(one) as (run, frozen):
        assert refused(other) in ("staging.locked", "lease.held")
        freeze(one)
        with loading(other) as (_, held):
            assert held.fence > frozen.fence
            with pytest.raises(AccountError), one.writing() as connection:
                frozen.hold(connection)
            frozen.end(one)  # of what is no longer its own
            frozen._until = 0
            with pytest.raises(AccountError):
                frozen.long_enough(one)
            if one.sqlite:  # it believed itself alone, and must not begin with another mailbox either
                with pytest.raises(AccountError), lease(one, run, "new", "suzuki"):
                    pass
            assert refused(third) in ("staging.locked", "lease.held")
            with other.writing() as connection:
                held.hold(connection)


def test_a_run_between_two_mailboxes_is_not_frozen(open_staging: Opener) -> None:
    with open_staging() as one, open_staging() as other, alone(one, "load"), one.run("load", "new") as run:
        with lease(one, run, "new", "sato"):
            pass
        if one.sqlite:
            assert refused(other) == "staging.locked"
        else:
            with loading(other):
                pass


def test_a_lease_is_renewed_as_long_as_its_holder_lives(staging: Staging, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "LEASE", 0.03)
    with loading(staging):
        first = deadline(staging)
        until = time.monotonic() + 20
        while deadline(staging) == first and time.monotonic() < until:
            time.sleep(0.01)
        assert deadline(staging) > first
    assert deadline(staging) == locks.ENDED


def test_nothing_is_sent_with_less_than_half_a_lease_left(staging: Staging) -> None:
    with loading(staging) as (_, held):
        held.long_enough(staging)
        held._until = time.monotonic() + locks.LEASE / 2 - 1
        freeze(staging)
        before = deadline(staging)
        held.long_enough(staging)
        assert deadline(staging) > before


def test_a_killed_run_is_followed_at_once(open_staging: Opener) -> None:
    with open_staging() as killed:
        run = Run(killed, killed.begin_run("load", "new"))
        fence = locks._take(killed, run, "new/sato")
    with open_staging() as staging, loading(staging) as (_, held):
        assert held.fence > fence
