"""Stores of the shipped examples; each maker returns the mails in it that will arrive."""

import sqlite3
from contextlib import closing
from pathlib import Path

from migrator.testing import mail
from tests.adapters.groupware.makers import put

FROM = b"From a@b Mon Nov  2 09:15:00 2009\n"


def mbox_sqlite(root: Path) -> list[bytes]:
    """Two users; one mbox has a mail whose row was deleted, one row points between two mails."""
    put(root, "etc/users.ini", "[sato]\r\nmail=sato@example.co.jp\r\n[suzuki]\r\n".encode("cp932"))
    mails = [mail(f"m{number}", body=b">From the start\r\n%d\r\n" % number) for number in range(5)]
    _mboxes(root, "sato", mails[:3], [(1, 0, 3), (2, 1, 4)])
    _mboxes(root, "suzuki", mails[3:], [(1, 0, 0), (2, 1, 7), (3, 0, 1)])
    return [each.replace(b"\r\n>From", b"\r\nFrom") for each in mails]


def _mboxes(root: Path, login: str, mails: list[bytes], rows: list[tuple[int, int, int]]) -> None:
    """Rows are (id, number of the mail in the mbox, marks); the second row names the line after its From_ line, and a
    third one a place where no mail begins."""
    places = [sum(len(FROM) + len(each) + 1 for each in mails[:number]) for number in range(len(mails))]
    put(root, f"spool/{login}/inbox.mbx", b"".join(FROM + each + b"\n" for each in mails))
    path = root / "var" / f"{login}.db"
    path.parent.mkdir(exist_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("create table folders (id integer primary key, path text)")
        database.execute("create table messages (id integer primary key, folder_id, box, ofs, st, rcv)")
        database.execute("insert into folders values (1, '受信箱/客先')")
        for row, number, marks in rows:
            place = places[number] + (len(FROM) if row == 2 else 7 if row == 3 else 0)
            values = (row, 1, "inbox", place, f"{marks:x}", f"{1257120900:08x}")
            database.execute("insert into messages values (?, ?, ?, ?, ?, ?)", values)


def maildir(root: Path) -> list[bytes]:
    """Two Maildirs: read and unread mail, folders in modified UTF-7, an empty one, and what was never delivered."""
    put(root, "users.csv", b"login\nsato\nsuzuki\n")
    mails = [mail(f"m{number}") for number in range(4)]
    paths = (
        "sato/Maildir/new/1257120900.M1P1.mail",
        "sato/Maildir/cur/1257120901.M2P1.mail:2,FRS",
        "sato/Maildir/.&W6JRSA-.A&eT4-/cur/1257120902.M3P1.mail:2,",
        "suzuki/Maildir/cur/1257120903.M4P1.mail:2,S",
    )
    for path, raw in zip(paths, mails, strict=True):
        put(root, f"home/{path}", raw)
    put(root, "home/sato/Maildir/tmp/1257120904.M5P1.mail", mail("cut")[:20])
    put(root, "home/sato/Maildir/dovecot-uidlist", b"3 V1 N4\n")
    (root / "home/suzuki/Maildir/.&eno-/cur").mkdir(parents=True)
    return mails


def mh(root: Path) -> list[bytes]:
    """MH folders of two users; one mail is marked as deleted, one lies in no folder."""
    put(root, "users.csv", b"login\nsato\nsuzuki\n")
    mails = [mail(f"m{number}") for number in range(4)]
    for path, raw in zip(
        ("sato/Mail/inbox/1", "sato/Mail/inbox/,2", "sato/Mail/客先/A社/7", "suzuki/Mail/9"), mails, strict=True
    ):
        put(root, f"home/{path}", raw)
    put(root, "home/sato/Mail/inbox/.mh_sequences", b"unseen: 2-3\nreplied: 1\n")
    return [mails[0], *mails[2:]]


def eudora(root: Path) -> list[bytes]:
    """An account of Eudora: From_ lines in mails, quoted and bare, an attachment beside, a folder of mailboxes."""
    line = b"From ???@??? Mon Nov 02 09:15:00 2009\r\n"
    told = 'Attachment Converted: "C:\\Eudora\\Attach\\見積.xls"\r\n'.encode("cp932")
    mails = [
        mail("m1", body=b"hello\r\n\r\nFrom sato Mon Nov  2 09:15:00 2009\r\n>From here\r\n"),
        mail("m2", body=told),
        mail("m3"),
    ]
    put(root, "sato/In.mbx", b"".join(line + each for each in mails[:2]))
    put(root, "sato/客先.fol/A社.mbx".encode("cp932").decode("utf-8", "surrogateescape"), line + mails[2])
    for path in ("In.toc", "descmap.pce", "Filters.pce", "Nickname/x.txt", "NNdbase.txt", "Sigs/Standard.txt"):
        put(root, f"sato/{path}", b"\0x")
    put(root, "sato/Attach/見積.xls".encode("cp932").decode("utf-8", "surrogateescape"), b"\xd0\xcf\x11\xe0")
    return mails
