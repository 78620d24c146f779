"""Any number of mails for measurements, the same for the same seed: sizes, charsets and fan-out as in real stores.

Sizes are lognormal: median 6.3 KB, mean 52 KB, one in ten above 65 KB, none above 8 MB. A quarter of all mails are
newsletters: one body that went to everybody under as many headers.
"""

import base64
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from itertools import chain
from pathlib import Path
from random import Random
from typing import Literal

from migrator.demo.groupware import INBOX, SENT, Account, Groupware, Mark
from migrator.demo.letters import JIS, SJIS, UTF8_8BIT, UTF8_BASE64, UTF8_QP, Writing, crlf, words
from migrator.demo.office import FOUNDED
from migrator.demo.people import MATTERS, SENTENCES, Person

MEDIAN, SPREAD = 4_600, 2.35
"""Of the mails that went to one reader, header aside; with newsletters and headers the whole comes to the above."""
LARGEST = 8 * 2**20
NEWSLETTERS = 0.25
TEXT = 12_000
"""Bytes of a mail that are text; what goes beyond is an attachment."""

WRITINGS = ((JIS, 52), (UTF8_BASE64, 20), (UTF8_QP, 10), (UTF8_8BIT, 12), (SJIS, 6))
FOLDERS = (INBOX, SENT, "お客様", "見積", "総務", "ML", "二〇〇八年", "二〇〇九年", "仮", "完了", "控え")

Shape = Literal["groupware", "maildir"]
Newline = Literal["crlf", "lf"]


