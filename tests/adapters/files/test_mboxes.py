"""A source of mboxes: which files are some, what their mails are called, and what happens when they change."""

import io
from datetime import UTC, datetime
from pathlib import Path as Directory

import pytest

from adapters.files import Mbox, mbox, mboxes, openmbox
from migrator.errors import FolderError
from migrator.model import (
    ANSWERED,
    DELETED,
    DRAFT,
    FLAGGED,
    FORWARDED,
    IN_MEMORY,
    SEEN,
    Account,
    Flag,
    Item,
    NotMail,
    Path,
    Unchanged,
    Unreadable,
)
from migrator.testing import mail
from migrator.testing.source import Each, nothing
from tests.adapters.files import layouts

LINE = b"From sato@example.co.jp Mon Nov  2 09:15:00 2009\n"


def written(*subjects: str) -> bytes:
    return layouts.mbox([mail(subject).replace(b"\r\n", b"\n") for subject in subjects], "mboxrd")


def walk(root: Directory, account: str = "sato", **settings: str) -> dict[Path, list[Each]]:
    assert mbox.open_source is not None
    with mbox.open_source(Mbox(root=root, **settings)) as source:
        return {
            folder.path: list(source.items(folder, after=None, known=nothing))
            for folder in source.folders(Account(account))
        }


@pytest.fixture
def box(tmp_path: Directory) -> Directory:
    (tmp_path / "sato").mkdir()
    return tmp_path / "sato" / "box"


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("Inbox", ("Inbox",)),
        ("Inbox.sbd/2009", ("Inbox", "2009")),
        ("Sent.mbox", ("Sent",)),
        ("old/mail.mbx", ("old", "mail")),
        ("&U9dP4Xux-", ("受信箱",)),
        ("受信箱", ("受信箱",)),
        (".mbox", (".mbox",)),
    ],
)
def test_a_folder_is_called_as_its_file_without_what_programs_put_behind_it(
    tmp_path: Directory, name: str, path: Path
) -> None:
    file = tmp_path / "sato" / name
    file.parent.mkdir(parents=True)
    file.write_bytes(written("a"))
    assert list(walk(tmp_path)) == [path]


def test_two_files_of_one_name_are_two_folders(box: Directory) -> None:
    box.write_bytes(written("a"))
    box.with_name("box.mbox").write_bytes(written("b"))
    found = walk(box.parent.parent)
    assert list(found) == [("box",), ("box.mbox",)]


def test_mboxes_in_the_root_belong_to_nobody(tmp_path: Directory) -> None:
    (tmp_path / "sato").write_bytes(written("a"))
    assert list(walk(tmp_path, "")) == [("sato",)]


@pytest.mark.parametrize(
    ("fields", "flags"),
    [
        (b"Status: RO\n", {SEEN}),
        (b"Status: O\n", set()),
        (b"Status: RO\nX-Status: AFT\n", {SEEN, ANSWERED, FLAGGED, DRAFT}),
        (b"X-Status: D\r\n", {DELETED}),
        (b"Status: ASSIGNED\nX-Status: Draft\n", set()),
        (b"X-Keywords: work  $Forwarded   \n", {"work", "$Forwarded"}),
        (
            b"X-Mozilla-Status: 0003\nX-Mozilla-Status2: 00800000\nX-Mozilla-Keys: $label1 todo\n",
            {SEEN, ANSWERED, "$label1", "todo"},
        ),
        (b"X-Mozilla-Status: 1009\n", {SEEN, DELETED, FORWARDED}),
        (b"X-Mozilla-Status: none\n", set()),
    ],
)
def test_flags_stand_in_fields_that_stay_in_the_mail(box: Directory, fields: bytes, flags: set[Flag]) -> None:
    raw = fields + b"Subject: x\n\nbody\n"
    box.write_bytes(LINE + raw + b"\n")
    (item,) = walk(box.parent.parent)["box",]
    assert isinstance(item, Item)
    assert item.flags == flags
    assert item.raw.read() == raw


def test_the_from_lines_date_is_the_servers_clock_in_the_zone_of_the_settings(box: Directory) -> None:
    box.write_bytes(LINE + b"Subject: x\n\nbody\n")
    (item,) = walk(box.parent.parent)["box",]
    assert isinstance(item, Item)
    assert item.dates[0].at == datetime(2009, 11, 2, 0, 15, tzinfo=UTC)
    (item,) = walk(box.parent.parent, timezone="UTC")["box",]
    assert isinstance(item, Item)
    assert item.dates[0].at == datetime(2009, 11, 2, 9, 15, tzinfo=UTC)


def test_the_time_at_which_thunderbird_wrote_is_no_received_time(box: Directory) -> None:
    box.write_bytes(LINE.replace(b"sato@example.co.jp", b"-") + b"Subject: x\n\nbody\n")
    (item,) = walk(box.parent.parent)["box",]
    assert isinstance(item, Item)
    assert item.dates == ()


def test_what_uw_imapd_keeps_in_a_mail_of_its_own_is_no_mail(box: Directory) -> None:
    internal = (
        b"Date: 2 Nov 2009 09:15:00 +0900\nFrom: Mail System Internal Data <MAILER-DAEMON@mail>\n"
        b"Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\nX-IMAP: 1257120930 0000000001\nStatus: RO\n\n"
        b"This text is part of the internal format of your mail folder.\n\n"
    )
    box.write_bytes(LINE + internal + written("a"))
    first, second = walk(box.parent.parent)["box",]
    assert isinstance(first, NotMail)
    assert first.rule == "folder-internal-data"
    assert isinstance(second, Item)


