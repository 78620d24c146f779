"""A mail server serves our Maildir archive as it lies, and we read the Maildir it wrote."""

import imaplib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from adapters.files import maildir
from migrator.mail import on_wire
from migrator.model import ANSWERED, FLAGGED, SEEN, Item, Mailbox, Parcel, Place, Raw, Receipt
from migrator.testing import SAMPLES, mail
from migrator.testing.source import nothing
from migrator.testing.target import AT
from tests.servers.dovecot import PASSWORD, Dovecot

pytestmark = pytest.mark.dovecot

BOX = ("受信箱", "山田")
WIRE_NAME = "&U9dP4Xux-/&XHF1MA-"


@contextmanager
def logged_in(dovecot: Dovecot, user: str) -> Iterator[imaplib.IMAP4]:
    with imaplib.IMAP4(dovecot.host, dovecot.port) as client:
        client.login(user, PASSWORD)
        yield client


def test_dovecot_serves_the_archive_as_it_lies(dovecot_maildir: Dovecot) -> None:
    user = dovecot_maildir.account()
    home = dovecot_maildir.home / "mail" / user
    place = Place("Maildir", BOX)
    flags = frozenset({SEEN, FLAGGED, "$Forwarded", "work"})
    parcels = [
        Parcel(
            item=number,
            place=place,
            raw=Raw.of(raw),
            flags=flags if number % 2 else frozenset(),
            received_at=AT + timedelta(days=number),
            token=str(number),
        )
        for number, raw in enumerate(SAMPLES)
    ]
    assert maildir.open_target is not None
    with maildir.open_target(maildir.config(root=home), Mailbox("Maildir")) as target:
        target.prepare(Place("Maildir", ("INBOX",)))
        target.prepare(place)
        assert all(isinstance(each, Receipt) for each in target.deliver(parcels))
    dovecot_maildir.give(home)
    with logged_in(dovecot_maildir, user) as client:
        assert client.select(f'"{WIRE_NAME}"', readonly=True) == ("OK", [str(len(SAMPLES)).encode()])
        _, answer = client.fetch("1:*", "(FLAGS INTERNALDATE BODY.PEEK[])")
    found = {}
    for part in answer:
        if isinstance(part, tuple):
            told = part[0].decode()
            date = re.search(r'INTERNALDATE "([^"]+)"', told)
            words = re.search(r"FLAGS \(([^)]*)\)", told)
            assert date is not None
            assert words is not None
            at = datetime.strptime(date[1].strip(), "%d-%b-%Y %H:%M:%S %z")
            found[at] = (on_wire(part[1])[0], frozenset(words[1].split()) - {"\\Recent"})
    assert found == {parcel.received_at: (on_wire(parcel.raw.read())[0], parcel.flags) for parcel in parcels}


def test_we_read_what_dovecot_wrote(dovecot_maildir: Dovecot) -> None:
    user = dovecot_maildir.account()
    flags = [(), (SEEN, ANSWERED), (FLAGGED, "$Forwarded"), ("work",)]
    dates = [datetime(2001, 9, 9, 1, 46, number, tzinfo=UTC) for number in range(len(flags))]
    with logged_in(dovecot_maildir, user) as client:
        client.create(f'"{WIRE_NAME}"')
        for number, (words, at) in enumerate(zip(flags, dates, strict=True)):
            date = imaplib.Time2Internaldate(at)
            client.append(f'"{WIRE_NAME}"', f"({' '.join(words)})", date, mail(f"n{number}"))
    root = dovecot_maildir.home / "mail" / user
    (root / "Maildir").rename(root / user)
    assert maildir.open_source is not None
    with maildir.open_source(maildir.config(root=root)) as source:
        account = next(account for account in source.accounts() if account.name == user)
        folder = next(folder for folder in source.folders(account) if folder.path == BOX)
        others = [each for each in source.items(folder, after=None, known=nothing) if not isinstance(each, Item)]
        mails = [each for each in source.items(folder, after=None, known=nothing) if isinstance(each, Item)]
        (census,) = (count for count in source.census(account) if count.folder == folder)
    assert [each.raw.read() for each in mails] == [
        mail(f"n{number}").replace(b"\r\n", b"\n") for number in range(len(flags))
    ]
    assert [each.flags for each in mails] == [frozenset(words) for words in flags]
    assert [each.dates[0].at for each in mails] == dates
    assert {getattr(each, "rule", None) for each in others} <= {"dovecot-index", "courier-index"}
    assert census.artefacts == len(mails) + len(others)
