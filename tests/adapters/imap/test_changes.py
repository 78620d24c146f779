"""A change of one mail on a server that can little, or while a person changes the same mail."""

from collections.abc import Callable
from itertools import count

import pytest

from migrator.model import Amended, Relocate, Touched
from tests.adapters.imap.conftest import Box, parcel, tapped

pytestmark = pytest.mark.dovecot


@pytest.mark.parametrize("touching", [True, False])
def test_a_move_by_copying_leaves_one_mail_and_spares_what_a_person_touched_meanwhile(
    new_box: Callable[[str], Box], touching: bool
) -> None:
    with tapped(new_box("dovecot_sdbox"), hide=[b"MOVE"]) as (box, line), box.open() as target:
        place, there = box.at("box"), box.at("there")
        target.prepare(place)
        target.prepare(there)
        list(target.deliver([parcel(place)]))
        (sighting,) = target.survey(place, None)
        times = count()

        def flag(said: bytes) -> None:
            if touching and b" STORE " in said and next(times) == 0:
                with box.somebody() as somebody:
                    somebody.do("select", "box")
                    somebody.do("store", "1", "+FLAGS.SILENT", "(\\Flagged)")

        line.meddle = flag
        done = target.amend(place, sighting.ref, sighting, Relocate(there))
        line.meddle = lambda _: None
        left, copies = list(target.survey(place, None)), list(target.survey(there, None))
        assert any(command.startswith(b"UID COPY") for command in line.commands)
        if touching:
            assert isinstance(done, Touched)
            assert [each.flags for each in left] == [{"\\Flagged"}]
            assert copies == []
        else:
            assert isinstance(done, Amended)
            assert left == []
            assert [each.ref for each in copies] == [done.ref]
