"""What two mails mean is compared within limits, whatever they are made of."""

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.mail import meaning
from migrator.mail.bounded import Bounded
from migrator.mail.fingerprint import fingerprint
from migrator.mail.meaning import FINGERPRINTS, Meaning, written_digest
from migrator.model import Raw
from tests.migrator.mail.damage import mails

HEAD = b"Message-ID: <1@x>\r\nSubject: =?utf-8?q?a?=\r\n"
PLAIN = HEAD + b"\r\ntext\r\n"

BIG = b"Subject: x\n\n" + b"\n \n" * (12 * 2**20)
"""36 MB of lines, each of which becomes an object."""
SLOW = b"Content-Type: text/plain; charset=iso-2022-jp\n\n" + b"\x1b$B$" * (6 * 2**20)
"""24 MB that take more than 5 s."""


def unread(mail: bytes) -> str | None:
    """Nothing."""
    return None


def test_a_mail_that_is_too_big_or_too_slow_has_no_fingerprint_and_its_neighbours_have_theirs() -> None:
    assert FINGERPRINTS.read([PLAIN, BIG, PLAIN]) == [fingerprint(PLAIN), None, fingerprint(PLAIN)]
    with Bounded(fingerprint, unread, seconds=0.5) as reader:
        assert reader.read([PLAIN, SLOW, PLAIN]) == [fingerprint(PLAIN), None, fingerprint(PLAIN)]


def test_files_of_36_megabytes_have_a_fingerprint() -> None:
    large = b"Content-Transfer-Encoding: base64\nContent-Type: application/zip\n\n" + b64encode(bytes(36 * 2**20))
    assert FINGERPRINTS.read([large]) == [fingerprint(large)]


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every mail is too large for a fingerprint."""
    monkeypatch.setattr(meaning, "LARGE", 0)


def same(one: bytes, other: bytes) -> bool:
    return Meaning.of(Raw.of(one)).is_that_of(Raw.of(other))


OTHERS = {
    b"Received: from a by b\r\n" + PLAIN: (True, True),
    PLAIN.replace(b"\r\n", b"\n"): (True, True),
    PLAIN.replace(b"Subject: ", b"Subject:\r\n "): (True, True),
    PLAIN.replace(b"=?utf-8?q?a?=", b"a"): (True, False),
    PLAIN.replace(b"text", b"text "): (True, False),
    PLAIN.replace(b"text", b"next"): (False, False),
    PLAIN.replace(b"1@x", b"2@x"): (False, False),
    PLAIN.replace(b"\r\ntext", b"X: y\r\n\r\ntext").replace(b"?a?", b"?b?"): (False, False),
}


@pytest.mark.parametrize(("other", "means"), [(other, means) for other, (means, _) in OTHERS.items()])
def test_mails_that_can_be_read_are_compared_by_what_they_mean(other: bytes, means: bool) -> None:
    assert same(PLAIN, other) == same(other, PLAIN) == means


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize(("other", "says"), [(other, says) for other, (_, says) in OTHERS.items()])
def test_mails_that_cannot_be_read_are_compared_by_what_is_written(other: bytes, says: bool) -> None:
    assert same(PLAIN, other) == same(other, PLAIN) == says


def test_a_fingerprint_that_another_took_is_never_compared_with_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Meaning(fingerprint(PLAIN))
    assert told.is_that_of(Raw.of(PLAIN))
    monkeypatch.setattr(meaning, "LARGE", 0)
    assert not told.is_that_of(Raw.of(PLAIN))


@given(mails, st.integers(1, 50))
def test_what_is_written_is_one_wherever_the_stream_is_cut(data: bytes, size: int) -> None:
    cut = [data[at : at + size] for at in range(0, len(data), size)]
    assert written_digest(cut) == written_digest([data])


def test_a_header_of_any_length_is_read_as_a_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meaning, "HEAD_LIMIT", 5)
    assert written_digest([b"Subject: a\r\n\r\ntext"]) != written_digest([b"Subject: b\r\n\r\ntext"])
