"""Stores are laid out in many ways; in each, everybody's mail stays theirs, and folders are where their tables say."""

import json
from pathlib import Path

import pytest

from adapters.groupware import adapter
from migrator.errors import UsageError
from migrator.model import Account, Folder, Item, NotMail, Role, Unreadable
from migrator.testing import mail
from tests.adapters.groupware.builder import counted, items, reasons, walk

EACH_ACCOUNT_AND_FOLDER = r"""
mapping = 1
name = "index-of-each-folder"

[tables.users]
rows = { type = "csv", path = "conf/user.csv", charset = "cp932" }
key = ["id"]
columns = { id = "ID", home = "HOME", login = "LOGIN" }

[tables.folders]
rows = { type = "csv", path = "user/{users.home}/folder.csv", each = "users", names = ["id", "parent", "name", "kind"] }
key = ["id"]
[tables.folders.columns]
id = "id"
parent = "parent"
name = "name"
kind = { column = "kind", as = { kind = "code", map = { I = "inbox", S = "sent", "" = "" } } }

[tables.index]
rows.type = "csv"
rows.path = "user/{users.home}/{folders.id}.idx"
rows.each = "folders"
rows.optional = true
rows.names = ["no", "file"]
key = ["no"]
columns = { no = "no", file = "file" }

[accounts]
table = "users"
name = "login"

[folders]
table = "folders"
id = "id"
parent = "parent"
name = "name"
role = "kind"

[[messages]]
table = "index"
container = { type = "file", path = "user/{users.home}/{folders.id}/{file}" }
"""

ONE_POOL = EACH_ACCOUNT_AND_FOLDER.replace(
    '{ type = "file", path = "user/{users.home}/{folders.id}/{file}" }', '{ type = "file", path = "pool/{file}" }'
)
"""The same tables, but all mails lie in one directory."""


JOINED_POOL = (
    ONE_POOL[: ONE_POOL.index("[tables.index]")]
    + r"""
[tables.index]
rows = { type = "csv", path = "user/{users.home}/all.idx", each = "users", names = ["no", "folder", "file"] }
key = ["no"]
joins = [{ table = "folders", on = { folder = "id" } }]
columns = { no = "no", folder = "folder", file = "file" }

"""
    + ONE_POOL[ONE_POOL.index("[accounts]") :].replace("pool/{file}", "pool/{folder}/{file}")
)
"""One index an account, whose rows name a folder; all mails in one directory, by the folder's id."""

SHARED_FOLDERS = (
    JOINED_POOL.replace("user/{users.home}/folder.csv", "folder.csv")
    .replace('each = "users", names = ["id",', 'names = ["id", "user",')
    .replace(
        'key = ["id"]\n[tables.folders.columns]',
        """key = ["user", "id"]
joins = [{ table = "users", on = { user = "id" } }]
[tables.folders.columns]
user = "user\"""",
    )
    .replace("on = { folder", 'on = { "users.id" = "user", folder')
    .replace("pool/{folder}", "user/{users.home}/{folder}")
)
"""The same, but one table of folders for all, and a directory an account."""


class Disk:
    """Files below a root, and a mapping for them."""

    def __init__(self, root: Path, mapping: str) -> None:
        self.root = root / "store"
        root.mkdir(exist_ok=True)
        self.mapping = root / "our.toml"
        self.mapping.write_text(mapping, "utf-8")

    def write(self, path: str, content: str | bytes) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode("cp932") if isinstance(content, str) else content)

    def look(self) -> dict:
        assert adapter.open_source is not None
        with adapter.open_source(adapter.config(mapping=str(self.mapping), root=self.root)) as source:
            found = walk(source)
            counts = counted(source)
        assert {folder: count for folder, (count, _) in counts.items()} == {
            folder: len(all_) for folder, all_ in found.items()
        }
        return found


def folder(account: str, *path: str, role: Role | None = None) -> Folder:
    return Folder(Account(account), path, role)