def test_what_has_no_from_line_is_mail_or_a_fault_but_never_lost(box: Directory) -> None:
    box.write_bytes(b"\x00\x01garbage\n\n" + written("a"))
    first, second = walk(box.parent.parent)["box",]
    assert isinstance(first, Unreadable)
    assert first.reason.code == "mbox.no-from-line"
    assert isinstance(second, Item)
    box.write_bytes(mail("lost its line") + b"\n" + written("a"))
    assert all(isinstance(each, Item) for each in walk(box.parent.parent)["box",])


def test_a_mail_of_no_bytes_is_a_fault_between_mails(box: Directory) -> None:
    box.write_bytes(LINE + b"\n" + written("a"))
    first, second = walk(box.parent.parent)["box",]
    assert isinstance(first, Unreadable)
    assert first.reason.code == "file.empty"
    assert isinstance(second, Item)


def test_equal_mails_are_told_apart_by_their_order_among_equals(box: Directory) -> None:
    box.write_bytes(written("twin", "other", "twin"))
    keys = [each.key for each in walk(box.parent.parent)["box",]]
    assert keys[0].removesuffix(".1") == keys[2].removesuffix(".2")
    assert len(set(keys)) == 3


def test_keys_and_stamps_stay_when_a_new_mail_shows_that_the_writer_does_not_quote(box: Directory) -> None:
    """The mail whose lines were taken for quoted is another version, not another mail."""
    ordinary = layouts.counted(b"Subject: a\n\nbody\n", "mboxcl2")
    doubtful = layouts.counted(b"Subject: b\n\n>From there\n", "mboxcl2")
    telling = layouts.counted(b"Subject: c\n\nFrom here\n", "mboxcl2")
    box.write_bytes(layouts.mbox([ordinary, doubtful], "mboxcl2"))
    before = walk(box.parent.parent)["box",]
    box.write_bytes(layouts.mbox([ordinary, doubtful, telling], "mboxcl2"))
    after = walk(box.parent.parent)["box",]
    assert [each.key for each in after[:2]] == [each.key for each in before]
    assert isinstance(before[0], Item)
    assert isinstance(before[1], Item)
    assert isinstance(after[0], Item)
    assert isinstance(after[1], Item)
    assert after[0].stamp == before[0].stamp
    assert after[1].stamp != before[1].stamp
    assert after[1].raw.read() == doubtful


def test_a_mail_larger_than_memory_is_spooled(box: Directory) -> None:
    with box.open("wb") as file:
        file.write(LINE + b"Subject: large\n\n>From here\n")
        for _ in range(IN_MEMORY // 2**16 + 3):
            file.write(b"x" * 65535 + b"\n")
        file.write(b"\n" + written("after"))
    large, after = walk(box.parent.parent)["box",]
    assert isinstance(large, Item)
    assert large.raw.size > IN_MEMORY
    assert not isinstance(large.raw.open().raw if isinstance(large.raw.open(), io.BufferedReader) else None, io.BytesIO)
    with large.raw.open() as stream:
        assert stream.read(26) == b"Subject: large\n\nFrom here\n"
    assert isinstance(after, Item)


# -- while it changes ----------------------------------------------------------------------------------------------


def changing(box: Directory, monkeypatch: pytest.MonkeyPatch, *contents: bytes | None) -> None:
    """Each time a mail is about to be given, the file becomes the next of these, or stays as it is."""
    coming, really = iter(contents), openmbox.OpenMbox.check

    def check(self: openmbox.OpenMbox) -> None:
        content = next(coming, None)
        if content is not None:
            box.write_bytes(content)
        really(self)

    monkeypatch.setattr(openmbox.OpenMbox, "check", check)
    monkeypatch.setattr(mboxes, "PAUSES", (0, 0))


def subjects(found: list[Each]) -> list[bytes]:
    return [each.raw.read().split(b"Subject: ")[1].split(b"\n")[0] for each in found if isinstance(each, Item)]


def test_an_mbox_that_grows_while_it_is_read_is_read_on_and_gives_every_mail_once(
    box: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.write_bytes(written("a", "b"))
    changing(box, monkeypatch, None, written("a", "b", "c"), None, None, written("a", "b", "c", "d"))
    assert subjects(walk(box.parent.parent)["box",]) == [b"a", b"b", b"c", b"d"]


def test_an_mbox_that_is_written_anew_while_it_is_read_gives_whole_mails_only(
    box: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.write_bytes(written("a", "b" * 50, "c"))
    changing(box, monkeypatch, written("a", "c"))
    assert subjects(walk(box.parent.parent)["box",]) == [b"a", b"c"]


def test_an_mbox_that_will_not_hold_still_is_a_fault_of_its_folder(
    box: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.write_bytes(written("a"))
    changing(box, monkeypatch, *(written("a" * size) for size in range(2, 30)))
    with pytest.raises(FolderError) as caught:
        walk(box.parent.parent)
    assert caught.value.reason.code == "file.busy"


def test_a_resume_key_that_nobody_has_any_more_yields_all(box: Directory) -> None:
    box.write_bytes(written("a", "b"))
    assert mbox.open_source is not None
    with mbox.open_source(Mbox(root=box.parent.parent)) as source:
        (folder,) = source.folders(Account("sato"))
        assert len(list(source.items(folder, after="0" * 64 + ".1", known=nothing))) == 2


def test_what_is_known_is_not_kept_again(box: Directory) -> None:
    box.write_bytes(written("a", "b"))
    assert mbox.open_source is not None
    with mbox.open_source(Mbox(root=box.parent.parent)) as source:
        (folder,) = source.folders(Account("sato"))
        found = list(source.items(folder, after=None, known=lambda key, stamp: True))
    assert [type(each) for each in found] == [Unchanged, Unchanged]
