"""A file of records beside an mbox, which say where each of its mails begins and how many bytes it has."""

from collections.abc import Iterator

from adapters.files.reading import Content
from adapters.groupware.probe.boxes import Box
from adapters.groupware.probe.families import extension
from adapters.groupware.probe.sight import FIXED, UNKNOWN
from adapters.groupware.probe.survey import Survey

LARGEST = 2**24
"""Bytes of such a file."""
NUMBERS = 8
"""Bytes of a place and a size."""


def beside(survey: Survey) -> None:
    """Of an unknown file that is called as an mbox is, what its records say of the mails as these say it themselves."""
    boxes = {_stem(path): path for path in survey.mboxes()}
    for path, seen in survey.files.items():
        box = boxes.get(_stem(path))
        if seen.kind != UNKNOWN or box is None or not 0 < seen.size <= LARGEST:
            continue
        content = survey.read(path)
        if isinstance(content, Content) and (told := _told(survey, box, content.raw.read())):
            survey.explain(path, FIXED, told)


def _stem(path: str) -> str:
    return path.removesuffix(extension(path))


def _told(survey: Survey, path: str, data: bytes) -> int:
    """The bytes that are explained; none where the records are not those of the mails, one by one."""
    box = survey.boxes[path]
    for pairs in _ways(box):
        begin = data.find(pairs[0])
        end = data.find(pairs[1], begin + NUMBERS) if len(pairs) > 1 else len(data)
        if begin < 0 or end < 0:
            continue
        records = [data[at : at + end - begin] for at in range(begin, len(data), end - begin)]
        if [record[:NUMBERS] for record in records] != pairs:
            continue
        letters = [survey.letters.get((path, str(place))) for place, _ in box.places]
        texts = [() if each is None else (each.sender, each.subject) for each in letters]
        return sum(_given_back(record, named, survey.paths) for record, named in zip(records, texts, strict=True))
    return 0


def _ways(box: Box) -> Iterator[list[bytes]]:
    """The places and sizes of the mails as a record may hold them: with their From_ lines or without."""
    whole = [(line, at + size - line) for line, (at, size) in zip(box.lines, box.places, strict=True)]
    for places in (whole, box.places):
        yield [at.to_bytes(4, "little") + size.to_bytes(4, "little") for at, size in places]
        yield [at.to_bytes(4, "big") + size.to_bytes(4, "big") for at, size in places]


def _given_back(record: bytes, texts: tuple[str, ...], charset: str) -> int:
    """Its numbers, what is NUL, and the texts that are the mail's own."""
    coded = {text.encode(charset, "replace") for text in texts if text}
    return NUMBERS + record.count(0, NUMBERS) + sum(len(text) for text in coded if text in record[NUMBERS:])
