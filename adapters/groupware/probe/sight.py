"""What one file seems to be, and how many of its bytes that explains.

A reader claims a file by its first bytes and its shape, never by its name alone; a byte counts as explained only where
reading gives it back: the cells of a line joined again are that line, text encoded again is the file, an archive's
checksums are right.
"""

import bz2
import gzip
import json
import lzma
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from typing import BinaryIO, NamedTuple
from xml.parsers import expat

from adapters.groupware.probe.boxes import WHOLE, Box, box
from adapters.groupware.probe.forms import dialect, json_form
from adapters.groupware.probe.separating import charset, separated
from adapters.groupware.rows.berkeley import is_berkeley
from adapters.groupware.rows.dbf import Dbf
from adapters.groupware.rows.dbm import Dbm
from adapters.groupware.rows.dump import SqlDump
from adapters.groupware.rows.elements import Xml
from adapters.groupware.rows.gdbm import is_gdbm
from adapters.groupware.rows.objects import Json
from adapters.groupware.rows.sections import Ini
from adapters.groupware.rows.shape import BrokenLine, File, Line, NoTable, RowShape, Wanted
from adapters.groupware.rows.sqlite import Sqlite
from migrator.errors import UsageError
from migrator.model import Raw

HEAD = 2**16
"""Bytes from which the kind of a file is told."""

PAIRS = 20_000
"""Pairs of a DBM file that are looked at."""

Unpacked = gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile

UNKNOWN, EMPTY, NOT_MIGRATED, MAIL = "unknown", "empty", "not-migrated", "mail"
FETCHED, SETTINGS, INDEX = "fetched", "settings", "index"
DETACHED, FIXED = "detached", "records-fixed"


class Sight(NamedTuple):
    """One file: its kind, how many bytes that explains, and how its rows are read where it has some."""

    kind: str
    explained: int = 0
    form: RowShape | None = None
    columns: tuple[str, ...] = ()
    mails: Box | None = None
    packed: bytes = b""
    """Of a packed mail, what it begins with."""


def look(path: str, raw: Raw) -> Sight:
    """The first reader that claims the file."""
    with raw.open() as stream:
        head = stream.read(HEAD)
    if not head:
        return Sight(EMPTY)
    for claim in _CLAIMS:
        if (sight := claim(path, raw, head)) is not None:
            return sight
    return Sight(UNKNOWN)


# -- known by their first bytes ------------------------------------------------------------------------------------


def _database(path: str, raw: Raw, head: bytes) -> Sight | None:
    if head[:4] in (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83"):
        return Sight("sqlite-journal", raw.size)
    if not head.startswith(b"SQLite format 3\0"):
        return None
    page = int.from_bytes(head[16:18], "big")
    pages = int.from_bytes(head[28:32], "big") * (65536 if page == 1 else page)
    return Sight("sqlite", raw.size if pages == raw.size else 0, Sqlite(type="sqlite", path=path, table="-"))


def _packed(path: str, raw: Raw, head: bytes) -> Sight | None:
    opens: dict[bytes, tuple[str, Callable[[BinaryIO], Unpacked]]] = {
        b"\x1f\x8b\x08": ("gzip", lambda stream: gzip.GzipFile(fileobj=stream)),
        b"BZh": ("bzip2", bz2.BZ2File),
        b"\xfd7zXZ\0": ("xz", lzma.LZMAFile),
    }
    if head.startswith((b"PK\3\4", b"PK\5\6")):
        return _zip(raw)
    for magic, (kind, opened) in opens.items():
        if head.startswith(magic):
            begin = _begin(raw, opened)
            found = box(path, Raw.of(begin), begin) if begin else None
            if begin and found is not None and found.kind == MAIL:
                return Sight(MAIL, raw.size, mails=found, packed=begin)
            return Sight(kind, 0 if begin is None else raw.size)
    return None


def _begin(raw: Raw, opened: Callable[[BinaryIO], Unpacked]) -> bytes | None:
    """The beginning of what it unpacks to; None where that has no end, or grows beyond all measure."""
    try:
        with raw.open() as stream, opened(stream) as inner:
            left, begin = max(WHOLE, 100 * raw.size), inner.read(HEAD)
            while left > 0 and (block := inner.read(2**20)):
                left -= len(block)
            return begin if left > 0 else None
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError):
        return None


def _zip(raw: Raw) -> Sight:
    try:
        with raw.open() as stream, zipfile.ZipFile(stream) as archive:
            bomb = sum(each.file_size for each in archive.infolist()) > max(WHOLE, 100 * raw.size)
            return Sight("zip", 0 if bomb or archive.testzip() is not None else raw.size)
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, RuntimeError, NotImplementedError, zlib.error):
        return Sight("zip")


