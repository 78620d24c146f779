"""A large mail travels as a stream, there and back: what the command has in memory does not grow with it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from migrator.testing import mail
from tests.servers.exchange import ALICE, PASSWORD, SERVICE, server
from tests.servers.exchange.items import from_mime

SIZE = 60 * 2**20
MOST = 400

LETTER = mail("large", header=b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n")
LINE = b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0NTY3\r\n"

PROGRAM = """
import re, sys
from datetime import UTC, datetime
from pathlib import Path
from adapters.exchange import adapter
from migrator.model import Mailbox, Parcel, Place, Raw, Receipt
url, path, user, owner = sys.argv[1:]
config = adapter.config(
    endpoint=url, auth="basic", user=user, password={"env": "EWS_TEST_PASSWORD"}, request_bytes=128 * 2**20
)
place = Place(owner, ("box",))
with Path(path).open("rb") as file:
    raw = Raw.spooled(file)
with adapter.open_target(config, Mailbox(owner)) as target:
    target.prepare(place)
    at = datetime(2009, 11, 2, tzinfo=UTC)
    (found,) = target.deliver(
        [Parcel(item=1, place=place, raw=raw, flags=frozenset(), received_at=at, token="t")]
    )
    assert isinstance(found, Receipt), found
print(int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""


@pytest.mark.timeout(120)
def test_a_mail_of_60_mb_is_sent_within_400_mb(tmp_path: Path) -> None:
    path = tmp_path / "large.eml"
    path.write_bytes(LETTER + LINE * (SIZE // len(LINE)))
    with server() as exchange:
        exchange.request_bytes = 128 * 2**20
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, exchange.url, str(path), SERVICE, ALICE],
            env=os.environ | {"EWS_TEST_PASSWORD": PASSWORD},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        (item,) = exchange[ALICE].items.values()
        assert item.raw == path.read_bytes()
        assert exchange.invalid_requests == []
    assert int(done.stdout) < MOST


FETCHING = """
import re, sys
from pathlib import Path
from adapters.exchange import adapter
url, user, owner = sys.argv[1:]
config = adapter.config(
    endpoint=url, auth="basic", user=user, password={"env": "EWS_TEST_PASSWORD"}, accounts=[owner], timeout=100
)
with adapter.open_source(config) as source:
    (inbox,) = [each for each in source.folders(next(source.accounts())) if each.path == ("INBOX",)]
    (item,) = source.items(inbox, after=None, known=lambda key, stamp: False)
    assert item.raw.size > 60_000_000, item
print(int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""


@pytest.mark.timeout(180)
def test_a_mail_of_60_mb_is_fetched_within_400_mb() -> None:
    with server() as exchange:
        mailbox = exchange[ALICE]
        mailbox.add(from_mime(LETTER + LINE * (SIZE // len(LINE)), mailbox.role("inbox"), ALICE))
        done = subprocess.run(
            [sys.executable, "-c", FETCHING, exchange.url, SERVICE, ALICE],
            env=os.environ | {"EWS_TEST_PASSWORD": PASSWORD},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert exchange.invalid_requests == []
    assert int(done.stdout) < MOST
