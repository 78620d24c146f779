"""What is fuzzed: each target takes any bytes and fails where a law is broken. A bad item is a value, no error."""

import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from time import process_time
from typing import Any, cast, get_args

from adapters.files.frames import Frames, Variant, count, unquoted
from adapters.files.reading import Content, Tree
from adapters.groupware.claims import Claim
from adapters.groupware.containers import Written
from adapters.groupware.large import Shared
from adapters.groupware.opening import Opener
from adapters.groupware.remains import Shares
from adapters.groupware.rows.shape import File, Line, NoTable, Wanted
from adapters.groupware.values import Undecodable, UnknownCode, Unreadable
from migrator.errors import Reason, UsageError
from migrator.filters.features import Reader
from migrator.filters.ruleset import Ruleset
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
from migrator.mail.meaning import written_digest
from migrator.model import Raw
from migrator.text import storable
from tests.fuzz.forms import BESIDE, COLUMNS, CONTAINERS, LISTED, ROWS

FINDINGS = Path(__file__).parent / "findings"
SECONDS = 5
"""Of the processor, that any input may take."""

MOMENT = datetime(2009, 11, 2, 9, 15, tzinfo=UTC)
SIGNALS = Reader(Ruleset.read().judge.signals)
READERS = [(column.raw, column.read.reader()) for column in COLUMNS]


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
    assert len(header_digest(head)) == len(fingerprint(data)) == len(written_digest([data])) == 64
    SIGNALS.read(head, body)


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


def rows(data: bytes) -> None:
    """A byte that says which kind of rows, one that says whether bytes are wanted, and a file of that kind, perhaps
    with one beside it: rows, broken lines, or no table at all; and what cells mean, or that they mean nothing."""
    kind, raw, rest = (*data[:2], 0, 0)[0], (*data[:2], 0, 0)[1], data[2:]
    form, columns = ROWS[kind % len(ROWS)]
    own, _, beside = rest.partition(BESIDE)
    file = File("t", Raw.of(own), {name: Raw.of(beside) for name in (*form.beside, *form.inside) if beside})
    whole = frozenset(columns) if raw % 2 else frozenset({"mail"})
    try:
        with form.open(file, Wanted(columns, whole)) as lines:
            for each in lines.rows:
                if isinstance(each, Line):
                    assert len(each.cells) == len(lines.columns) or lines.told is not None
                    meanings(each)
                else:
                    assert each.reason.code
    except (NoTable, UsageError) as told:
        assert told.reason.code  # noqa: PT017 - both are told, neither is wanted


def meanings(line: Line) -> None:
    """What the first cells mean, by every kind of value: one, or a mistake that is known."""
    for cell in line.cells[:2]:
        for raw, reader in READERS:
            if not line.odd and (raw or isinstance(cell, str)):
                with suppress(Unreadable, Undecodable, UnknownCode):
                    reader(cell)


def containers(data: bytes) -> None:
    """A byte that says which kind: something that mails are taken out of, or a variant of mbox."""
    kinds = [*CONTAINERS, *get_args(Variant), *LISTED]
    kind = kinds[(data[0] if data else 0) % len(kinds)]
    if isinstance(kind, str):
        mbox(data[1:], cast(Variant, kind))
    else:
        taken_out(kind, data[1:])


def taken_out(container: Any, data: bytes) -> None:
    """Two bytes, each a number of its row, and the file that its rows lead to: a mail, or a reason."""
    at, size, held = (*data[:2], 0, 0)[0], (*data[:2], 0, 0)[1], data[2:]
    text = storable(held.decode("utf-8", "surrogateescape"))
    row = {"at": at, "size": size, "name": "a", "cell": held[:size], "text": text, "date": MOMENT, "rows": listed(text)}
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "f").write_bytes(held)
        with Opener(Tree(Path(name))) as opener:
            claim = container.claim(row, str.encode)
            found = container.read(claim, opener)
            again = container.read(claim, opener)
            left_over(container, claim, opener)
    assert claim.path is None or storable(claim.path) == claim.path
    if isinstance(found, Reason):
        assert found == again
        return
    assert isinstance(again, Content)
    assert found.raw.size == len(found.raw.read())
    assert found.raw.digest == again.raw.digest
    if isinstance(container, Written):
        assert on_wire(found.raw.read()) == (found.raw.read(), ())


def listed(text: str) -> list[dict[str, Any]]:
    """The rows of a list: a line each, its first word a name."""
    cells = (line.partition(" ") for line in text.split("\n")[:20])
    return [{"name": name, "text": rest, "cell": rest.encode()} for name, _, rest in cells]


def left_over(container: Any, claim: Claim, opener: Opener) -> None:
    """What a row does not name in a file of many mails: mails, silence, or a reason."""
    parts = [part for part in getattr(container, "parts", (container,)) if isinstance(part, Shared)]
    with Shares(parts) as shares:
        shares.add(container.shares(claim))
        for remain in shares.remains(opener):
            key, rule, reason = remain.seen(opener)
            assert storable(key) == key
            assert rule is None or reason is None


def mbox(box: bytes, variant: Variant) -> None:
    """Its mails follow one another, and two ways of counting agree."""

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
