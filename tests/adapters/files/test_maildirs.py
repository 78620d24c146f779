"""A Maildir's names are read as the programs that wrote them meant them."""

import os
from datetime import UTC, datetime
from pathlib import Path as Directory

import pytest

from adapters.files import maildir
from migrator.errors import UsageError
from migrator.model import (
    ANSWERED,
    DELETED,
    DRAFT,
    FLAGGED,
    FORWARDED,
    SEEN,
    Account,
    DateSource,
    Evidence,
    Flag,
    Item,
    NotMail,
    Path,
    Role,
    Unreadable,
)
from migrator.testing import mail
from migrator.testing.source import Each, nothing

NAME = "1257120930.M1P7.mail"
AT = 1257120930


def put(folder: Directory, name: str, *, part: str = "cur", written: float | None = None) -> Directory:
    for each in ("cur", "new", "tmp"):
        (folder / each).mkdir(parents=True, exist_ok=True)
    file = folder / part / name
    file.write_bytes(mail(name))
    if written is not None:
        os.utime(file, (written, written))
    return file


def walk(root: Directory) -> dict[tuple[Path, str], Each]:
    assert maildir.open_source is not None
    with maildir.open_source(maildir.config(root=root)) as source:
        return {
            (folder.path, each.key): each
            for folder in source.folders(Account("sato"))
            for each in source.items(folder, after=None, known=nothing)
        }


def only(root: Directory) -> Item:
    (found,) = walk(root).values()
    assert isinstance(found, Item)
    return found


# -- folders -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("directory", "path"),
    [
        ("sato", ("INBOX",)),
        ("sato/.Sent", ("Sent",)),
        ("sato/.&U9dP4Xux-.2009", ("受信箱", "2009")),
        ("sato/.受信箱", ("受信箱",)),
        ("sato/.R&D", ("R&D",)),
        ("sato/.R&-D", ("R&D",)),
        ("sato/.R&D-.x", ("R&D-", "x")),
        ("sato/projects/2009", ("projects", "2009")),
        ("sato/.A..B", (".A..B",)),
    ],
)
def test_a_folder_is_called_as_its_server_called_it(tmp_path: Directory, directory: str, path: Path) -> None:
    put(tmp_path / directory, NAME)
    assert list(walk(tmp_path)) == [(path, NAME)]


@pytest.mark.parametrize(
    ("directory", "path"),
    [
        ("sato/Maildir", ("INBOX",)),
        ("sato/Maildir/.Sent.2009", ("Sent", "2009")),
        ("sato/Maildir/nested", ("nested",)),
        ("sato/beside", ("beside",)),
    ],
)
def test_a_maildir_inside_a_home_directory_is_its_owners_inbox(tmp_path: Directory, directory: str, path: Path) -> None:
    put(tmp_path / directory, NAME)
    (tmp_path / "sato/Maildir/cur").mkdir(parents=True, exist_ok=True)
    assert list(walk(tmp_path)) == [(path, NAME)]


def test_the_inbox_has_its_role_and_others_have_none(tmp_path: Directory) -> None:
    put(tmp_path / "sato", NAME)
    put(tmp_path / "sato/.Sent", NAME)
    assert maildir.open_source is not None
    with maildir.open_source(maildir.config(root=tmp_path)) as source:
        roles = {folder.path: folder.role for folder in source.folders(Account("sato"))}
    assert roles == {("INBOX",): Role.INBOX, ("Sent",): None}


def test_two_directories_of_one_name_are_two_folders(tmp_path: Directory) -> None:
    put(tmp_path / "sato/.&U9dP4Xux-", NAME)
    put(tmp_path / "sato/.受信箱", NAME)
    paths = [path for path, _ in walk(tmp_path)]
    assert len(set(paths)) == 2
    assert ("受信箱",) in paths


def test_a_root_that_is_one_maildir_itself_is_told_at_once(tmp_path: Directory) -> None:
    put(tmp_path, NAME)
    with pytest.raises(UsageError):
        walk(tmp_path)


