"""Whether a mail is whole can be told from its bytes."""

import pytest
from hypothesis import given

from migrator.mail import Health, health, split
from tests.migrator.mail.damage import mails


@pytest.mark.parametrize(
    ("data", "verdict"),
    [
        (b"", Health.EMPTY),
        (b"\0" * 4096, Health.NUL),
        (b"From: a@b\n\nbody\0\0\0", Health.NUL_TAIL),
        (b"From: a@b\nSubj\0\0\0", Health.NUL_TAIL),
        (b"\0\0From: a@b\n\nbody", Health.NO_HEADER),
        (b"PK\x03\x04 something else\n\nbody", Health.NO_HEADER),
        (b"\n\nno header at all", Health.NO_HEADER),
        (b"From: a@b\nSubject: cut he", Health.CUT_IN_HEADER),
        (b"From: a@b\r\n", Health.CUT_IN_HEADER),
        (b"Subject: x\n\nbody", Health.BARE),
        (b"From: a@b\n\nbody", Health.OK),
        (b"From: a@b\n\n", Health.OK),
        (b"From: a@b\r\n\r\n", Health.OK),
        (b"From: a@b\r\rbody\r", Health.OK),
        (b"\xef\xbb\xbfFrom: a@b\n\nbody", Health.OK),
        (b"\r\n\r\nDate: x\n\nbody", Health.OK),
        (b"From a@b Mon Jan  1 00:00:00 2001\nReceived: x\n\nbody", Health.OK),
    ],
)
def test_half_a_mail_is_told_from_a_whole_one(data: bytes, verdict: Health) -> None:
    assert health(*split(data), len(data)) == verdict


def test_a_mail_too_large_to_hold_is_judged_by_its_header() -> None:
    assert health(b"From: a@b\n\n", None, 2**31) == Health.OK
    assert health(b"Subject: x\n\n", None, 2**31) == Health.BARE
    assert health(b"PK\x03\x04", None, 2**31) == Health.NO_HEADER


@given(mails)
def test_any_bytes_have_a_verdict(data: bytes) -> None:
    assert health(*split(data), len(data)) in Health
