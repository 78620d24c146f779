"""Real mail, laid out as old stores lay it out, comes back byte for byte; and goes into the archives and back."""

import re
from pathlib import Path as Directory

import pytest

from adapters.files import Mbox, eml, maildir, mbox, mh
from migrator.mail import header_digest, split
from migrator.model import Account, Count, Item, Mailbox, Parcel, Place, Raw, Receipt, Unreadable
from migrator.ports import Adapter, Source
from migrator.testing.source import Each, nothing
from migrator.testing.target import AT
from tests.adapters.files.layouts import counted, quoted
from tests.adapters.files.layouts import mbox as written


@pytest.fixture(scope="module")
def mails(corpora: Directory) -> list[bytes]:
    """Every mail there is, an empty one among them if there is one."""
    folders = [corpora / "fixtures", corpora / "filter" / "mail"]
    found = [path.read_bytes() for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    assert len(found) > 100
    return found


def read_back(source: Source) -> tuple[list[Each], int]:
    """All items of the only folder, and its census."""
    (folder,) = source.folders(Account("sato"))
    (count,) = source.census(Account("sato"))
    assert isinstance(count, Count)
    return list(source.items(folder, after=None, known=nothing)), count.artefacts


def raws(found: list[Each]) -> list[bytes]:
    faults = [each for each in found if not isinstance(each, Item)]
    assert all(isinstance(each, Unreadable) and each.reason.code == "file.empty" for each in faults), faults
    return [each.raw.read() for each in found if isinstance(each, Item)]


@pytest.mark.parametrize(
    ("adapter", "name"), [(maildir, "sato/cur/{:08}.M1P1.mail:2,S"), (eml, "sato/box/{}.eml"), (mh, "sato/box/{}")]
)
def test_one_file_a_mail(tmp_path: Directory, mails: list[bytes], adapter: Adapter, name: str) -> None:
    for number, raw in enumerate(mails, 1):
        file = tmp_path / name.format(number)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(raw)
    assert adapter.open_source is not None
    with adapter.open_source(adapter.config(root=tmp_path)) as source:
        found, census = read_back(source)
    assert len(found) == census == len(mails)
    assert sorted(raws(found)) == sorted(raw for raw in mails if raw)


def ended(raw: bytes) -> bytes:
    """A mail as an mbox can hold it: its last line ends."""
    return raw if raw.endswith(b"\n") else raw + b"\n"


@pytest.mark.parametrize("told", ["auto", "told"])
@pytest.mark.parametrize("variant", ["mboxo", "mboxrd", "mboxcl", "mboxcl2"])
def test_many_mails_a_file(tmp_path: Directory, mails: list[bytes], variant: str, told: str) -> None:
    sent = [ended(raw) for raw in mails if raw]
    if variant in ("mboxcl", "mboxcl2"):
        sent = [counted(raw, variant) for raw in sent if b"\n" in raw.strip()]
    (tmp_path / "sato").mkdir()
    (tmp_path / "sato" / "box").write_bytes(written(sent, variant))
    assert mbox.open_source is not None
    config = Mbox(root=tmp_path) if told == "auto" else Mbox(root=tmp_path, variant=variant)  # type: ignore[arg-type]
    with mbox.open_source(config) as source:
        found, census = read_back(source)
    assert len(found) == census == len(sent)
    if variant in ("mboxo", "mboxcl"):  # cannot tell its own quoting from a mail's
        marks = re.compile(rb"(?m)^>+From ")
        assert [marks.sub(b"From ", raw) for raw in raws(found)] == [marks.sub(b"From ", raw) for raw in sent]
        if told == "told":
            assert [quoted(raw, variant) for raw in raws(found)] == [quoted(raw, variant) for raw in sent]
    else:
        assert raws(found) == sent
    assert len({each.key for each in found}) == len(found)


@pytest.mark.parametrize("adapter", [maildir, eml])
def test_into_an_archive_and_back(tmp_path: Directory, mails: list[bytes], adapter: Adapter) -> None:
    assert adapter.open_target is not None
    place = Place("sato", ("INBOX",))
    parcels = [
        Parcel(item=number, place=place, raw=Raw.of(raw), flags=frozenset(), received_at=AT, token=str(number))
        for number, raw in enumerate(mails)
    ]
    with adapter.open_target(adapter.config(root=tmp_path), Mailbox("sato")) as target:
        target.prepare(place)
        for start in range(0, len(parcels), target.limits.batch_items):
            batch = parcels[start : start + target.limits.batch_items]
            assert all(isinstance(each, Receipt) for each in target.deliver(batch))
        sightings = list(target.survey(place, None))
        assert len(sightings) == len(mails)
        for raw, sighting in zip(mails, sightings, strict=True):
            back = target.fetch(place, sighting.ref)
            assert back is not None
            assert back.read() == raw
            assert sighting.headers == header_digest(split(raw)[0])
