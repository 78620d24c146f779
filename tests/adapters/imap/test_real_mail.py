"""Real mail comes back byte for byte, as a reader says that is not ours."""

from collections.abc import Callable
from pathlib import Path

import pytest

from migrator.mail import on_wire
from migrator.model import Raw, Receipt
from tests.adapters.imap.conftest import MARKED, Box, parcel

FOLDER = 500


@pytest.mark.parametrize("server", MARKED)
def test_every_real_mail_comes_back_byte_for_byte(corpora: Path, new_box: Callable[[str], Box], server: str) -> None:
    raws = [path.read_bytes() for path in sorted(corpora.rglob("*")) if path.is_file() and path.stat().st_size]
    raws = raws[::6] if server == "pymap" else raws  # it takes its time
    assert raws
    box = new_box(server)
    with box.open() as target, box.somebody() as somebody:
        for number, at in enumerate(range(0, len(raws), FOLDER)):
            place, given = box.at(f"f{number}"), raws[at : at + FOLDER]
            target.prepare(place)
            receipts = list(target.deliver([parcel(place, raw) for raw in given]))
            assert all(isinstance(each, Receipt) for each in receipts)
            back = somebody.bodies(f"f{number}")
            assert back == [on_wire(raw)[0] for raw in given]
            sightings = list(target.survey(place, None))
            for receipt, sighting, raw in zip(receipts, sightings, back, strict=True):
                assert isinstance(receipt, Receipt)
                assert (receipt.ref, receipt.size, receipt.headers) == (sighting.ref, sighting.size, sighting.headers)
                assert receipt.sent == Raw.of(raw).digest