@dataclass(frozen=True, slots=True)
class Bulk:
    """How much was written."""

    mails: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail, and where it goes: numbers of a reader and of a folder."""

    reader: int
    folder: int
    at: datetime
    marks: Mark
    data: bytes


def build(
    root: Path,
    *,
    mails: int = 5_000,
    shape: Shape = "groupware",
    newline: Newline = "crlf",
    accounts: int = 20,
    seed: int = 1,
) -> Bulk:
    """Write a store of that many mails below `root`; a maildir holds all of them in one account."""
    written = size = 0
    store: _Groupware | _Maildir = _Groupware(root, accounts) if shape == "groupware" else _Maildir(root)
    with store:
        for mail in letters(mails, readers=accounts, seed=seed):
            data = mail.data if newline == "crlf" else mail.data.replace(b"\r\n", b"\n")
            store.put(mail, data)
            written, size = written + 1, size + len(data)
    return Bulk(written, size)


def letters(count: int, *, readers: int = 20, seed: int = 1) -> Iterator[Mail]:
    """That many mails to these readers, lines ended by CRLF."""
    chance = Random(seed)  # noqa: S311 - figures, not secrets
    pen = _Pen(chance)
    issues = round(count * NEWSLETTERS / readers)
    single = count - issues * readers
    kinds = [True] * issues + [False] * single
    chance.shuffle(kinds)
    yield from chain.from_iterable(
        pen.newsletter(readers) if newsletter else [pen.letter(chance.randrange(readers))] for newsletter in kinds
    )


class _Pen:
    """Writes mails one after the other."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._number = 0
        self._noise = chance.randbytes(LARGEST)
        lines = [" ".join(chance.sample(SENTENCES, k=3)) for _ in range(400)]
        self._texts = {writing: writing.data("\n".join(lines)) for writing, _ in WRITINGS}

    def letter(self, reader: int) -> Mail:
        """A mail of its own."""
        size = min(LARGEST, max(100, round(self._chance.lognormvariate(math.log(MEDIAN), SPREAD))))
        writing = self._writing()
        return self._mail(reader, self._chance.randrange(len(FOLDERS)), writing, self._body(size, writing))

    def newsletter(self, readers: int) -> Iterator[Mail]:
        """One body to everybody."""
        size = min(120_000, max(2_000, round(self._chance.lognormvariate(math.log(MEDIAN * 1.5), 1))))
        writing = self._writing()
        body = self._body(size, writing)
        for reader in range(readers):
            yield self._mail(reader, 0, writing, body)

    def _writing(self) -> Writing:
        return self._chance.choices([each for each, _ in WRITINGS], [weight for _, weight in WRITINGS])[0]

    def _body(self, size: int, writing: Writing) -> bytes:
        """Everything from the Content-Type on, lines ended by LF."""
        text = self._text(min(size, TEXT), writing)
        kind = f"Content-Type: text/plain; charset={writing.charset}\nContent-Transfer-Encoding: {writing.encoding}\n\n"
        if size <= TEXT:
            return kind.encode() + text
        at = self._chance.randrange(LARGEST // 2)
        noise = self._noise[at : at + (size - TEXT) * 72 // 100]
        edge = f"=_{self._chance.getrandbits(64):016x}"
        return b"".join(
            [
                f'Content-Type: multipart/mixed; boundary="{edge}"\n\n--{edge}\n{kind}'.encode(),
                text,
                f"\n--{edge}\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\n".encode(),
                base64.encodebytes(noise),
                f"--{edge}--\n".encode(),
            ]
        )

    def _text(self, size: int, writing: Writing) -> bytes:
        """About that many bytes of text once they are encoded."""
        lines = self._texts[writing].split(b"\n")
        first = self._chance.randrange(len(lines))
        share = {"base64": 0.74, "quoted-printable": 0.34}.get(writing.encoding, 1.0) * size
        taken: list[bytes] = []
        length = 0
        while length < share:
            taken.append(lines[(first + len(taken)) % len(lines)])
            length += len(taken[-1]) + 1
        return writing.encoded(b"\n".join(taken) + b"\n")

    def _mail(self, reader: int, folder: int, writing: Writing, body: bytes) -> Mail:
        self._number += 1
        at = FOUNDED + timedelta(minutes=self._number * 7, seconds=self._chance.randrange(60))
        subject = f"{self._chance.choice(MATTERS)} {self._number}"
        header = (
            f"Received: from mx.example.com by mail.example.co.jp with SMTP id {self._number:08x};\n"
            f" {format_datetime(at)}\n"
            f"Message-ID: <{self._number}.{self._chance.getrandbits(48):012x}@example.com>\n"
            f"Date: {format_datetime(at)}\n"
            f"From: {words(self._chance.choice(MATTERS), writing)} <from{self._number % 97}@example.com>\n"
            f"To: reader{reader}@example.co.jp\n"
            f"Subject: {words(subject, writing)}\n"
            "MIME-Version: 1.0\n"
        )
        marks = Mark(self._chance.choice([0, 1, 1, 1, 3, 9]))
        return Mail(reader, folder, at, marks, crlf(header.encode() + body))


class _Groupware(Groupware):
    """The store as a groupware of that many accounts."""

    def __init__(self, root: Path, accounts: int) -> None:
        super().__init__(root)
        people = [
            Person(f"利用者{number}", f"user{number:04d}@example.co.jp", f"user{number:04d}")
            for number in range(accounts)
        ]
        self._boxes: list[tuple[Account, list[str]]] = []
        for person in people:
            account = self.account(person)
            self._boxes.append((account, [account.folder(name) for name in FOLDERS]))

    def put(self, mail: Mail, data: bytes) -> None:
        account, folders = self._boxes[mail.reader]
        account.put(folders[mail.folder], data, at=mail.at, marks=mail.marks)


class _Maildir:
    """The store as one Maildir++ (one directory a folder, names in modified UTF-7)."""

    def __init__(self, root: Path) -> None:
        self._folders = [root if number == 0 else root / f".{_utf7(name)}" for number, name in enumerate(FOLDERS)]
        self._written = 0
        for folder in self._folders:
            for part in ("cur", "new", "tmp"):
                (folder / part).mkdir(parents=True)

    def put(self, mail: Mail, data: bytes) -> None:
        self._written += 1
        flags = "".join(letter for mark, letter in ((8, "F"), (2, "R"), (1, "S")) if mail.marks & mark)
        name = f"{mail.at.timestamp():.0f}.M{self._written}.example:2,{flags}"
        (self._folders[mail.folder] / "cur" / name).write_bytes(data)

    def __enter__(self) -> "_Maildir":
        return self

    def __exit__(self, *_: object) -> None: ...


def _utf7(name: str) -> str:
    """A name in modified UTF-7 (RFC 3501 §5.1.3), all of it shifted where it is not ASCII."""
    if name.isascii():
        return name
    return "&" + base64.b64encode(name.encode("utf-16-be")).decode().rstrip("=").replace("/", ",") + "-"
