"""Whether a mail is whole can be told from its bytes."""

import re
from pathlib import Path

import pytest
from hypothesis import given

from migrator.mail import Health, envelope, fingerprint, health, received_at, split
from tests.migrator.mail.damage import mails
from tests.migrator.mail.pathologies import PATHOLOGIES, multipart, text

SHORT = 600
"""Bytes of a fixture that is cut at every byte; longer ones are cut at thirty."""


def judged(data: bytes) -> Health:
    return health(*split(data), len(data))


@pytest.mark.parametrize("name", PATHOLOGIES)
def test_half_a_mail_is_told_from_a_whole_one(name: str) -> None:
    data, verdict = PATHOLOGIES[name]
    assert judged(data) == verdict


def test_every_class_that_bytes_tell_has_its_pathology() -> None:
    assert {verdict for _, verdict in PATHOLOGIES.values()} == set(Health) - {Health.BUSY, Health.UNPARSED}


def test_a_mail_too_large_to_hold_is_judged_by_its_header() -> None:
    assert health(b"From: a@b\n\n", None, 2**31) == Health.OK
    assert health(b"PK\x03\x04", None, 2**31) == Health.NOT_MAIL
    assert health(b"Content-Type: application/pkcs7-mime\n\n", None, 2**31) == Health.ENCRYPTED


@pytest.mark.parametrize(
    ("data", "tail", "verdict"),
    [
        (text(b"x"), b"\0" * 8, Health.NUL_TAIL),
        (b"\0" * 8, b"\0" * 8, Health.ALL_NUL),
        (multipart(b"x"), b"text", Health.NO_CLOSING_BOUNDARY),
        (multipart(b"x"), b"text\r\n--b--\r\n", Health.OK),
        (text(b"x"), b"\r\n\xe6\x97\xa5\xe6\x9c", Health.CUT_IN_BODY),
        (text(b"x", coding=b"base64"), b"AAAAA", Health.OK),
    ],
)
def test_or_by_its_header_and_its_end_where_that_is_at_hand(data: bytes, tail: bytes, verdict: Health) -> None:
    assert health(split(data)[0], None, 2**31, tail) == verdict


@given(mails)
def test_any_bytes_have_a_verdict(data: bytes) -> None:
    assert judged(data) in Health


def test_real_mail_cut_at_any_byte_is_read_all_the_same(corpora: Path) -> None:
    wrong = []
    for path in sorted((corpora / "fixtures").rglob("*.*")):
        data = path.read_bytes()
        head_ends = len(split(data)[0])
        step = 1 if len(data) <= SHORT else max(1, len(data) // 30)
        for end in range(0, len(data), step):
            cut = data[:end]
            head, body = split(cut)
            verdict = health(head, body, end)
            envelope(head)
            received_at(head, [])
            fingerprint(cut)
            if verdict == Health.OK and end < head_ends - 2 and not body:
                wrong.append((path.name, end))
    assert wrong == []


def test_a_multipart_cut_anywhere_is_never_called_whole(corpora: Path) -> None:
    found = 0
    for path in sorted((corpora / "fixtures").rglob("*.*")):
        data = path.read_bytes()
        head = len(split(data)[0])
        named = re.search(rb'multipart/[^:]*boundary="([^"\\\\ ]+)"', data[:head])
        if named is None or judged(data) != Health.OK:
            continue
        found += 1
        closing = data.index(b"\n--" + named[1] + b"--")
        for end in range(head + 1, closing, max(1, (closing - head) // 20)):
            assert judged(data[:end]) in (Health.NO_CLOSING_BOUNDARY, Health.TWO_MAILS), (path.name, end)
    assert found > 50
