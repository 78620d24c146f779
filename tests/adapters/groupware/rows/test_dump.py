"""SQL dumps are read as a stream: what the database held comes back, whatever else stands in the dump."""

import io
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.groupware.rows import stretches
from adapters.groupware.rows.dump import SqlDump
from adapters.groupware.rows.shape import BrokenLine, File, Line, NoTable, Wanted
from migrator.model import Raw
from tests.adapters.groupware.rows.reading import Told, numbered, rows
from tests.fuzz.hunt import harmed
from tests.fuzz.seeds import FILES as SEEDS

MYSQL = SqlDump(type="sqldump", path="a.sql", dialect="mysql", table="mail")
POSTGRESQL = SqlDump(type="sqldump", path="a.sql", dialect="postgresql", table="mail")
H2 = SqlDump(type="sqldump", path="a.sql", dialect="h2", table="mail")
BROKEN, WIDTH = "groupware.dump-broken", "groupware.line-width"

# What each dialect does to a text, by its manual.
_MYSQL = {0: b"\\0", 10: b"\\n", 13: b"\\r", 26: b"\\Z", 34: b'\\"', 39: b"\\'", 92: b"\\\\"}
_COPY = {8: b"\\b", 9: b"\\t", 10: b"\\n", 11: b"\\v", 12: b"\\f", 13: b"\\r", 92: b"\\\\"}


def my(data: bytes) -> bytes:
    return b"'" + b"".join(_MYSQL.get(byte, bytes([byte])) for byte in data) + b"'"


def sjis(letter: str) -> bytes:
    """mysql_real_escape_string knows the charset: it leaves a backslash that is half of a character alone."""
    data = letter.encode("cp932")
    return data if len(data) > 1 else my(data)[1:-1]


def pg(data: bytes) -> bytes:
    return b"".join(_COPY.get(byte, bytes([byte])) for byte in data)


def quoted(data: bytes) -> bytes:
    return b"'" + data.replace(b"'", b"''") + b"'"


MYSQL_HEAD = b"""-- MySQL dump 10.13; it's old
/*!40101 SET NAMES utf8 */;
DROP TABLE IF EXISTS `other`;
CREATE TABLE `other` (`x` text);
INSERT INTO `other` VALUES ('INSERT INTO `mail` VALUES (0,0,0);'),(';\\'');
CREATE TABLE `mail` (
  `id` int(11) NOT NULL DEFAULT '0',
  `size` decimal(10,2) COMMENT 'a, (b',
  `body` longblob,
  PRIMARY KEY (`id`),
  KEY `by_size` (`size`,`id`)
) ENGINE=MyISAM;
"""
PG_HEAD = b"""--
-- PostgreSQL database dump
--
\\restrict x
SET standard_conforming_strings = on;
CREATE FUNCTION public.f() RETURNS text AS $_$ SELECT ';''$' $_$ LANGUAGE sql;
CREATE TABLE public.mail (id integer DEFAULT 1, subject character varying(99), body bytea, CONSTRAINT c CHECK (id > 0));
COPY public.other (id, x) FROM stdin;
1\tCOPY public.mail (id, subject, body) FROM stdin;
2\t'
\\.

"""

ids, data_ = st.integers(0, 99), st.binary(max_size=9)
texts = st.text(alphabet="a'\"\\\t\n\r();,-$ 日表NULL", max_size=8)
chunks = st.sampled_from([7, 50, 2**20])


def read(form: SqlDump, data: bytes, chunk: int = 2**20) -> list[Told]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stretches, "CHUNK", chunk)
        return rows(form, data, raw=["body", "BODY"])


@given(st.lists(st.tuples(ids, data_), min_size=1, max_size=6), chunks)
def test_what_mysqldump_writes_comes_back(written: list[tuple[int, bytes]], chunk: int) -> None:
    for body in (my, lambda each: b"_binary " + my(each), lambda each: b"0x" + each.hex().encode() if each else b"''"):
        values = b",".join(b"(%d,-1.5,%s)" % (number, body(each)) for number, each in written)
        text = MYSQL_HEAD + b"LOCK TABLES `mail` WRITE;\nINSERT INTO `mail` VALUES " + values + b";\nUNLOCK TABLES;\n"
        assert read(MYSQL, text, chunk) == [[str(number), "-1.5", each] for number, each in written]


