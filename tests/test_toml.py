"""Mistakes in a TOML file are told by file, line and the nearest known key."""

import tomllib
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from migrator.errors import Reason, UsageError
from migrator.secret import Secret
from migrator.toml import Toml


class Database(BaseModel):
    url: str
    password: Secret | None = None


class Rule(BaseModel):
    sender: str
    weight: float = 1


class Shape(BaseModel):
    name: str
    port: int = 143
    security: Literal["tls", "starttls", "none"] = "tls"
    on: bool = True
    words: list[str] = []
    databases: dict[str, Database] = {}
    rules: tuple[Rule, ...] = ()
    either: Database | Rule | None = None


@pytest.fixture
def written(tmp_path: Path):
    def write(text: str) -> Path:
        path = tmp_path / "shape.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def refusal(path: Path) -> Reason:
    with pytest.raises(UsageError) as caught:
        Toml(path).read(Shape)
    return caught.value.reason


@pytest.mark.parametrize(
    ("text", "code", "line", "params"),
    [
        ('name = "x"\nprot = 1\n', "toml.unknown-key", 2, {"key": "prot", "nearest": "port"}),
        ('# first\n\nnaem = "x"\n', "toml.unknown-key", 3, {"key": "naem", "nearest": "name"}),
        ('name = "x"\nzzzz = 1\n', "toml.unknown-key-of", 2, {"key": "zzzz"}),
        ("port = 1\n", "toml.key-missing", 1, {"key": "name", "table": "-"}),
        ('name = "x"\n[databases."主"]\n', "toml.key-missing", 2, {"key": "url", "table": 'databases."主"'}),
        ('name = "x"\n[databases.a]\nurl = "u"\nurll = ""', "toml.unknown-key", 4, {"nearest": "url"}),
        ('name = """\nx\n"""\nport = "a"\n', "toml.want-integer", 4, {"key": "port"}),
        ("name = 3\n", "toml.want-string", 1, {"key": "name"}),
        ('name = "x"\non = "perhaps"', "toml.want-boolean", 2, {"key": "on"}),
        ('name = "x"\nwords = "y"', "toml.want-array", 2, {"key": "words"}),
        ('name = "x"\nwords = [\n "y", # ]\n 4,\n]', "toml.want-string", 2, {"key": "words[2]"}),
        ('name = "x"\ndatabases = 3', "toml.want-table", 2, {"key": "databases"}),
        ('name = "x"\nsecurity = "ssl"', "toml.not-one-of", 2, {"allowed": "tls, starttls, none"}),
        (
            'name = "x"\n[[rules]]\nsender = "a"\n[[rules]]\nsender = "b"\nwieght = 2',
            "toml.unknown-key",
            6,
            {"key": "rules[2].wieght", "nearest": "weight"},
        ),
        ('name = "x"\n[databases.a]\nurl = "u"\npassword = { evn = "A" }', "toml.unknown-key", 4, {"nearest": "env"}),
        ('name = "x"\n[databases.a]\nurl = "u"\npassword = {}', "toml.wrong-value", 4, {"key": "databases.a.password"}),
        ('name = "x"\n[databases.a]\nurl = "u"\npassword = "canary"', "toml.secret-by-value", 4, {}),
        ('name = "x\nport = 3', "toml.not-toml", 1, {}),
        ('name = "x"\nname = "y"', "toml.not-toml", 2, {}),
    ],
)
def test_a_mistake_is_named_with_its_line(written, text: str, code: str, line: int, params: dict) -> None:
    reason = refusal(written(text))
    assert (reason.code, reason.params["line"]) == (code, line)
    assert params.items() <= reason.params.items()
    assert str(reason.params["file"]).endswith("shape.toml")


def test_a_mistake_inside_a_union_still_names_the_keys_of_the_branch_that_fits_best(written) -> None:
    reason = refusal(written('name = "x"\n[either]\nurl = "u"\npasword = { env = "A" }'))
    assert reason.code == "toml.unknown-key"
    assert (reason.params["line"], reason.params["nearest"]) == (4, "password")


def test_what_was_written_never_stands_in_the_message(written) -> None:
    reason = refusal(written('name = "x"\n[databases.a]\nurl = "u"\npassword = "canary"'))
    assert "canary" not in repr(reason)


def test_a_file_that_is_not_utf_8_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "shape.toml"
    path.write_bytes('name = "x"\n# 日本\n'.encode() + "# 設定\n".encode("cp932"))
    reason = refusal(path)
    assert (reason.code, reason.params["line"]) == ("toml.not-utf-8", 3)


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "shape.toml"
    path.write_bytes(b'\xef\xbb\xbfname = "x"\n')
    assert Toml(path).read(Shape).name == "x"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.toml").code == "toml.unreadable"


names = st.text(alphabet="abc日本.\"' #[]=\\", min_size=1, max_size=6)
values = st.sampled_from(
    [
        "1",
        '"a # b"',
        "'x = [1'",
        '"""\na\n[b]\nc = """',
        "'''\n[x]\n'''",
        "[\n 1, # ]\n [2],\n]",
        '{ a = "}", b = [1] }',
    ]
)


def quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@given(tables=st.dictionaries(names, st.dictionaries(names, values, min_size=1, max_size=4), max_size=4))
def test_every_key_is_found_on_the_line_where_it_is_written(tmp_path_factory, tables: dict) -> None:
    lines, where = [], {}
    for table, keys in tables.items():
        lines.append(f"[{quoted(table)}] # of [it]")
        where[table,] = len(lines)
        for key, value in keys.items():
            lines += ["# a comment = with [brackets", ""]
            where[table, key] = len(lines) + 1
            lines += f"{quoted(key)} = {value}".split("\n")
    path = tmp_path_factory.mktemp("toml") / "any.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    document = Toml(path)
    assert document.data == tomllib.loads("\n".join(lines))
    assert {key: document.line(key) for key in where} == where
