"""Where the header ends, and the smallest change that IMAP demands of the bytes.

A literal may hold no NUL, and a line ends in CRLF (RFC 9051 §4.3, RFC 5322 §2.3); what Dovecot stores of it comes back
byte for byte. Inner bare CRs are let be: they come back unchanged.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from migrator.model import Raw

NUL, LINE_ENDS, TRAILING_CR = "repair.nul", "repair.line-ends", "repair.trailing-cr"

CHUNK = 2**20
HEAD = 64 * 2**10
"""A header block above this many bytes is no header anybody wrote."""

HEADER_DIGEST_LIMIT = 2**20
"""A header digest covers this many bytes at most, so that it can be known in one pass over a mail of any size."""

_BLANK_LINE = re.compile(rb"\n\r*\n")
_LEADING_LINES = re.compile(rb"[\r\n]+(?=[!-9;-~]{1,76}[ \t]*:)")
EMPTY_LINE = re.compile(rb"\r*\n")
_ONLY_ENDS = re.compile(rb"\n[\r\n]*\Z")


def split(data: bytes) -> tuple[bytes, bytes]:
    """Header block, with the blank line that ends it, and body; joined they are the data.

    Line ends are LF after any number of CRs; lone CRs only where the whole mail has no other (old Macintosh). Blank
    lines before the first field belong to the header block. Without a blank line all of it is header.
    """
    end = header_end(data, 0, len(data))
    return data[:end], data[end:]


def head_of(raw: Raw) -> bytes:
    """A mail's header block; of one that is above HEAD, the first HEAD bytes."""
    with raw.open() as stream:
        data = stream.read(HEAD + 4)
    head, _ = split(data)
    return head if len(head) <= HEAD else data[:HEAD]


def header_end(data: bytes, start: int, end: int) -> int:
    """Where the body begins of the mail that lies from `start` to `end`."""
    if data[start : start + 1] in (b"\r", b"\n"):
        if leading := _LEADING_LINES.match(data, start, end):
            start = leading.end()
        elif empty := EMPTY_LINE.match(data, start, end):
            return empty.end()
    if blank := _BLANK_LINE.search(data, start, end):
        return blank.end()
    if has_lone_cr_lines(data):
        blank_at = data.find(b"\r\r", start, len(data.rstrip(b"\r\n")))
        if blank_at >= 0:
            return blank_at + 2
    return end


def has_lone_cr_lines(data: bytes) -> bool:
    """Whether lines end in CR alone: there is no LF but at the very end."""
    newline = data.find(b"\n")
    return newline < 0 or _ONLY_ENDS.match(data, newline) is not None


def on_wire(data: bytes) -> tuple[bytes, tuple[str, ...]]:
    """The bytes as they are sent, and the codes of what had to change; the same object where nothing had to."""
    if b"\r" not in data and b"\0" not in data:  # a Unix store's mail: the usual case, and the quickest
        return (data.replace(b"\n", b"\r\n"), (LINE_ENDS,)) if b"\n" in data else (data, ())
    if _is_clean(data) and not data.endswith(b"\r"):
        return data, ()
    repairer = _Repairer()
    sent = b"".join(repairer.pieces(data[at : at + CHUNK] for at in range(0, len(data), CHUNK)))
    return sent, repairer.codes()


def on_wire_chunks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes as by `on_wire`, chunk by chunk, wherever the chunks are cut."""
    return _Repairer().pieces(chunks)


@dataclass(frozen=True, slots=True)
class WireFacts:
    """What is known of a mail's bytes on the wire before they are sent.

    `digest` is their SHA-256, `headers` their header digest, both in hex.
    """

    size: int
    digest: str
    headers: str
    repairs: tuple[str, ...]


def wire_facts(chunks: Iterable[bytes]) -> WireFacts:
    """Size, digests and repairs of what `on_wire_chunks` gives, found in one pass that holds no more than a chunk."""
    repairer = _Repairer()
    digest, size, start = hashlib.sha256(), 0, bytearray()
    for piece in repairer.pieces(chunks):
        digest.update(piece)
        size += len(piece)
        if len(start) < HEADER_DIGEST_LIMIT:
            start += piece
    return WireFacts(size, digest.hexdigest(), _digest_of_header(bytes(start)), repairer.codes())


def header_digest(head: bytes) -> str:
    """SHA-256 in hex of the header block as IMAP shows it: equal for what was sent and for what BODY[HEADER] returns.

    Line ends are CRLF, those at the end do not count; what lies beyond the first blank line does not either.
    """
    if len(head) <= HEADER_DIGEST_LIMIT:
        return _digest_of_header(on_wire(head)[0])
    start = bytearray()
    for piece in on_wire_chunks(head[at : at + CHUNK] for at in range(0, len(head), CHUNK)):
        start += piece
        if len(start) >= HEADER_DIGEST_LIMIT:
            break
    return _digest_of_header(bytes(start))


def _digest_of_header(wire: bytes) -> str:
    wire = wire[:HEADER_DIGEST_LIMIT]
    end = 0 if wire.startswith(b"\r\n") else wire.find(b"\r\n\r\n")
    header = (wire if end < 0 else wire[:end]).rstrip(b"\r\n")
    if b"\n" not in header:  # lone CRs: a server takes the whole mail for header, `split` does not
        header = header.partition(b"\r\r")[0]
    return hashlib.sha256(header).hexdigest()


def _is_clean(data: bytes) -> bool:
    """Nothing to change, but for CRs at the end."""
    return b"\0" not in data and data.count(b"\n") == data.count(b"\r\n") and b"\r\r\n" not in data


class _Repairer:
    """Makes the change over any number of chunks, and remembers what it changed."""

    def __init__(self) -> None:
        self._held = 0  # CRs at the end of the last chunk: what they mean is not known yet
        self._found: set[str] = set()

    def codes(self) -> tuple[str, ...]:
        return tuple(code for code in (NUL, LINE_ENDS, TRAILING_CR) if code in self._found)

    def pieces(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            rest = chunk.rstrip(b"\r")
            ends = len(chunk) - len(rest)
            if rest and self._held:
                self._held += len(rest)
                rest = rest.lstrip(b"\r")
                self._held -= len(rest)
                if rest.startswith(b"\n"):
                    rest = b"\r" * min(self._held, 2) + rest
                else:
                    yield from _returns(self._held)
                self._held = 0
            if rest:
                yield self._repaired(rest)
            self._held += ends
        if self._held:
            self._found.add(TRAILING_CR)
            yield b"\r\n"

    def _repaired(self, block: bytes) -> bytes:
        """A block that does not end in CR."""
        if _is_clean(block):
            return block
        if b"\0" in block:
            self._found.add(NUL)
            block = block.replace(b"\0", b"\x80")
            if _is_clean(block):
                return block
        self._found.add(LINE_ENDS)
        if b"\r" not in block:
            return block.replace(b"\n", b"\r\n")
        *lines, last = block.split(b"\n")
        return b"\r\n".join([*(line.rstrip(b"\r") for line in lines), last])


def _returns(count: int) -> Iterator[bytes]:
    """Inner CRs, which stay."""
    for at in range(0, count, CHUNK):
        yield b"\r" * min(CHUNK, count - at)