# -- mails ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        (NAME, set()),
        (NAME + ":2,", set()),
        (NAME + ":2,DFPRST", {DRAFT, FLAGGED, FORWARDED, ANSWERED, SEEN, DELETED}),
        (NAME + ";2,S", {SEEN}),
        (NAME + "!2,S", {SEEN}),
        (NAME + ":2,Sab", {SEEN, "work", "対応 中"}),
        (NAME + ":2,SZz", {SEEN}),
    ],
)
def test_flags_are_read_off_the_name_and_the_key_is_what_stays_of_it(
    tmp_path: Directory, name: str, flags: set[Flag]
) -> None:
    put(tmp_path / "sato", name)
    (tmp_path / "sato/dovecot-keywords").write_text("0 work\n1 対応 中\nbroken\n99 beyond\n")
    found = walk(tmp_path)
    assert isinstance(found.pop((("INBOX",), "./dovecot-keywords")), NotMail)
    ((_, key), each) = found.popitem()
    assert key == NAME
    assert isinstance(each, Item)
    assert each.flags == flags


def test_one_name_in_new_and_cur_is_two_mails(tmp_path: Directory) -> None:
    put(tmp_path / "sato", NAME + ":2,S")
    put(tmp_path / "sato", NAME, part="new")
    found = walk(tmp_path)
    assert len(found) == 2
    assert (("INBOX",), NAME) in found


def test_what_was_never_delivered_is_no_mail(tmp_path: Directory) -> None:
    put(tmp_path / "sato", NAME, part="tmp")
    (found,) = walk(tmp_path).values()
    assert isinstance(found, NotMail)
    assert found.rule == "maildir-tmp"


def test_a_directory_named_as_a_mail_is_a_fault_and_what_lies_in_it_is_not_lost(tmp_path: Directory) -> None:
    put(tmp_path / "sato", NAME)
    directory = tmp_path / "sato/cur/1257120931.M2P7.mail:2,S"
    directory.mkdir()
    (directory / "inner").write_bytes(mail("inner"))
    found = walk(tmp_path)
    fault = found[("INBOX",), "1257120931.M2P7.mail"]
    assert isinstance(fault, Unreadable)
    assert fault.reason.code == "file.directory"
    assert isinstance(found[("INBOX",), "./cur/1257120931.M2P7.mail:2,S/inner"], Item)


@pytest.mark.parametrize(
    ("name", "written", "at"),
    [
        (NAME, AT, AT),
        (NAME, AT + 86400 * 900, AT),  # copied without its times
        (NAME, AT - 86400 * 900, AT - 86400 * 900),  # stored by IMAP with the time of an older mail
        (NAME, AT - 1, AT),
        (NAME, 0, AT),
        ("1257120930_0.7.mail,U=3,FMD5=x", AT, AT),
        ("1257120930", AT, None),
        ("0001.eml", AT, None),
        ("12571.M1P7.mail", AT, None),
        ("9999999999.M1P7.mail", AT, None),
        ("mail-1257120930.M1.x", AT, None),
    ],
)
def test_the_received_time_is_the_deliverys_own_or_not_told(
    tmp_path: Directory, name: str, written: float, at: int | None
) -> None:
    put(tmp_path / "sato", name, written=written)
    told = (Evidence(DateSource.SPOOL, datetime.fromtimestamp(at, UTC)),) if at else ()
    assert only(tmp_path).dates == told


# -- while its owner works -----------------------------------------------------------------------------------------


def test_mails_that_are_read_by_their_owner_while_we_read_them_are_found_under_their_new_names(
    tmp_path: Directory,
) -> None:
    files = [put(tmp_path / "sato", f"125712093{number}.M1P7.mail", part="new") for number in range(5)]
    assert maildir.open_source is not None
    with maildir.open_source(maildir.config(root=tmp_path)) as source:
        (folder,) = source.folders(Account("sato"))
        items = source.items(folder, after=None, known=nothing)
        first = next(items)
        for file in files[1:4]:
            file.rename(tmp_path / "sato/cur" / f"{file.name}:2,S")
        files[4].unlink()
        rest = list(items)
    assert isinstance(first, Item)
    assert [each.key for each in rest] == [file.name for file in files[1:4]]
    assert all(isinstance(each, Item) and each.flags == {SEEN} for each in rest)
