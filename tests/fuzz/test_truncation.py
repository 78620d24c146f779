"""A mail that was cut at any byte is read all the same, and at once.

Fixtures of all kinds at every byte; with MIGRATOR_CUT=all every fixture, of the longest every n-th byte.
"""

import os
from pathlib import Path

import pytest

from tests.fuzz.targets import bounded
from tests.migrator.mail.test_expected import EXPECTED

ALL = os.environ.get("MIGRATOR_CUT") == "all"
CUTS = 20_000
"""Of one fixture, at most."""
CHOSEN = [
    *("mime4j/double-semicolon.msg", "mime4j/intl.msg", "mime4j/multi-nested.msg", "mime4j/multi-digest.msg"),
    *("mime4j/obsolete.msg", "mime4j/base64-encoded-text.msg", "mime4j/german-qp.msg", "mime4j/weird-boundary.msg"),
    *("mime4j/multi-badnames.msg", "php-mime/m0007.txt", "php-mime/m1011.txt", "php-mime/m4009.txt"),
    *("php-mime/m2004.txt", "ruby-mail/example14.eml", "ruby-mail/sig_only_email.eml", "ruby-mail/raw_email7.eml"),
    *("ruby-mail/japanese.eml", "ruby-mail/japanese_attachment.eml", "ruby-mail/japanese_attachment_long_name.eml"),
    *("ruby-mail/japanese_iso_2022.eml", "ruby-mail/japanese_shift_jis.eml", "ruby-mail/raw_email.eml"),
    *("ruby-mail/utf8_headers.eml", "ruby-mail/attachment_nonascii_filename.eml", "ruby-mail/report_422.eml"),
]


@pytest.mark.timeout(0 if ALL else 300)  # each cut has its own limit, and on a busy machine many take long
@pytest.mark.parametrize("name", EXPECTED if ALL else CHOSEN)
def test_a_mail_cut_at_any_byte_is_read_all_the_same(corpora: Path, name: str) -> None:
    data = (corpora / "fixtures" / name).read_bytes()
    for end in range(0, len(data) + 1, len(data) // CUTS + 1):
        try:
            bounded("mail", data[:end])
        except BaseException as error:
            error.add_note(f"cut at byte {end}")
            raise
