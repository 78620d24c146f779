"""Real mail, laid out as every kind of store, through both databases into both kinds of Dovecot, back byte for byte.

Read back by Python's imaplib alone, and compared with what IMAP makes of the bytes as journey.on_wire spells it out.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from migrator.demo.groupware import Groupware
from migrator.demo.people import STAFF
from tests.adapters.files.layouts import counted, mbox
from tests.journeys.journey import Journey, digest
from tests.servers.dovecot import Dovecot

AT = datetime(2009, 11, 2, 0, 15, tzinfo=UTC)
ACCOUNT = STAFF[0].login

Mails = dict[str, list[bytes]]
"""Folder -> its mails."""


def real_mail(corpora: Path) -> Mails:
    folders = [path for part in ("fixtures", "filter/mail") for path in sorted((corpora / part).iterdir())]
    return {
        folder.name: [file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()] for folder in folders
    }


def as_groupware(root: Path, mails: Mails) -> dict[str, str]:
    with Groupware(root) as groupware:
        account = groupware.account(STAFF[0])
        for name, raws in mails.items():
            folder = account.folder(name)
            for number, raw in enumerate(raws):
                account.put(folder, raw, at=AT + timedelta(minutes=number))
    return {"adapter": "groupware", "mapping": "kyoyu-mail"}


def as_maildir(root: Path, mails: Mails) -> dict[str, str]:
    for folder in ("", *mails):
        for part in ("cur", "new", "tmp"):
            (root / ACCOUNT / (f".{folder}" if folder else "") / part).mkdir(parents=True)
    for folder, raws in mails.items():
        for number, raw in enumerate(raws):
            (
                root / ACCOUNT / f".{folder}" / "cur" / f"{int(AT.timestamp()) + number}.M{number}P7.mail:2,S"
            ).write_bytes(raw)
    return {"adapter": "maildir"}


def as_eml(root: Path, mails: Mails) -> dict[str, str]:
    for folder, raws in mails.items():
        (root / ACCOUNT / folder).mkdir(parents=True)
        for number, raw in enumerate(raws):
            (root / ACCOUNT / folder / f"{number:05} 件名.eml").write_bytes(raw)
    return {"adapter": "eml"}


def as_mbox(variant: str) -> Callable[[Path, Mails], dict[str, str]]:
    def write(root: Path, mails: Mails) -> dict[str, str]:
        (root / ACCOUNT).mkdir(parents=True)
        for folder, raws in mails.items():
            (root / ACCOUNT / folder).write_bytes(mbox(_in_mbox(raws, variant), variant, at=AT))
        return {"adapter": "mbox", "variant": variant}

    return write


def _in_mbox(raws: list[bytes], variant: str) -> list[bytes]:
    """What a mail is once it lies in an mbox: it ends in a line, and the length of its body stands in its header."""
    lines = [raw if raw.endswith(b"\n") else raw + b"\n" for raw in raws if raw]
    return [counted(raw, variant) for raw in lines] if variant.startswith("mboxcl") else lines


def expected(layout: str, mails: Mails) -> Iterator[bytes]:
    for raws in mails.values():
        if layout.startswith("mbox"):
            yield from (_unquoted(raw, layout) for raw in _in_mbox(raws, layout))
        else:
            yield from raws


def _unquoted(raw: bytes, variant: str) -> bytes:
    """mboxo and mboxcl cannot tell a quoted From from one that was written so; no reader can."""
    return re.sub(rb"(?m)^>From ", b"From ", raw) if variant in ("mboxo", "mboxcl") else raw


LAYOUTS: dict[str, Callable[[Path, Mails], dict[str, str]]] = {
    "groupware": as_groupware,
    "maildir": as_maildir,
    "eml": as_eml,
    "mboxo": as_mbox("mboxo"),
    "mboxrd": as_mbox("mboxrd"),
    "mboxcl": as_mbox("mboxcl"),
}


@pytest.mark.dovecot
@pytest.mark.parametrize(
    ("layout", "database", "storage"),
    [
        ("groupware", "sqlite", "maildir"),
        ("groupware", "postgresql", "sdbox"),
        ("maildir", "postgresql", "maildir"),
        ("maildir", "sqlite", "sdbox"),
        ("eml", "sqlite", "sdbox"),
        ("mboxo", "sqlite", "maildir"),
        ("mboxrd", "postgresql", "sdbox"),
        ("mboxcl", "sqlite", "maildir"),
    ],
)
def test_real_mail_comes_back_byte_for_byte(
    layout: str, database: str, storage: str, corpora: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    mails = real_mail(corpora)
    dovecot: Dovecot = request.getfixturevalue(f"dovecot_{storage}")
    url = request.getfixturevalue("postgres_url") if database == "postgresql" else "sqlite:///staging.db"
    section = LAYOUTS[layout](tmp_path / "old", mails)
    journey = Journey(
        tmp_path / "move", dovecot, section | {"root": str(tmp_path / "old")}, {ACCOUNT: dovecot.account()}, url=url
    )
    wanted = [raw for raw in expected(layout, mails) if raw]
    empty = sum(not raw for raws in mails.values() for raw in raws) if not layout.startswith("mbox") else 0
    journey.run("extract", code=1 if empty else 0)
    assert len(journey.lines("faults")) == empty
    journey.run("load", "new")
    assert journey.arrived() == Counter(map(digest, wanted))
    seen = journey.json("verify", "new", "--bodies", "10%")
    assert seen["findings"] == []
    assert seen["checked"] == len(wanted)
    assert journey.json("ledger", "new")["closed"]
