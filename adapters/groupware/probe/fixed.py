"""Files of binary records that are all of one width: told by their period, and by what their numbers turn out to be.

Nothing in such a file says where its fields are. So every number that could stand there is a column at first; which of
them lead to mails, folders and accounts says what the fields are, and what overlaps one that is known is none.
"""

from collections.abc import Collection, Iterator, Sequence
from operator import eq

from adapters.files.reading import Content
from adapters.groupware.probe.families import FILES, Table, fill, named_alike, steps
from adapters.groupware.probe.separating import NO_LETTERS, charset
from adapters.groupware.probe.sight import FIXED, UNKNOWN
from adapters.groupware.probe.survey import Survey
from adapters.groupware.rows.fixed import FieldAt, Fixed

LARGEST = 2**24
"""Bytes of a file that may be a table of records."""
SOME = 2**14
"""Bytes of each file in which the period is looked for."""
WIDEST = 1024
"""Bytes of the widest record that is looked for."""
RECORDS = 3
"""Records that a file must have for its period to be believed."""
SKIPPED = 1024
"""Bytes of another kind before the first record, at most."""
_PRINTED = frozenset(range(32, 127)) | frozenset(range(128, 256)) | {0}


def binary(survey: Survey) -> Iterator[Table]:
    """Unknown files as tables of every field that could stand in their records."""
    lost = [name for name, each in survey.files.items() if each.kind == UNKNOWN and each.size >= 16]
    for paths in named_alike(lost):
        contents = [survey.read(path) for path in paths[:FILES]]
        files = [each.raw.read() for each in contents if isinstance(each, Content) and each.raw.size <= LARGEST]
        form = fixed(paths[0], files) if files else None
        if form is not None:
            table = Table(form, form.declared, steps(paths), paths)
            fill(survey.read, table)
            yield table


def fixed(path: str, files: Sequence[bytes]) -> Fixed | None:
    """The records of files that are one table; None where none are seen. The files are their beginnings, and sizes
    must agree with the width where there are several of them."""
    width = _period(files)
    if width is None:
        return None
    skip = _skip(files, width)
    if skip is None:
        return None
    records = [data[at : at + width] for data in files for at in range(skip, len(data) - width + 1, width)]
    fields = {**_numbers(width), **_texts(records, width)}
    told = charset(records)
    coded = "cp932" if told in (None, NO_LETTERS) else str(told)
    return Fixed(type="fixed", path=path, record=width, skip=skip, charset=coded, fields=fields)


def explain(survey: Survey, table: Table, used: Collection[int]) -> None:
    """Of records that are a table of the proposal, the fields that it reads are explained, and what is always NUL."""
    form = table.form
    assert isinstance(form, Fixed)
    fields = [*form.fields.values()]
    read = {at for place in used for at in range(fields[place].at, fields[place].at + fields[place].bytes)}
    for path in table.files:
        content = survey.read(path)
        if isinstance(content, Content) and content.raw.size <= LARGEST:
            data = content.raw.read()
            records = [data[at : at + form.record] for at in range(form.skip, len(data), form.record)]
            bytes_ = sum(at in read or not byte for each in records for at, byte in enumerate(each))
            survey.explain(path, FIXED, bytes_)


def overlap(one: FieldAt, other: FieldAt) -> bool:
    """Whether two fields share a byte."""
    return one.at < other.at + other.bytes and other.at < one.at + one.bytes


def order(field: FieldAt) -> str:
    """Which byte of a number comes first; nothing for a text, and a number of one byte."""
    return "" if field.written == "text" or field.bytes == 1 else field.written


def _period(files: Sequence[bytes]) -> int | None:
    """The distance at which most bytes come again, the shortest of those that are nearly as good."""
    heads = [data[:SOME] for data in files if len(data) >= 16][:8]
    longest = max(map(len, heads), default=0)
    shares = dict[int, float]()
    for lag in range(6, min(WIDEST, longest // RECORDS) + 1):
        if len({len(data) % lag for data in files}) > 1:
            continue
        pairs = [(sum(map(eq, head, head[lag:])), len(head) - lag) for head in heads if len(head) > lag]
        shares[lag] = sum(same for same, _ in pairs) / sum(of for _, of in pairs)
    if not shares:
        return None
    best, usual = max(shares.values()), sorted(shares.values())[len(shares) // 2]
    if best < 0.4 or (len(shares) > 8 and best < usual + 0.05):
        return None
    return min(lag for lag, share in shares.items() if share >= best - 0.03)


def _skip(files: Sequence[bytes], width: int) -> int | None:
    """Where the first record begins: the first place at which one stands that is like those behind it."""
    begin = len(files[0]) % width
    data = max(files, key=len)
    for skip in range(begin, min(SKIPPED, len(data) - width * RECORDS) + 1, width):
        records = [data[at : at + width] for at in range(skip, len(data) - width + 1, width)]
        first, rest = records[0], records[1:]
        steady = [place for place in range(width) if len({record[place] for record in rest}) == 1]
        if all(first[place] == rest[0][place] for place in steady):
            return skip
    return None


def _numbers(width: int) -> dict[str, FieldAt]:
    """Every number that could stand in the record, the widest first at each place."""
    return {
        f"at{at}_{size * 8}{written[0] if size > 1 else ''}": FieldAt.model_validate(
            {"at": at, "bytes": size, "written": written}
        )
        for at in range(width)
        for size in (4, 2, 1)
        for written in ("little", "big")[: 2 if size > 1 else 1]
        if at + size <= width
    }


def _texts(records: Sequence[bytes], width: int) -> dict[str, FieldAt]:
    """Runs of letters, up to where NULs begin in every record: what follows a NUL is another field."""
    texts = [all(record[at] in _PRINTED for record in records) for at in range(width)]
    begins = [
        texts[at]
        and any(record[at] for record in records)
        and (at == 0 or not texts[at - 1] or any(record[at] and not record[at - 1] for record in records))
        for at in range(width)
    ]
    found = dict[str, FieldAt]()
    for at in (place for place in range(width) if begins[place]):
        end = next((place for place in range(at + 1, width) if begins[place] or not texts[place]), width)
        if end - at >= 4:
            found[f"text{at}"] = FieldAt(at=at, bytes=end - at)
    return found
