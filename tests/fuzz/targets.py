"""What is fuzzed: each target takes any bytes and fails where a law is broken. A bad item is a value, no error."""

import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from time import process_time
from typing import get_args

from adapters.files.frames import Frames, Variant, count, unquoted
from adapters.groupware.rows.dbf import Dbf
from adapters.groupware.rows.dbm import Dbm
from adapters.groupware.rows.dump import SqlDump
from adapters.groupware.rows.elements import Xml
from adapters.groupware.rows.fixed import Fixed
from adapters.groupware.rows.objects import Json
from adapters.groupware.rows.sections import Ini
from adapters.groupware.rows.separated import Csv
from adapters.groupware.rows.shape import File, Line, NoTable, RowShape, Wanted
from adapters.groupware.rows.sqlite import Sqlite
from migrator.errors import UsageError
from migrator.japanese import decode, decode_header, decode_parameter, parameters, read, readings
from migrator.mail import (
    Health,
    address,
    attachment_names,
    envelope,
    fingerprint,
    header_digest,
    health,
    on_wire,
    parse_date,
    plausible,
    received_at,
    split,
)
from migrator.model import Raw
from migrator.text import storable

FINDINGS = Path(__file__).parent / "findings"
SECONDS = 5
"""Of the processor, that any input may take."""


def mail(data: bytes) -> None:
    """All that is read off a mail."""
    head, body = split(data)
    assert head + body == data
    assert health(head, body, len(data)) in Health
    facts = envelope(head)
    texts = [facts.subject, facts.sender, facts.from_, facts.to, facts.cc, *facts.references, *attachment_names(data)]
    assert all(storable(text) == text for text in texts)
    assert facts.date is None or plausible(facts.date)
    assert plausible(received_at(head, []).at)
    sent, _ = on_wire(data)
    assert b"\0" not in sent
    assert on_wire(sent) == (sent, ())
    assert len(header_digest(head)) == len(fingerprint(data)) == 64


def japanese(data: bytes) -> None:
    """A charset's label, a NUL, and the text; or all of it a header's value."""
    label, _, rest = data.partition(b"\0")
    charset = label.decode("latin-1")
    found = read(rest, charset)
    assert found.text == decode(rest, charset)
    assert 0 < found.confidence <= 1
    found.text.encode("utf-8")
    text = decode_header(data)
    assert not {"\r", "\n", "\t"} & set(text)
    assert "".join("".join(each.text for each in readings(data)).split()) == "".join(text.split())
    for name in parameters(data):
        decode_parameter(data, name.partition("*")[0])
    at = parse_date(data)
    assert at is None or plausible(at)
    address(data).encode("utf-8")


FORMS: list[tuple[RowShape, tuple[str, ...]]] = [
    (Csv(type="csv", path="t"), ()),
    (Csv(type="csv", path="t", charset="utf-8", delimiter="\t", quote="", names=("a", "b")), ("b",)),
    (Fixed.model_validate({"type": "fixed", "path": "t", "record": 8, "fields": {"a": {"at": 0, "bytes": 3}}}), ("a",)),
    (Dbf(type="dbf", path="t"), ()),
    (Json(type="json", path="t"), ("a", "b.c")),
    (Json(type="json", path="t", written="lines"), ("a",)),
    (Ini(type="ini", path="t"), ("section", "a")),
    (Xml(type="xml", path="t", row="r"), ("a",)),
    (SqlDump(type="sqldump", path="t", dialect="mysql", table="t"), ("a",)),
    (SqlDump(type="sqldump", path="t", dialect="postgresql", table="t"), ("a",)),
    (SqlDump(type="sqldump", path="t", dialect="h2", table="T"), ("a",)),
    (Sqlite(type="sqlite", path="t", table="t"), ("a",)),
    (Dbm(type="dbm", path="t"), ("key", "value")),
]


def rows(data: bytes) -> None:
    """A byte that says which kind of rows, and a file of it: rows, broken lines, or no table at all."""
    form, columns = FORMS[data[0] % len(FORMS) if data else 0]
    try:
        with form.open(File("t", Raw.of(data[1:])), Wanted(columns)) as lines:
            for each in lines.rows:
                if isinstance(each, Line):
                    assert len(each.cells) == len(lines.columns) or lines.told is not None
                else:
                    assert each.reason.code
    except (NoTable, UsageError) as told:
        assert told.reason.code  # noqa: PT017 - both are told, neither is wanted


def containers(data: bytes) -> None:
    """A byte that says which variant, and an mbox: its mails follow one another, and two ways of counting agree."""
    variant: Variant = get_args(Variant)[data[0] % len(get_args(Variant)) if data else 0]
    box = data[1:]

    def at(size: int, start: int) -> bytes:
        return box[start : start + size]

    frames = Frames(at, len(box), variant)
    found = list(frames)
    assert all(0 <= each.start <= each.end <= len(box) for each in found)
    assert all(one.end <= (len(box) if two.line is None else two.line) for one, two in pairwise(found))
    for each in found:
        raw = b"".join(unquoted(each.blocks(at), frames.quoting(each)))
        assert len(raw) <= each.end - each.start
    with tempfile.TemporaryFile() as file:
        file.write(box)
        file.seek(0)
        assert count(file, len(box), variant) == len(found)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "mail": mail,
    "japanese": japanese,
    "rows": rows,
    "containers": containers,
}


def bounded(name: str, data: bytes) -> None:
    """The target's laws, and that they are not long in the making."""
    began = process_time()
    TARGETS[name](data)
    assert process_time() - began < SECONDS


def findings(name: str) -> list[Path]:
    """What was found once."""
    return sorted((FINDINGS / name).glob("*"))
