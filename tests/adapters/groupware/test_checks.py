"""What is wrong with a mapping is told by file, line, key, and what was probably meant."""

from pathlib import Path

import pytest

from adapters.groupware import Config, adapter
from adapters.groupware.checks import mistakes, read, shipped
from adapters.groupware.mapping import StoreMapping
from migrator.errors import Reason, UsageError
from migrator.toml import Toml
from tests.adapters.groupware.builder import SHARED_TABLES


def refusal(path: Path, text: str) -> Reason:
    path.write_text(text, "utf-8")
    with pytest.raises(UsageError) as caught:
        read(path)
    return caught.value.reason


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


LETTER_W = 'W = "work"'

USERS = 'type = "csv", path = "users.tsv", charset = "utf-8", delimiter = "\\t"'

MISTAKES = [
    # the shape
    ('marks"]', 'markz"]', "mapping.unknown-column", {"name": "markz", "nearest": "marks"}),
    ('marks"]', 'users.login"]', "mapping.wrong-kind", {"column": "users.login", "wanted": "flags"}),
    ('written = "letters"', 'written = "letters"\nothers = "\\\\Sene"', "mapping.bad-flag", {"nearest": "\\Seen"}),
    (
        'columns = { id = "uid", login = "login" }',
        'columns = { id = "uid", login = { column = "login", as = { kind = "text", replace = { "" = "x" } } } }',
        "toml.wrong-value",
        {},
    ),
    ("mapping = 1", "mapping = 2", "mapping.version", {"known": 1}),
    ('name = "shared-tables"', 'nmae = "x"', "toml.unknown-key", {"nearest": "name"}),
    ('name = "shared-tables"', "name = 3", "toml.want-string", {}),
    ("[accounts]", "[acounts]", "toml.unknown-key", {"nearest": "accounts"}),
    ('path = "users.tsv", charset', 'path = "users.tsv", charst', "toml.unknown-key", {"nearest": "charset"}),
    ('type = "csv", path = "users.tsv"', 'type = "cvs", path = "users.tsv"', "toml.not-one-of", {}),
    ('type = "csv", path = "users.tsv"', 'type = "csv"', "toml.key-missing", {"key": "path"}),
    ('type = "csv", path = "users.tsv", ', 'path = "users.tsv", ', "toml.key-missing", {"key": "type"}),
    (USERS, 'type = "sqlite", path = "gw.db", tabel = "users"', "toml.unknown-key", {"nearest": "table"}),
    ('type = "csv", path = "users.tsv"', 'type = "csv", path = "users.tsv", row = "x"', "toml.unknown-key-of", {}),
    (
        USERS,
        'type = "fixed", path = "u.dat", record = 8, fields.uid = { at = 6, bytes = 4 }',
        "mapping.field-outside",
        {"column": "uid", "record": 8},
    ),
    (
        USERS,
        'type = "fixed", path = "u.dat", record = 8, fields = { uidd = { at = 0, bytes = 4 } }',
        "mapping.unknown-column",
        {"name": "uid", "nearest": "uidd"},
    ),
    (
        'columns = { id = "uid", login = "login" }',
        'columns = { id = "uid", login = { column = "login", as = { kind = "text", charsets = ["cp9322"] } } }',
        "mapping.unknown-charset",
        {"name": "cp9322"},
    ),
    (
        'type = "file"',
        'type = "fiel"',
        "toml.not-one-of",
        {"allowed": "file, cell, range, mbox, zip, split, either, written"},
    ),
    ('written = "letters"', 'written = "bitmask"', "toml.not-one-of", {"allowed": "bits, letters, words, code"}),
    (
        'kind = "date"',
        'kind = "dat"',
        "toml.not-one-of",
        {"allowed": "text, addresses, bytes, code, flags, number, date"},
    ),
    (
        'format = "epoch"',
        'format = "epoch", patern = "%Y"',
        "toml.unknown-key",
        {"nearest": "pattern"},
    ),
    ('key = ["id"]', "key = []", "mapping.empty", {"key": "tables.users.key"}),
    ('on = { user = "id" }', "on = {}", "mapping.empty", {}),
    ('columns = { id = "uid", login = "login" }', "columns = {}", "mapping.empty", {"key": "tables.users.columns"}),
    # a mapping holds no URL, secret or command
    ('name = "shared-tables"', 'name = "x"\nurl = "postgresql://host/gw"', "toml.unknown-key-of", {"key": "url"}),
    ('name = "shared-tables"', 'name = "x"\npassword = "canary"', "toml.unknown-key-of", {"key": "password"}),
    ('name = "shared-tables"', 'name = "x"\ncommand = ["sh"]', "toml.unknown-key-of", {"key": "command"}),
    ('path = "users.tsv"', 'path = "https://example.com/users.tsv"', "mapping.bad-path", {}),
    # paths that leave the root
    ('path = "users.tsv"', 'path = "../users.tsv"', "mapping.bad-path", {"path": "../users.tsv"}),
    ('path = "users.tsv"', 'path = "/etc/passwd"', "mapping.bad-path", {}),
    ('path = "data/{folder}/{file}"', 'path = "data/{folder}/../{file}"', "mapping.bad-path", {}),
    ('path = "data/{folder}/{file}"', 'path = "data/{folder/{file}"', "mapping.bad-path", {}),
    ('path = "users.tsv"', 'path = "conf\\\\users.tsv"', "mapping.bad-path", {}),
    # names that lead nowhere
    ('table = "users"\nname', 'table = "usrs"\nname', "mapping.unknown-table", {"name": "usrs", "nearest": "users"}),
    ('[[messages]]\ntable = "index"', '[[messages]]\ntable = "idx"', "mapping.unknown-table", {"name": "idx"}),
    ('joins = [{ table = "users"', 'joins = [{ table = "user"', "mapping.unknown-table", {"nearest": "users"}),
    ('path = "data/{folder}/{file}"', 'path = "data/{foldr}/{file}"', "mapping.unknown-column", {"nearest": "folder"}),
    (
        'path = "data/{folder}/{file}"',
        'path = "{users.logn}/{file}"',
        "mapping.unknown-column",
        {"nearest": "users.login"},
    ),
    (
        'path = "index.tsv"',
        'path = "{users.login}.tsv"',
        "mapping.unknown-column",
        {"name": "users.login", "nearest": "-"},
    ),
    ('name = "login"\n', 'name = "logn"\n', "mapping.unknown-column", {"name": "logn", "nearest": "login"}),
    ('key = ["number"]', 'key = ["nmber"]', "mapping.unknown-column", {"nearest": "number"}),
    (
        'on = { user = "id" } }]\ncolumns = { id = "fid"',
        'on = { usr = "id" } }]\ncolumns = { id = "fid"',
        "mapping.unknown-column",
        {"nearest": "user"},
    ),
    ('flags = ["marks"]', 'flags = ["mark"]', "mapping.unknown-column", {"nearest": "marks"}),
    ('flags = ["marks"]', 'flags = ["file"]', "mapping.wrong-kind", {"column": "file", "wanted": "flags"}),
    ('received = "received"', 'received = "number"', "mapping.wrong-kind", {"column": "number", "wanted": "date"}),
    ('path = "path"\n', 'path = "path"\nrole = "id"\n', "mapping.wrong-kind", {"column": "id", "wanted": "code"}),
    ('path = "path"\n', 'path = "path"\nname = "id"\n', "mapping.folders-shape", {}),
    ('path = "path"\n', "", "mapping.folders-shape", {}),
    ('{ table = "folders", on = { user = "user", folder = "id" } },', "", "mapping.not-led", {"wanted": "folders"}),
    ('type = "csv", path = "users.tsv"', 'type = "csv", each = "index", path = "users.tsv"', "mapping.loop", {}),
    # where mails lie
    (
        '{ type = "file", path = "data/{folder}/{file}" }',
        '{ type = "cell", column = "file" }',
        "mapping.wrong-kind",
        {"column": "file", "wanted": "bytes"},
    ),
    (
        '{ type = "file", path = "data/{folder}/{file}" }',
        '{ type = "range", path = "data", at = "file" }',
        "mapping.range-shape",
        {},
    ),
    (
        '{ type = "file", path = "data/{folder}/{file}" }',
        '{ type = "range", path = "data", at = "file", counted = "big-32" }',
        "mapping.wrong-kind",
        {"wanted": "number"},
    ),
    (
        '{ type = "file", path = "data/{folder}/{file}" }',
        '{ type = "zip", path = "a.zip", member = "{fil}" }',
        "mapping.unknown-column",
        {"nearest": "file"},
    ),
    (
        '{ type = "file", path = "data/{folder}/{file}" }',
        '{ type = "zip", path = "../a.zip", member = "{file}" }',
        "mapping.bad-path",
        {},
    ),
    (USERS, 'type = "names", pattern = "../{uid}/{login}"', "mapping.bad-names", {}),
    (USERS, 'type = "names", pattern = "{uid}/{login}", deep = "ui"', "mapping.bad-names", {}),
    # patterns that would take for ever
    ('path = "data/{folder}/{file}"', 'path = "{file}x{folder}x{user}x{number}"', "mapping.path-crowded", {"limit": 3}),
    (USERS, 'type = "names", pattern = "{uid}x{login}x{a}x{b}.eml"', "mapping.path-crowded", {"limit": 3}),
    # codes that mean nothing
    (LETTER_W, "WX = 'work'", "mapping.bad-letter", {"mark": "WX"}),
    (LETTER_W, r"W = '\Sean'", "mapping.bad-flag", {"flag": r"\Sean", "nearest": r"\Seen"}),
    (LETTER_W, "W = 'two words'", "mapping.bad-flag", {}),
    ('written = "letters"', 'written = "bits"', "mapping.bad-bit", {"mark": "R"}),
    ('format = "epoch"', 'format = "strptime"', "mapping.bad-pattern", {}),
    ('format = "epoch"', 'format = "epoch", pattern = "%Y"', "mapping.bad-pattern", {}),
    ('format = "epoch"', 'format = "strptime", pattern = "%Q"', "mapping.bad-pattern", {}),
    ('format = "epoch"', 'format = "strptime", pattern = "%Y%"', "mapping.bad-pattern", {}),
    ('format = "epoch"', 'format = "epoch", zone = "Asia/Tokio"', "mapping.unknown-zone", {"zone": "Asia/Tokio"}),
    ('format = "epoch"', 'format = "epoch", zones = { JST = "Asia/Tokio" }', "mapping.unknown-zone", {}),
    ('format = "epoch"', 'format = "epoch", since = 1900', "mapping.bad-since", {}),
    ('format = "epoch"', 'format = "strptime", pattern = "%d %b %Y", since = 1900', "mapping.bad-since", {}),
    ('charset = "utf-8"', 'charset = "cp9322"', "mapping.unknown-charset", {"name": "cp9322"}),
    ('charset = "utf-8"', 'charset = "utf-16"', "mapping.unknown-charset", {}),
    ('charset = "utf-8"', 'charset = "base64"', "mapping.unknown-charset", {}),
    (
        'columns = { id = "uid", login = "login" }',
        'columns = { "a.b" = "uid", login = "login", id = "id" }',
        "mapping.bad-name",
        {},
    ),
]


