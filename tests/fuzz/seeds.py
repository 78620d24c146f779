"""Whole files of every kind, to begin from: what hostile bytes are mostly made of is a good file that came to harm."""

import bz2
import gzip
import io
import lzma
import sqlite3
import zipfile
from contextlib import closing
from typing import Any, get_args

from adapters.files.frames import Variant
from migrator.testing import SAMPLES
from tests.adapters.files.test_frames import LINE
from tests.adapters.groupware.rows.test_dbf import dbf, record
from tests.adapters.groupware.rows.test_dbm import narrow, wide_at_multiples_of_four
from tests.fuzz.forms import BESIDE, CONTAINERS, LISTED, ROWS

_EUDORA = b"From ???@??? Mon Nov 02 09:15:00 2009\n"
_MAIL = b"Subject: =?iso-2022-jp?b?GyRCN29MPhsoQg==?=\nX-Status: RA\n\n>From a\n..b\n\nx\n"


def _database(encoding: str) -> bytes:
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(f"pragma page_size = 512; pragma encoding = '{encoding}'; create table t (a, b)")
        database.execute("insert into t values ('件', x'00ff'), (1.5, null), (?, 7)", ("x" * 900,))
        database.commit()
        return database.serialize()


def _zip(how: int, name: str = "a") -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", how) as archive:
        archive.writestr(name, _MAIL)
        archive.writestr("件名.eml", _MAIL)
    return target.getvalue()