@pytest.fixture(params=[EACH_ACCOUNT_AND_FOLDER, ONE_POOL], ids=["apart", "pool"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Disk:
    """Two accounts whose folders have the same ids."""
    disk = Disk(tmp_path, request.param)
    disk.write("conf/user.csv", "ID,HOME,LOGIN\r\n1,h1,sato\r\n2,h2,suzuki\r\n")
    for number, login in ((1, "sato"), (2, "suzuki")):
        disk.write(f"user/h{number}/folder.csv", f"0,,受信箱,I\r\n1,0,{login}の/控え,\r\n")
        for folder_id in (0, 1):
            disk.write(f"user/h{number}/{folder_id}.idx", f"1,{login}{folder_id}.eml\r\n")
            place = f"user/h{number}/{folder_id}" if request.param == EACH_ACCOUNT_AND_FOLDER else "pool"
            disk.write(f"{place}/{login}{folder_id}.eml", mail(f"{login}{folder_id}"))
    return disk


def test_folders_with_the_same_id_never_share_their_mail(disk: Disk) -> None:
    found = disk.look()
    for login in ("sato", "suzuki"):
        inbox, kept = folder(login, "受信箱", role=Role.INBOX), folder(login, "受信箱", f"{login}の/控え")
        for place, number in ((inbox, 0), (kept, 1)):
            (item,) = found[place]
            assert isinstance(item, Item)
            assert f"<{login}{number}@".encode() in item.raw.read()
    assert not reasons(found)


def test_a_folder_below_one_that_is_not_there_stands_at_the_top_and_is_told_as_advice(disk: Disk) -> None:
    disk.write("user/h1/folder.csv", "0,,受信箱,I\r\n1,77,迷子,\r\n2,3,甲,\r\n3,2,乙,\r\n4,4,自分,\r\n5,,,\r\n")
    found = disk.look()
    paths = {each.path for each in found if each.account.name == "sato"}
    assert {("受信箱",), ("迷子",), ("乙", "甲"), ("甲", "乙"), ("自分",), ("(5)",)} <= paths
    assert adapter.open_source is not None
    with adapter.open_source(adapter.config(mapping=str(disk.mapping), root=disk.root)) as source:
        loose = [reason.params["folder"] for reason in source.advice() if reason.code == "groupware.folder-loose"]
    assert sorted(loose) == sorted(["迷子", "乙", "甲", "自分"])


def test_one_accounts_broken_tables_cost_the_others_nothing(disk: Disk) -> None:
    disk.write("user/h1/folder.csv", b"\x80\xff\r\n")
    (disk.root / "user/h1/1.idx").write_bytes(b"\0" * 50)
    found = disk.look()
    assert len(items(found)) == 4
    assert len([each for each in items(found) if each.key.startswith("index:")]) == 2
    assert "groupware.line-width" in reasons(found)


def test_a_home_that_climbs_out_of_the_store_is_a_fault_and_nothing_outside_is_read(disk: Disk, tmp_path: Path) -> None:
    disk.write("conf/user.csv", "ID,HOME,LOGIN\r\n1,h1,sato\r\n2,../../outside,suzuki\r\n")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "folder.csv").write_bytes("0,,漏洩,\r\n".encode("cp932"))
    found = disk.look()
    assert "path.outside-root" in reasons(found)
    assert not any("漏洩" in each.path for each in found)
    assert len(items(found)) == 4


def test_a_folder_table_that_is_missing_is_a_fault_of_its_account(disk: Disk) -> None:
    (disk.root / "user/h2/folder.csv").unlink()
    found = disk.look()
    (fault,) = [each for each in found[folder("suzuki")] if isinstance(each, Unreadable)]
    assert (fault.reason.code, fault.reason.params["path"]) == ("file.missing", "user/h2/folder.csv")
    assert len(items(found)) == 4


def test_two_accounts_with_one_directory_are_looked_at_as_one_part(disk: Disk) -> None:
    disk.write("conf/user.csv", "ID,HOME,LOGIN\r\n1,h1,sato\r\n2,h1,suzuki\r\n")
    found = disk.look()
    assert len(items(found)) == 4, "each file once, whoever claims it"
    assert reasons(found).count("groupware.file-claimed-twice") == 2


def test_a_row_is_never_led_to_the_folder_of_another_account(tmp_path: Path) -> None:
    for mapping, pool in ((JOINED_POOL, "pool"), (SHARED_FOLDERS, "user/h2")):
        disk = Disk(tmp_path / pool.replace("/", "-"), mapping)
        disk.write("conf/user.csv", "ID,HOME,LOGIN\r\n1,h1,sato\r\n2,h2,suzuki\r\n")
        disk.write("folder.csv", "7,1,,佐藤の箱,\r\n7,2,,鈴木の箱,\r\n")
        disk.write("user/h1/folder.csv", "7,,佐藤の箱,\r\n")
        disk.write("user/h2/folder.csv", "7,,鈴木の箱,\r\n")
        disk.write("user/h1/all.idx", b"")
        disk.write("user/h2/all.idx", "1,7,a.eml\r\n")
        disk.write(f"{pool}/7/a.eml", mail("hers"))
        found = disk.look()
        assert [each.key for each in found[folder("suzuki", "鈴木の箱")]] == ["index:1"]
        assert found[folder("sato", "佐藤の箱")] == []


def test_a_file_whose_path_fits_two_folders_belongs_to_neither(tmp_path: Path) -> None:
    disk = Disk(tmp_path, JOINED_POOL)
    disk.write("conf/user.csv", "ID,HOME,LOGIN\r\n1,h1,sato\r\n2,h2,suzuki\r\n")
    for home in ("h1", "h2"):
        disk.write(f"user/{home}/folder.csv", "7,,箱,\r\n" + ("8,,別,\r\n" if home == "h2" else ""))
        disk.write(f"user/{home}/all.idx", b"")
    disk.write("pool/7/stray.eml", mail("whose"))
    disk.write("pool/8/stray.eml", mail("hers"))
    found = disk.look()
    assert "file:pool/7/stray.eml" in [each.key for each in found[folder("")]]
    assert [each.key for each in found[folder("suzuki", "別")]] == ["file:pool/8/stray.eml"]


def test_a_fault_in_a_shared_table_is_told_though_every_account_is_looked_at_by_itself(tmp_path: Path) -> None:
    disk = Disk(tmp_path, SHARED_FOLDERS)
    disk.write("conf/user.csv", "ID,HOME,LOGIN\r\n1,h1,sato\r\n")
    disk.write("folder.csv", "7,1,,箱,\r\n7,1,,同じ番号,\r\n")
    disk.write("user/h1/all.idx", b"")
    found = disk.look()
    assert sorted(each.reason.code for each in found[folder("")] if isinstance(each, Unreadable)) == [
        "groupware.row-twice"
    ]


def test_what_lies_beside_the_folders_of_an_account_lies_in_none_of_them(tmp_path: Path) -> None:
    disk = Disk(tmp_path, EACH_ACCOUNT_AND_FOLDER)
    disk.write("conf/user.csv", "ID,HOME,LOGIN\r\n1,h1,sato\r\n")
    disk.write("user/h1/folder.csv", "0,,受信箱,I\r\n")
    disk.write("user/h1/notes.eml", mail("beside"))
    found = disk.look()
    assert found[folder("sato", "受信箱", role=Role.INBOX)] == []
    assert [each.key for each in found[folder("sato")]] == ["file:user/h1/folder.csv", "file:user/h1/notes.eml"]


def test_an_account_whose_directory_lies_in_anothers_keeps_its_own_mail(tmp_path: Path) -> None:
    disk = Disk(tmp_path, EACH_ACCOUNT_AND_FOLDER)
    disk.write("conf/user.csv", "ID,HOME,LOGIN\r\n1,h1,sato\r\n2,h1/sub,suzuki\r\n")
    for home in ("h1", "h1/sub"):
        disk.write(f"user/{home}/folder.csv", "0,,受信箱,I\r\n")
    disk.write("user/h1/sub/0.idx", "1,a.eml\r\n")
    disk.write("user/h1/sub/0/a.eml", mail("hers"))
    assert len(items(found := disk.look())) == 1
    assert [each.key for each in found[folder("suzuki", "受信箱", role=Role.INBOX)]] == ["index:1"]


def test_the_table_of_a_folder_that_is_no_more_is_still_no_mail(tmp_path: Path) -> None:
    disk = Disk(tmp_path, EACH_ACCOUNT_AND_FOLDER.replace("{folders.id}.idx", "{folders.id}/index.csv"))
    disk.write("conf/user.csv", "ID,HOME,LOGIN\r\n1,h1,sato\r\n")
    disk.write("user/h1/folder.csv", "0,,受信箱,I\r\n")
    disk.write("user/h1/99/index.csv", "1,a.eml\r\n")
    disk.write("user/h1/99/a.eml", mail("orphan"))
    left = {each.key: type(each) for each in disk.look()[folder("sato")]}
    assert left == {
        "file:user/h1/99/a.eml": Item,
        "file:user/h1/99/index.csv": NotMail,
        "file:user/h1/folder.csv": NotMail,
    }


OBJECTS = EACH_ACCOUNT_AND_FOLDER.replace(
    'type = "csv", path = "conf/user.csv", charset = "cp932"', 'type = "json", path = "users.json"'
)


def test_a_column_that_no_object_of_a_table_names_is_the_mappings_mistake(tmp_path: Path) -> None:
    disk = Disk(tmp_path, OBJECTS)
    users = [{"ID": str(number), "HOME": f"h{number}", "login": f"u{number}"} for number in range(10)]
    disk.write("users.json", json.dumps(users))
    with pytest.raises(UsageError) as caught:
        disk.look()
    reason = caught.value.reason
    assert reason.code == "groupware.column-missing"
    assert dict(reason.params) == {"file": "users.json", "column": "LOGIN", "there": "ID, HOME, login"}
    users[9]["LOGIN"] = "sato"
    disk.write("users.json", json.dumps(users))
    for number in range(10):
        disk.write(f"user/h{number}/folder.csv", "0,,受信箱,I\r\n")
    assert reasons(disk.look()) == ["groupware.account-unnamed"] * 9


def test_mails_that_lead_to_no_folder_lie_in_the_one_that_the_mapping_names(tmp_path: Path) -> None:
    disk = Disk(tmp_path, JOINED_POOL.replace("[[messages]]", '[[messages]]\nfolder = "INBOX"'))
    disk.write("conf/user.csv", "ID,HOME,LOGIN\r\n1,h1,sato\r\n2,h2,suzuki\r\n")
    disk.write("user/h1/folder.csv", "7,,客先,\r\n")
    disk.write("user/h2/folder.csv", "7,,客先,\r\n8,,INBOX,I\r\n")
    for home in ("h1", "h2"):
        disk.write(f"user/{home}/all.idx", f"1,7,{home}\r\n2,9,{home}\r\n")
        disk.write(f"pool/7/{home}", mail(f"{home}-in"))
        disk.write(f"pool/9/{home}", mail(f"{home}-none"))
    found = disk.look()
    held = {each: [item.raw.read() for item in all_ if isinstance(item, Item)] for each, all_ in found.items()}
    assert held[folder("sato", "INBOX")] == [mail("h1-none")]
    assert held[folder("suzuki", "INBOX", role=Role.INBOX)] == [mail("h2-none")], "it is there already"
    assert held[folder("sato", "客先")] == [mail("h1-in")]
