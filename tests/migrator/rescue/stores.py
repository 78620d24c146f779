"""A live store at night, with one of everything that stops a mail reader; old enough to be left alone."""

import os
import stat
from hashlib import sha256
from pathlib import Path

from migrator.rescue.scan import Kind
from tests.migrator.mail.pathologies import PATHOLOGIES, mail

DAY = 86_400
LARGE = 20 * 10**6
WHOLE = mail(b"text\r\n")

HOSTILE = b"a\n\x1b[2J\x82\xa0\xe2\x80\xae\\x1b.eml"
"""A name with a line end, an escape sequence, CP932, an override of direction and a backslash."""

MAILS = {
    "empty.eml": ("no byte", Kind.EMPTY),
    "nul.eml": ("a block that was reserved", Kind.ALL_NUL),
    "tail.eml": ("NUL from the middle of the body", Kind.NUL_TAIL),
    "table.csv": ("a table that ends in NUL", Kind.NUL_TAIL),
    "header.eml": ("cut in a value", Kind.CUT_IN_HEADER),
    "body.eml": ("base64 that does not come out even", Kind.CUT_IN_BODY),
    "parts.eml": ("cut in a part", Kind.NO_CLOSING_BOUNDARY),
    "two.eml": ("a second mail behind a dot", Kind.TWO_MAILS),
}
INNOCENT = {
    "whole.eml": WHOLE,
    "box.mbox": PATHOLOGIES["a second From_ line"][0],
    "picture.png": PATHOLOGIES["a picture"][0],
    "database.db": PATHOLOGIES["a database, NUL all through and at the end"][0],
    "users.csv": b"1,sato\r\n2,suzuki\r\n",
    "sealed.eml": PATHOLOGIES["S/MIME"][0],
}


def build(root: Path) -> dict[bytes, Kind]:
    """Make it; what `scan` must say of each file it is to name."""
    inbox = root / "sato" / "inbox"
    inbox.mkdir(parents=True)
    expected = {f"sato/inbox/{name}".encode(): kind for name, (_, kind) in MAILS.items()}
    for name, (story, _) in MAILS.items():
        (inbox / name).write_bytes(PATHOLOGIES[story][0])
    for name, data in INNOCENT.items():
        (inbox / name).write_bytes(data)
    Path(os.fsdecode(bytes(inbox) + b"/" + HOSTILE)).write_bytes(WHOLE[:60])
    os.mkfifo(inbox / "pipe")
    (inbox / "itself").symlink_to("itself")
    (inbox / "nowhere").symlink_to("nothing-there")
    (inbox / "up").symlink_to("..")
    (inbox / "good").symlink_to("whole.eml")
    (root / "sato" / "mail.lock").write_bytes(b"4711\n")
    with (root / "sato" / "huge.eml").open("wb") as file:
        file.truncate(LARGE + 1)
    with (root / "sato" / "holes.eml").open("wb") as file:
        file.write(WHOLE)
        file.truncate(5 * 10**6)
    names = {"inbox/pipe": Kind.SPECIAL, "inbox/itself": Kind.LINK_LOOP, "inbox/nowhere": Kind.LINK_NOWHERE}
    names |= {"inbox/up": Kind.DIRECTORY_LOOP, "mail.lock": Kind.LOCK, "huge.eml": Kind.LARGE, "holes.eml": Kind.SPARSE}
    expected |= {f"sato/{name}".encode(): kind for name, kind in names.items()}
    expected[b"sato/inbox/" + HOSTILE] = Kind.CUT_IN_HEADER
    age(root)
    return expected


def age(root: Path, seconds: int = 30 * DAY) -> None:
    """Every file was left alone for so long; directories differ, so that their times tell something."""
    then = int(root.stat().st_mtime) - seconds
    for number, path in enumerate(sorted(root.rglob("*"), reverse=True)):
        os.utime(path, (then + number, then + number), follow_symlinks=False)


def tree(root: Path) -> str:
    """A hash over everything below a root: names, kinds, bytes, mtimes to the nanosecond, modes, owners, inodes."""
    total = sha256()
    for path in sorted([root, *root.rglob("*")], key=os.fsencode):
        status = path.lstat()
        facts = (status.st_mode, status.st_mtime_ns, status.st_size, status.st_uid, status.st_ino, status.st_nlink)
        total.update(os.fsencode(path) + repr(facts).encode())
        if stat.S_ISLNK(status.st_mode):
            total.update(os.fsencode(path.readlink()))
        elif stat.S_ISREG(status.st_mode) and status.st_size < 10**8:
            total.update(sha256(path.read_bytes()).digest())
    return total.hexdigest()