_MYSQL = """-- MySQL
CREATE TABLE `t` (
  `a` int(11) DEFAULT '1', `b` text,
  PRIMARY KEY (`a`)
);
INSERT INTO `u` VALUES ('x;');
INSERT INTO `t` VALUES (1,'a\\'b\\n表'),(-2.5e3,_binary 'x'),(NULL,0x6d61);
insert into t (b, a) values ('''',x'61');
"""
_POSTGRESQL = """COPY public.u (x) FROM stdin;
1
\\.
CREATE TABLE public.t (a integer DEFAULT 1, b text, CONSTRAINT c CHECK (a > 0));
COPY public.t (a, b) FROM stdin;
1\ta\\tb\\\\x41表
\\N\t\\101
\\.
INSERT INTO t (a, b) VALUES (2, E'\\x41\\u3042'::text), (3, '\\x6d61'::bytea);
"""
_H2 = """CREATE CACHED TABLE PUBLIC.T(
    A INTEGER DEFAULT 1,
    B CLOB
);
INSERT INTO SYSTEM_LOB_STREAM VALUES(1, 0, 'a', NULL), (1, 1, 'b', NULL), (2, 0, NULL, X'6d61');
INSERT INTO PUBLIC.T VALUES(1, STRINGDECODE('a\\u3042\\n')), (2, SYSTEM_COMBINE_CLOB(1)),
(3, U&'\\3042'), (4, CAST(X'61' AS BINARY)), (5, TIMESTAMP '2009-11-02 09:15:00');
"""
FILES: dict[str, list[bytes]] = {
    "csv": ['a,b\r\n1,"件 ""x"", y"\r\n2,"c\nd"\r\n'.encode("cp932"), "x\na;b\n'1;';件\n".encode("euc-jp")],
    "fixed": [b"xabc\1\0\0\1\2" + b"\0" * 8 + "件a\xff\xff123".encode("latin-1", "replace")],
    "dbm": [narrow([(b"a", b"1"), (b"\x8c\x8f", b"x" * 900)]), wide_at_multiples_of_four([(b"a", b""), (b"b", b"2")])],
    "dbf": [
        dbf(record(1, "件"), record(2, "b", b"*"), record(3, "c")),
        dbf(b" 1", b" 2", fields=[("A", b"N", 1)]),
    ],
    "json": [
        '[{"a": "件", "b": {"c": 1.10}}, {"a": "\\ud83d\\ude00\\ud83d", "b": [null, true]}]'.encode(),
        b'{"a": {"x": [1], "b": [{"a": 1}, {"a": "x"}]}}',
        '{"a": "件"}\n{"a": [{}], "b": false}\n'.encode("cp932"),
    ],
    "ini": ["[佐藤]\na = 1\n; x\nB=2\n[x]\nA = 表\n".encode("cp932")],
    "xml": [
        '<?xml version="1.0"?><l><r b="1"><a b="2">件&amp;&#x1F600;</a>x</r><r/><!-- <r> --></l>'.encode(),
        "<r><a><![CDATA[表<]]></a></r>".encode("cp932"),
    ],
    "mysql": [_MYSQL.encode(), _MYSQL.encode("cp932")],
    "postgresql": [_POSTGRESQL.encode(), _POSTGRESQL.encode("euc-jp")],
    "h2": [_H2.encode()],
    "sqlite": [_database("UTF-8"), _database("UTF-16le")],
    "mbox": [LINE + _MAIL + LINE + b"Content-Length: 2\n\na\n\n" + LINE + b"\n", _MAIL + b".\n..a: b\n\n.\nx"],
    "records": [len(_MAIL).to_bytes(2, "little") + _MAIL + b"\2\0ab", b"xREC1" + len(_MAIL).to_bytes(4, "big") + _MAIL],
    "eudora": [_EUDORA + _MAIL + b">From x\n" + _EUDORA + b"\n" + _EUDORA.replace(b"\n", b"\r\n") + _MAIL],
    "maildir": [
        b"new/1257120900.M1.h\0cur/2.h:2,FRSa\0cur/.x\0tmp/3\0.&W6JRSA-/cur/4.h:2,\0new/\0a/b/new/5"
        + BESIDE
        + b"0 Junk\n1 \xff\n",
    ],
    "mh": ["inbox/1\0inbox/,2\0客先/A社/7\x009\0#3\0inbox/x\0a/".encode() + BESIDE + b"unseen: 2-3\nreplied: 1\n"],
    "names": ["sato/1.eml\0佐藤/y/z/x1\0sato/2.eml".encode(), b"\x82\xa0/\xff.eml"],
}
_PACKED = [
    *(_zip(how) for how in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)),
    *(pack(_MAIL) for pack in (gzip.compress, bz2.compress, lzma.compress)),
    b"RE" + len(_MAIL).to_bytes(4, "big") + _MAIL,
    len(_MAIL).to_bytes(2, "little") + _MAIL,
    _MAIL.decode().encode("utf-8") + "佐藤 <sato@example.co.jp>, 表示\r\n".encode(),
]


_ROWS = "To 佐藤 <sato@example.co.jp>\nCc a@b.jp\nSubject 件名\n../../f utf-8\nf iso-2022-jp\n: x\n".encode()


def _files(form: Any) -> list[bytes]:
    name = {"sqldump": "dialect", "mbox": "variant"}.get(form.type, "type")
    return FILES.get(getattr(form, name)) or FILES[form.type]


def seeds() -> dict[str, list[bytes]]:
    """By target, each as the target reads it."""
    boxes = range(len(CONTAINERS), len(CONTAINERS) + len(get_args(Variant)))
    return {
        "mail": [*SAMPLES],
        "japanese": [b"iso-2022-jp\0\x1b$B7oL>\x1b(B", "shift_jis\0表示".encode("cp932"), b"=?utf-8?q?=E8=A1=A8?="],
        "rows": [
            bytes((kind, raw)) + data for kind, (form, _) in enumerate(ROWS) for raw in (0, 1) for data in _files(form)
        ],
        "containers": [
            *(bytes((kind, 0, 40)) + data for kind in range(len(CONTAINERS)) for data in _PACKED),
            *(bytes((kind,)) + data for kind in boxes for data in FILES["mbox"]),
            *(bytes((boxes.stop + kind, 0, 40)) + _ROWS for kind in range(len(LISTED))),
        ],
    }
