"""Where the mails of a Eudora mailbox begin: at its own From_ line, which names nobody, wherever it stands.

Eudora quotes no other line that begins with From, nor does it want a blank line in front: every byte between two such
lines is the mail's. It has taken the attachments out, and says so at the end of the text (`Attachment Converted: "…"`).
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

LINE = re.compile(rb"From \?\?\?@\?\?\? [A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9]\d \d\d:\d\d:\d\d \d{4}[ \t]*\r?\n?")

BLOCK = 2**20


def mails(stream: BinaryIO, longest: int) -> Iterator[tuple[int, bytes | None]]:
    """Each mail and the byte where it begins; None for one of more bytes than `longest`."""
    for place, lines in _between(stream, longest):
        data = b"".join(lines)
        if len(data) > longest:
            yield place, None
        elif data.strip():
            yield place, data


def _between(stream: BinaryIO, longest: int) -> Iterator[tuple[int, list[bytes]]]:
    """The lines between two of Eudora's, no more of them than tell that there are too many."""
    lines: list[bytes] = []
    place = at = size = 0
    begins = True
    while line := stream.readline(BLOCK):
        at += len(line)
        if begins and LINE.fullmatch(line):
            yield place, lines
            lines, size, place = [], 0, at
        else:
            if size <= longest:
                lines.append(line)
            size += len(line)
        begins = line.endswith(b"\n")
    yield place, lines
