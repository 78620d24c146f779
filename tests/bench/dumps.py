"""SQL dumps of one table, as their makers write them, and how fast their rows are read. As a program: read one."""

import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

from adapters.groupware.rows.dump import SqlDump
from adapters.groupware.rows.shape import File, Line, Wanted
from migrator.model import Raw

ROWS = {"rows of 10 KB": 10_000, "rows of 100 bytes": 100}
TEXT = ("見積書の件、よろしくお願いします。\\r\\n" * 400).encode()


def _mysql(row: int, body: bytes) -> bytes:
    start = b",\n" if row % 100 else b";\nINSERT INTO `mail` VALUES " if row else b"INSERT INTO `mail` VALUES "
    return start + b"(%d,'2009-11-02 09:15:00','%s')" % (row, body)


def _postgresql(row: int, body: bytes) -> bytes:
    return b"%d\t2009-11-02 09:15:00\t%s\n" % (row, body)


def _h2(row: int, body: bytes) -> bytes:
    return _mysql(row, body).replace(b"`mail`", b"PUBLIC.MAIL", 1).replace(b"\\r\\n", b"")


COLUMNS = b"(\n  id int, at timestamp, body text\n);\n"
DIALECTS: dict[str, tuple[bytes, Callable[[int, bytes], bytes], bytes]] = {
    "mysql": (b"CREATE TABLE `mail` " + COLUMNS, _mysql, b";\n"),
    "postgresql": (b"CREATE TABLE mail " + COLUMNS + b"COPY mail (id, at, body) FROM stdin;\n", _postgresql, b"\\.\n"),
    "h2": (b"CREATE CACHED TABLE PUBLIC.MAIL" + COLUMNS, _h2, b";\n"),
}


def write(path: Path, dialect: str, row: int, size: int) -> None:
    """A dump of about so many bytes, with rows of so many."""
    head, line, end = DIALECTS[dialect]
    body = TEXT[: row - 40].decode("utf-8", "ignore").encode().rstrip(b"\\")
    with path.open("wb") as file:
        file.write(head)
        for number in count():
            if file.tell() >= size:
                break
            file.write(line(number, body))
        file.write(end)


def rows(path: Path, dialect: str) -> Iterator[Line]:
    """What is read; anything that is no row ends the run."""
    shape = SqlDump.model_validate({"type": "sqldump", "path": path.name, "dialect": dialect, "table": "mail"})
    raw = Raw(size=path.stat().st_size, digest="", open=lambda: path.open("rb"))
    with shape.open(File(path.name, raw), Wanted(("id", "at", "body"))) as lines:
        for each in lines.rows:
            if not isinstance(each, Line):
                raise SystemExit(f"{dialect}: {each.reason}")
            yield each


if __name__ == "__main__":
    sys.stdout.write(f"{sum(1 for _ in rows(Path(sys.argv[1]), sys.argv[2]))}\n")
