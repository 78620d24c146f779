"""How long an outage is waited out: patience begins anew whenever some mail has gone."""

from itertools import count

import pytest

from migrator.errors import Outage, Reason
from migrator.staging.store import Staging
from tests.roads import Hasty, bodies_at, mail, road


def test_a_network_that_breaks_again_and_again_is_borne_as_long_as_mail_goes(staging: Staging) -> None:
    with road() as way:
        for number in range(30):
            way.old.add("sato", ("受信箱",), mail(str(number)))
        way.extract(staging)
        sent = count(1)

        def interrupt(moment: str) -> None:
            if moment == "deliver" and next(sent) % 3 == 0:
                raise Outage(Reason("imap.lost", host="h", port=1))

        way.new.interrupt = interrupt
        assert way.load(staging, patience=7, lanes=1, stop=Hasty())["loaded"] == 30
        assert bodies_at(way.new, "sato", "INBOX") == bodies_at(way.old, "sato", "受信箱")


def test_an_outage_in_which_nothing_goes_ends_with_patience(staging: Staging) -> None:
    with road() as way:
        way.old.add("sato", ("受信箱",), mail("one"))
        way.extract(staging)
        asked: list[str] = []

        def interrupt(moment: str) -> None:
            asked.append(moment)
            raise Outage(Reason("imap.lost", host="h", port=1))

        way.new.interrupt = interrupt
        with pytest.raises(Outage):
            way.load(staging, patience=7, stop=Hasty())
        assert len(asked) == 4  # pauses of 1, 2 and 4 seconds lie between them