@pytest.mark.parametrize(("right", "wrong", "code", "params"), MISTAKES)
def test_a_mistake_is_named_with_its_file_and_line(
    tmp_path: Path, right: str, wrong: str, code: str, params: dict[str, object]
) -> None:
    assert SHARED_TABLES.count(right) >= 1
    text = SHARED_TABLES.replace(right, wrong, 1)
    reason = refusal(tmp_path / "our.toml", text)
    assert reason.code == code, reason
    assert params.items() <= dict(reason.params).items()
    assert str(reason.params["file"]).endswith("our.toml")
    assert "canary" not in repr(reason)


@pytest.mark.parametrize(
    ("right", "wrong", "at"),
    [
        ('name = "shared-tables"', 'nmae = "x"', "nmae"),
        ('path = "users.tsv"', 'path = "../users.tsv"', "../users.tsv"),
        ('written = "letters"', 'written = "bits"', "map = {"),
        ('flags = ["marks"]', 'flags = ["mark"]', 'flags = ["mark"]'),
        ('path = "data/{folder}/{file}"', 'path = "data/{foldr}/{file}"', "{foldr}"),
    ],
)
def test_the_line_is_the_one_that_the_mistake_is_on(tmp_path: Path, right: str, wrong: str, at: str) -> None:
    text = SHARED_TABLES.replace(right, wrong, 1)
    assert refusal(tmp_path / "our.toml", text).params["line"] == line_of(text, at)