@given(st.lists(texts, min_size=1, max_size=6), chunks)
def test_a_dump_in_cp932_keeps_its_second_bytes(written: list[str], chunk: int) -> None:
    form = MYSQL.model_copy(update={"charset": "cp932"})
    values = [b"'" + b"".join(map(sjis, text)) + b"'" for text in written]
    inserts = b"".join(b"INSERT INTO mail (id, subject) VALUES (1, %s);\n" % value for value in values)
    assert read(form, inserts, chunk) == [["1", text] for text in written]


@given(st.lists(st.tuples(ids, texts, data_), min_size=1, max_size=6), chunks)
def test_what_pg_dump_writes_comes_back(written: list[tuple[int, str, bytes]], chunk: int) -> None:
    lines = [b"%d\t%s\t\\\\x%s\n" % (number, pg(text.encode()), body.hex().encode()) for number, text, body in written]
    copy = b"COPY public.mail (id, subject, body) FROM stdin;\n" + b"".join(lines) + b"\\.\n\n"
    inserts = b"".join(
        b"INSERT INTO public.mail (subject, id, body) VALUES (%s, %d, '\\x%s');\n"
        % (quoted(text.encode()), number, body.hex().encode())
        for number, text, body in written
    )
    expected = [[str(number), text, b"\\x" + body.hex().encode()] for number, text, body in written]
    assert read(POSTGRESQL, PG_HEAD + copy, chunk) == expected
    assert read(POSTGRESQL, PG_HEAD + inserts, chunk) == expected


def test_in_copy_null_is_empty_and_a_line_of_another_width_is_told() -> None:
    data = b"COPY mail (id, subject) FROM stdin;\n1\t\\N\n2\n3\t\\\\N\n\\.\n"
    assert numbered(POSTGRESQL, data) == [(2, ["1", ""]), (3, WIDTH), (4, ["3", "\\N"])]


def test_postgresqls_other_texts_are_read() -> None:
    values = b"(1, E'a\\'b\\n\\u65e5\\x41'), (2, NULL), (-3, 'x::y'::character varying(9))"
    found = read(POSTGRESQL, b"INSERT INTO mail (id, subject) VALUES " + values + b";\n")
    assert found == [["1", "a'b\n日A"], ["2", ""], ["-3", "x::y"]]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (rb"\n", b"\n"),
        (rb"\\n", rb"\n"),
        (rb"\\\n", b"\\\n"),
        (rb"a\%\_\qb", b"a%_qb"),
        (rb"\\\'\\", rb"\'" + b"\\"),
        (rb"\'''\n", b"''\n"),
        (rb"\0\Z", b"\0\x1a"),
    ],
)
def test_backslashes_of_mysql_mean_what_its_manual_says(written: bytes, meant: bytes) -> None:
    assert read(MYSQL, b"INSERT INTO mail (body) VALUES ('" + written + b"');\n") == [[meant]]


H2_HEAD = b"""CREATE USER IF NOT EXISTS "SA" SALT 'aa' HASH 'bb' ADMIN;
CREATE CACHED TABLE "PUBLIC"."MAIL"(
    "ID" INTEGER NOT NULL,
    "SUBJECT" CHARACTER VARYING(9) DEFAULT '(',
    "BODY" BINARY LARGE OBJECT
);
CREATE CACHED LOCAL TEMPORARY TABLE IF NOT EXISTS SYSTEM_LOB_STREAM(ID INT, PART INT, CDATA VARCHAR, BDATA VARBINARY);
"""


@given(st.lists(st.tuples(ids, texts, data_), min_size=1, max_size=6), chunks)
def test_what_h2_writes_comes_back(written: list[tuple[int, str, bytes]], chunk: int) -> None:
    values = b",\n".join(
        b"(%d, %s, X'%s')" % (number, quoted(text.encode()), body.hex().encode()) for number, text, body in written
    )
    text = H2_HEAD + b'INSERT INTO "PUBLIC"."MAIL" VALUES\n' + values + b";\n"
    assert read(H2, text, chunk) == [[str(number), text, body] for number, text, body in written]