def _dbase(path: str, raw: Raw, head: bytes) -> Sight | None:
    if head[0] not in (0x02, 0x03, 0x30, 0x31, 0x83, 0x8B, 0xF5) or len(head) < 65:
        return None
    begin, size, count = (int.from_bytes(head[a:b], "little") for a, b in ((8, 10), (10, 12), (4, 8)))
    end = begin + size * count
    if not (begin > 32 and size > 1 and end <= raw.size <= end + 1):
        return None
    records = [head[at : at + size] for at in range(begin, len(head), size)]
    form = Dbf(type="dbf", path=path, charset=charset(records) or "cp932")
    try:
        with form.open(File(path, raw), Wanted(())) as lines:
            strange = sum(len(each.raw) for each in lines.rows if isinstance(each, BrokenLine))
            return Sight("dbf", raw.size - strange, form, tuple(lines.columns))
    except (NoTable, UsageError):
        return None


_PARTED = ("\n", "\x01", "\t", "@@@", "|", ";", ",")
"""What may part the columns of a value."""


def _pairs(path: str, raw: Raw, head: bytes) -> Sight | None:
    """A DBM file: a pair whose value has another number of columns than most is of another kind."""
    if not (is_gdbm(head[:16]) or is_berkeley(head[:16])):
        return None
    try:
        with Dbm(type="dbm", path=path).open(File(path, raw), Wanted(("key", "value"))) as lines:
            rows = [*islice(lines.rows, PAIRS)]
    except NoTable:
        return Sight("dbm")
    pairs = [each.cells for each in rows if isinstance(each, Line)]
    widths = {each: Counter(str(value).count(each) + 1 for _, value in pairs) for each in _PARTED}
    best = max(_PARTED, key=lambda each: max((n for width, n in widths[each].items() if width > 1), default=0))
    wide = [(count, width) for width, count in widths[best].items() if width > 2]
    form = Dbm(type="dbm", path=path)
    if wide:
        width = max(wide)[1]
        others = tuple(str(key) for key, value in pairs if str(value).count(best) + 1 != width)
        names = tuple(f"v{number}" for number in range(1, width + 1))
        form = Dbm(type="dbm", path=path, separator=best, names=names, skip=others[:50])
    lost = sum(isinstance(each, BrokenLine) for each in rows)
    return Sight("dbm", 0 if lost else raw.size, form, form.declared)


# -- mail, and what is kept beside it ------------------------------------------------------------------------------


def _mails(path: str, raw: Raw, head: bytes) -> Sight | None:
    found = box(path, raw, head)
    return None if found is None else Sight(found.kind, found.explained, mails=found)


_NOT_MIGRATED = re.compile(
    r"\.forward|\.procmailrc|\.?vacation(\..*)?|\.?signature(\..*)?|.*\.(?:sig|sieve|vcf|ics|ldif)|filters?\.(?:txt|rc|dat|pce)"
    r"|(?:address|addr)(?:book|ess)?(?:\..*)?",
    re.IGNORECASE,
)
"""Names of what a mail program keeps beside mail: rules, forwards, vacation texts, signatures, addresses, calendars."""


def _beside(path: str, raw: Raw, head: bytes) -> Sight | None:
    if not _NOT_MIGRATED.fullmatch(path.rpartition("/")[2]) and not head.startswith((b"BEGIN:VCARD", b"BEGIN:VCAL")):
        return None
    return Sight(NOT_MIGRATED, raw.size if raw.size <= WHOLE and b"\0" not in head else 0)


_UIDL = re.compile(r"\.?uidl?s?(?:\..*)?", re.IGNORECASE)
_UID = re.compile(rb"(?:\d+ )?[!-~]{1,70}\r?\n?")


def _uidl(path: str, raw: Raw, head: bytes) -> Sight | None:
    """Which mails a POP server still held (RFC 1939, section 7: ids of up to 70 characters), one a line."""
    if not _UIDL.fullmatch(path.rpartition("/")[2]):
        return None
    with raw.open() as stream:
        return Sight(FETCHED, sum(len(line) for line in _lines(stream) if _UID.fullmatch(line)))


_SEQUENCE = re.compile(rb"[A-Za-z][\w-]*:(?: +\d+(?:-\d+)?)* *\r?\n?")


def _sequences(path: str, raw: Raw, head: bytes) -> Sight | None:
    """Which mails of an MH folder are unseen, answered and so on, one name a line (mh-sequence(5))."""
    if path.rpartition("/")[2] != ".mh_sequences":
        return None
    with raw.open() as stream:
        return Sight(INDEX, sum(len(line) for line in _lines(stream) if _SEQUENCE.fullmatch(line)))


# -- text ----------------------------------------------------------------------------------------------------------


def _xml(path: str, raw: Raw, head: bytes) -> Sight | None:
    if not head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<") or raw.size > WHOLE:
        return None
    parser = expat.ParserCreate()

    def refuse(*_: object) -> None:
        raise _Refused

    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(raw.read(), True)
    except (expat.ExpatError, _Refused, ValueError, LookupError):
        return None
    return Sight("xml", raw.size, Xml(type="xml", path=path, row="-"))


