"""What is written to an outbox is there whole, or the outbox does not remember it either."""

import pytest

from migrator.model import Mark, Place
from migrator.staging.locks import lease
from migrator.staging.outbox import Outbox
from migrator.staging.store import Staging
from tests.killing import Killed, Killer

INBOX = Place("sato", ("INBOX",))


def test_a_place_whose_transaction_was_rolled_back_is_named_anew(staging: Staging) -> None:
    with staging.run("load", "new") as run, lease(staging, run, "new", "sato") as held:
        outbox = Outbox(staging, run, "new", "sato", held)
        killer = Killer(at=2)  # the commit
        with pytest.raises(Killed), killer.watching(staging):
            outbox.place(INBOX, Mark(1, 1, 0))
        assert outbox.places() == []
        outbox.place(INBOX, Mark(1, 1, 0))
        assert outbox.places() == [INBOX]
        assert outbox.first_mark(INBOX) == Mark(1, 1, 0)