def test_h2s_other_texts_and_its_long_ones_are_read() -> None:
    data = (
        H2_HEAD
        + rb"""INSERT INTO SYSTEM_LOB_STREAM VALUES(0, 0, NULL, X'00ff');
INSERT INTO SYSTEM_LOB_STREAM VALUES(0, 1, NULL, '4142');
INSERT INTO SYSTEM_LOB_STREAM VALUES(1, 0, U&'\65e5', NULL);
INSERT INTO SYSTEM_LOB_STREAM VALUES(1, 1, 'b''', NULL);
INSERT INTO PUBLIC.MAIL(ID, SUBJECT, BODY) VALUES
(1, STRINGDECODE('\u65e5\ud867\ude3d\n'''), SYSTEM_COMBINE_BLOB(0)),
(2, SYSTEM_COMBINE_CLOB(1), NULL),
(3, TIMESTAMP '2009-11-02 09:15:30.0', X''),
(4, SYSTEM_COMBINE_CLOB(9), NULL);
"""
    )
    assert read(H2, data) == [
        ["1", "日\U00029e3d\n'", b"\x00\xffAB"],
        ["2", "日b'", b""],
        ["3", "2009-11-02 09:15:30.0", b""],
        BROKEN,
    ]


def test_a_broken_row_costs_its_neighbours_nothing() -> None:
    data = (
        MYSQL_HEAD
        + b"INSERT INTO mail VALUES (1,2,'a'),(2,?,'b'),(3,2),(4,2,'d');\nINSERT INTO mail VALUES (5,2,'e');\n"
    )
    assert read(MYSQL, data) == [["1", "2", b"a"], BROKEN, WIDTH, ["4", "2", b"d"], ["5", "2", b"e"]]


@pytest.mark.parametrize("form", [MYSQL, POSTGRESQL, H2])
def test_a_dump_that_is_cut_gives_the_rows_before_the_cut_and_never_hangs(form: SqlDump) -> None:
    head = b"CREATE TABLE mail (id int, body text);\n"
    data = head + b"INSERT INTO mail VALUES (1,'a''b'),(2,'c');\nINSERT INTO mail VALUES (3,'x;y');\n"
    whole = [["1", b"a'b"], ["2", b"c"], ["3", b"x;y"]]
    for end in range(len(head), len(data)):
        found = read(form, data[:end], 7)
        good = [each for each in found if each != BROKEN]
        assert good == whole[: len(good)]
        assert len(good) >= data[:end].count(b"),") + data[:end].count(b");") - 1


def test_a_dump_without_the_table_is_told() -> None:
    with pytest.raises(NoTable) as caught:
        read(MYSQL.model_copy(update={"table": "mails"}), MYSQL_HEAD)
    assert caught.value.reason.code == "groupware.dump-without"


TABLES = ("mail", "other", "public.mail", "u", "t")


def read_all(form: SqlDump, data: bytes, known: dict[Any, Any] | None) -> list[list[Line | BrokenLine] | str]:
    """All rows of each table, one table after the other; or why there are none."""
    found: list[list[Line | BrokenLine] | str] = []
    for table in TABLES:
        file = File("a.sql", Raw.of(data), known=known)
        try:
            with form.model_copy(update={"table": table}).open(file, Wanted(("id", "a", "x"))) as lines:
                found.append([*lines.rows])
        except NoTable as told:
            found.append(told.reason.code)
    return found


@given(
    st.sampled_from([MYSQL, POSTGRESQL, H2]),
    st.sampled_from([MYSQL_HEAD, PG_HEAD, *SEEDS["mysql"], *SEEDS["postgresql"], *SEEDS["h2"]]),
    st.lists(
        st.tuples(st.integers(0, 2000), st.integers(0, 30), st.sampled_from([b"", b"'", b"(", b");", b"\n", b"--"]))
    ),
    st.integers(1, 100),
)
def test_a_dump_that_is_known_already_says_the_same_of_every_table(
    form: SqlDump, data: bytes, bites: list[tuple[int, int, bytes]], chunk: int
) -> None:
    data = harmed(data + data, bites)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stretches, "CHUNK", chunk)
        assert read_all(form, data, {}) == read_all(form, data, None)


@pytest.mark.parametrize("form", [MYSQL, POSTGRESQL, H2])
def test_a_dump_is_read_once_and_of_it_only_what_is_asked_for(form: SqlDump, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stretches, "CHUNK", 100)
    data = b"CREATE TABLE other (x text);\nINSERT INTO other VALUES ('1');\n" + b"-- nothing\n" * 100_000
    known: dict[Any, Any] = {}
    taken: list[int] = []

    class Counting(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            block = super().read(size)
            taken.append(len(block))
            return block

    for _ in range(2):
        taken.clear()
        raw = replace(Raw.of(data), open=lambda: Counting(data))
        with form.model_copy(update={"table": "other"}).open(File("a.sql", raw, known=known), Wanted(("x",))) as lines:
            assert [line.cells for line in lines.rows if isinstance(line, Line)] == [["1"]]
    assert sum(taken) < len(data) / 4