class _Refused(Exception):  # noqa: N818 - raised and caught in this module
    """XML with a DTD is not read."""


def _json(path: str, raw: Raw, head: bytes) -> Sight | None:
    if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] not in (b"{", b"[") or raw.size > WHOLE:
        return None
    data = raw.read()
    try:
        return Sight("json", raw.size, json_form(path, json.loads(data)))
    except (ValueError, RecursionError):
        lines = data.splitlines(keepends=True)
        good = sum(len(line) for line in lines if not line.strip() or _is_object(line))
        form = Json(type="json", path=path, written="lines")
        return Sight("json", good, form) if lines and _is_object(lines[0]) else None


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


_SQL = re.compile(rb"^(?:INSERT\s+INTO|CREATE\s+(?:\w+\s+){0,3}TABLE|COPY\s+\S+\s.*FROM\s+stdin)", re.I | re.M)
_DUMPED = re.compile(
    rb"(?:[^'\"`;$/-]++|'(?:[^'\\]|\\.|'')*+'|\"(?:[^\"]|\"\")*+\"|`[^`]*+`|--[^\n]*+\n|/\*(?:[^*]|\*(?!/))*+\*/|[$/-])*+;\s*+",
    re.DOTALL,
)


_REMARKS = re.compile(rb"(?:\s++|--[^\n]*+\n?|/\*(?:[^*]|\*(?!/))*+\*/)*+")

WINDOW = 2**24
"""Bytes of a dump that are looked at together, or as many as its longest statement has."""


def _dump(path: str, raw: Raw, head: bytes) -> Sight | None:
    """Statement by statement; a statement without an end explains nothing."""
    if not _SQL.search(head):
        return None
    form = SqlDump.model_validate({"type": "sqldump", "path": path, "dialect": dialect(head), "table": "-"})
    with raw.open() as stream:
        if b"FROM stdin" in head:
            stream.seek(max(0, raw.size - HEAD))
            whole = stream.read().rstrip().endswith((b"\\.", b";", b"complete", b"--"))
            return Sight("sqldump", raw.size if whole else 0, form)
        return Sight("sqldump", _statements(stream), form)


def _statements(stream: BinaryIO) -> int:
    """The bytes of all statements that follow one another from the beginning, and of the remarks behind the last."""
    told, data, block = 0, b"", b"-"
    while block and len(data) <= WHOLE:
        block = stream.read(max(WINDOW, len(data)))
        data += block
        end = (data.rfind(b"\n") + 1 if block else 0) or len(data)  # a remark that is cut off is none
        at = 0
        while (found := _DUMPED.match(data, at, end)) is not None and found.end() > at:
            at = found.end()
        told, data = told + at, data[at:]
    remarks = None if block else _REMARKS.match(data)
    return told + (0 if remarks is None else remarks.end())


_SECTION = re.compile(rb"\s*\[[^\]]+\]\s*")
_SETTING = re.compile(rb"\s*(?:[;#].*|[^=\s][^=]*=.*|)", re.DOTALL)


def _ini(path: str, raw: Raw, head: bytes) -> Sight | None:
    first = next((line for line in head.splitlines() if line.strip() and line.lstrip()[:1] not in b";#"), b"")
    if not _SECTION.fullmatch(first) or b"\0" in head:
        return None
    explained = 0
    with raw.open() as stream:
        for line in _lines(stream):
            explained += len(line) if _SECTION.fullmatch(line) or _SETTING.fullmatch(line) else 0
    form = Ini(type="ini", path=path, charset=charset(head.splitlines()) or "cp932")
    return Sight("ini", explained, form) if explained * 10 >= raw.size * 9 else None


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    while line := stream.readline(2**20):
        yield line


_NAMED_VALUE = re.compile(rb"\s*(?:#.*|[A-Za-z_][\w.-]*[ \t]*=.*|)", re.DOTALL)


def _settings(path: str, raw: Raw, head: bytes) -> Sight | None:
    """Lines of name=value and nothing else."""
    if b"=" not in head or b"\0" in head:
        return None
    with raw.open() as stream:
        if not all(_NAMED_VALUE.fullmatch(line) for line in _lines(stream)):
            return None
    return Sight(SETTINGS, raw.size)


def _csv(path: str, raw: Raw, head: bytes) -> Sight | None:
    found = separated(path, raw, head)
    return None if found is None else Sight("csv", found.explained, found.form, found.columns)


_CLAIMS = (
    _database,
    _pairs,
    _packed,
    _dbase,
    _beside,
    _sequences,
    _mails,
    _uidl,
    _xml,
    _json,
    _dump,
    _ini,
    _settings,
    _csv,
)