def test_every_mistake_is_found_and_not_only_the_first(tmp_path: Path) -> None:
    path = tmp_path / "our.toml"
    text = SHARED_TABLES.replace(LETTER_W, r"W = '\Sean'").replace('flags = ["marks"]', 'flags = ["mark"]')
    path.write_text(text, "utf-8")
    file = Toml(path)
    assert [reason.code for reason in mistakes(file.read(StoreMapping), file.at)] == [
        "mapping.bad-flag",
        "mapping.unknown-column",
    ]


def test_a_mapping_without_messages_is_none(tmp_path: Path) -> None:
    text = SHARED_TABLES[: SHARED_TABLES.index("[[messages]]")]
    assert refusal(tmp_path / "our.toml", text).code == "toml.key-missing"
    assert refusal(tmp_path / "our.toml", f"messages = []\n{text}").code == "mapping.empty"


def test_a_role_nobody_knows_is_named_with_the_nearest(tmp_path: Path) -> None:
    text = shipped()["kyoyu-mail"].read_text("utf-8").replace('1 = "inbox"', '1 = "inbx"')
    assert refusal(tmp_path / "our.toml", text).params["nearest"] == "inbox"


def test_a_table_may_not_have_the_name_of_what_no_row_names(tmp_path: Path) -> None:
    text = SHARED_TABLES.replace("tables.users", "tables.row").replace('"users"', '"row"')
    assert refusal(tmp_path / "our.toml", text).code == "mapping.reserved-name"


def test_a_mapping_that_does_not_come_with_us_is_named_with_the_nearest_that_does() -> None:
    with pytest.raises(UsageError) as caught:
        read("kyoyu-mial")
    assert dict(caught.value.reason.params) == {"name": "kyoyu-mial", "nearest": "kyoyu-mail"}


def test_a_mapping_is_a_path_where_it_looks_like_one() -> None:
    assert adapter.config is Config
    assert isinstance(Config(mapping="our.toml", root="x").mapping, Path)
    assert isinstance(Config(mapping="./our", root="x").mapping, Path)
    assert Config(mapping="kyoyu-mail", root="x").mapping == "kyoyu-mail"
    assert "kyoyu-mail" in shipped()


@pytest.mark.parametrize("mapping", ["kyoyu-mail", "eudora", "phprojekt"])
def test_a_mapping_that_reads_files_asks_for_the_root(mapping: str) -> None:
    assert adapter.open_source is not None
    with pytest.raises(UsageError) as told, adapter.open_source(Config(mapping=mapping)):
        pass
    assert told.value.reason.code == "groupware.root-unset"
