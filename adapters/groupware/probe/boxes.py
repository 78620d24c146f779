"""Files that hold mails and nothing else: one, or many parted by From_ lines, by dots, or each behind its length."""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from adapters.files.frames import Frames
from adapters.files.fromline import from_line
from adapters.groupware.rows import eudora
from adapters.groupware.rows.mails import Mbox, Records
from migrator.mail import Health, health, split
from migrator.mail.health import looks_like_mail
from migrator.model import Raw

HEAD = 2**16
"""Bytes from which a mail is told."""
WHOLE = 2**26
"""Bytes a mail may have that is read in one piece."""
MOST = 20_000
"""Mails of one file whose places are kept."""
AHEAD = 64
"""Bytes in which the first record's mail must begin."""

Read = Callable[[int, int], bytes]
"""read(size, at)."""


class Box(NamedTuple):
    """The mails of a file: how it is read, where each begins and how many bytes it has, how many bytes that explains.

    `lines`: where the From_ line of each begins. `headers`: whether they are headers without bodies.
    """

    kind: str
    form: Mbox | Records | None
    places: list[tuple[int, int]]
    explained: int
    lines: tuple[int, ...] = ()
    headers: bool = False


def box(path: str, raw: Raw, head: bytes) -> Box | None:
    """How the file's mails are parted; None where it is no file of mails."""
    with raw.open() as stream:

        def read(size: int, at: int) -> bytes:
            stream.seek(at)
            return stream.read(size)

        for claim in (_nameless, _framed, _dotted, _single, _counted):
            if (found := claim(path, raw, head, read)) is not None:
                return found
    return None


def _is_mail(read: Read, at: int, size: int) -> bool:
    return looks_like_mail(split(read(min(size, HEAD), at))[0])


def _nameless(path: str, raw: Raw, head: bytes, read: Read) -> Box | None:
    """Parted by From_ lines that name nobody, wherever they stand: nothing else that begins with From is quoted."""
    if raw.size > WHOLE or eudora.LINE.match(head) is None:
        return None
    places, lines, strange = list[tuple[int, int]](), list[int](), 0
    with raw.open() as stream:
        for place, data in eudora.mails(stream, WHOLE):
            if data is not None and looks_like_mail(split(data[:HEAD])[0]):
                before = read(min(place, AHEAD), place - min(place, AHEAD))
                places.append((place, len(data)))
                lines.append(place - len(before) + [*eudora.LINE.finditer(before)][-1].start())
            else:
                strange += len(data or b"")
    form = Mbox(type="mbox", path=path, variant="eudora")
    return Box("mbox", form, places[:MOST], raw.size - strange, tuple(lines[:MOST])) if places else None


def _framed(path: str, raw: Raw, head: bytes, read: Read) -> Box | None:
    """A mail's From_ line, and the blank one before it, are no mystery either."""
    if from_line(head.partition(b"\n")[0]) is None:
        return None
    places, lines, explained, end = list[tuple[int, int]](), list[int](), 0, 0
    for frame in Frames(read, raw.size, "mboxo"):
        if _is_mail(read, frame.start, frame.end - frame.start):
            explained += frame.end - end
            if len(places) < MOST and frame.line is not None:
                places.append((frame.start, frame.end - frame.start))
                lines.append(frame.line)
        end = frame.end
    form = Mbox(type="mbox", path=path)
    return Box("mbox", form, places, explained + raw.size - end if explained else 0, tuple(lines))


# -- behind their lengths ------------------------------------------------------------------------------------------


def _counted(path: str, raw: Raw, head: bytes, read: Read) -> Box | None:
    """A number of bytes, and a mail of so many; as far as that goes on."""
    for begin in range(2, min(AHEAD, len(head))):
        if not looks_like_mail(head[begin : begin + HEAD]):
            continue
        for bits in (32, 16):
            for order in ("little", "big"):
                ahead = begin - bits // 8
                size = int.from_bytes(head[max(ahead, 0) : begin], "little" if order == "little" else "big")
                if ahead < 0 or size < 8 or begin + size > raw.size:
                    continue
                if (found := _records(path, raw, head, read, ahead, f"{order}-{bits}")) is not None:
                    return found
    return None


def _records(path: str, raw: Raw, head: bytes, read: Read, ahead: int, counted: str) -> Box | None:
    """The longest magic with which the records go on to the end; none is believed that is a single one of several."""
    for magic in range(min(16, ahead), -1, -1):
        skip = ahead - magic
        form = Records.model_validate(
            {"type": "records", "path": path, "counted": counted, "magic": head[skip:ahead].hex(), "skip": skip}
        )
        places = [*_chain(raw, read, form)]
        told = sum(size for _, size in places)
        if told >= (raw.size - skip) * 0.9 and all(
            _is_mail(read, at, min(size, 2**12)) for at, size in _begun(places, form)
        ):
            headers = all(split(read(min(size, HEAD), at))[1] == b"" for at, size in _begun(places, form)[:50])
            return Box("records", form, places[:MOST], told + skip, headers=headers)
    return None


def _begun(places: list[tuple[int, int]], form: Records) -> list[tuple[int, int]]:
    """Where the mails of the records begin, and how many bytes they have."""
    before = len(form.magic) // 2 + int(form.counted.partition("-")[2]) // 8
    return [(at + before, size - before) for at, size in places]


def begun(found: Box) -> list[tuple[int, int]]:
    """Where the mails themselves begin, behind what stands in front of each."""
    return _begun(found.places, found.form) if isinstance(found.form, Records) else found.places


def _chain(raw: Raw, read: Read, form: Records) -> Iterator[tuple[int, int]]:
    magic, at = bytes.fromhex(form.magic), form.skip
    order, _, bits = form.counted.partition("-")
    before = len(magic) + int(bits) // 8
    while at + before <= raw.size:
        begin = read(before, at)
        size = int.from_bytes(begin[len(magic) :], "little" if order == "little" else "big")
        if not begin.startswith(magic) or at + before + size > raw.size:
            return
        yield at, before + size
        at += before + size


# -- parted by dots, or alone --------------------------------------------------------------------------------------


_LONE_DOT = re.compile(rb"(?:\A|\n)\.\r?(?:\n|\Z)")


def _dotted(path: str, raw: Raw, head: bytes, read: Read) -> Box | None:
    """A dot alone on a line behind each mail, as it goes over the wire (RFC 5321, section 4.5.2)."""
    if not looks_like_mail(split(head)[0]) or raw.size > WHOLE:
        return None
    data = raw.read()
    if b"\n.\n" not in data and b"\n.\r" not in data and not data.endswith(b"\n."):
        return None
    places, explained, begin = list[tuple[int, int]](), 0, 0
    ends = [found.end() for found in _LONE_DOT.finditer(data)]
    for end in (*ends, len(data)):
        if end > begin and looks_like_mail(split(data[begin : begin + HEAD])[0]):
            explained += end - begin
            places.append((begin, end - begin))
        elif end > begin and begin and data[begin:end].strip():
            return None  # a dot in the text of one mail
        begin = end
    return Box("mbox-dots", Mbox(type="mbox", path=path, variant="dots"), places[:MOST], explained)


def _single(path: str, raw: Raw, head: bytes, read: Read) -> Box | None:
    if not looks_like_mail(split(head)[0]):
        return None
    size = raw.size
    if size <= WHOLE:
        data = raw.read()
        top, body = split(data)
        judged = health(top, body, len(data))
        if judged is Health.NUL_TAIL:
            size = len(data.rstrip(b"\0"))
    return Box("mail", None, [(0, raw.size)], size)
