"""An address book as a file: every address in it protects the mail that comes from there."""

import re
from collections.abc import Iterator
from pathlib import Path

from migrator.errors import Reason, UsageError
from migrator.japanese import decode

_ADDRESS = re.compile(r"[^\s<>()\",;:@]{1,64}@[^\s<>()\",;:@]{1,255}")


def addresses_in(text: str) -> list[str]:
    """Everything in a text that can be an address."""
    return _ADDRESS.findall(text)


def addresses(file: Path) -> Iterator[str]:
    """Every address that stands in a file, whatever its columns are. Raises UsageError where it cannot be read."""
    try:
        lines = file.read_bytes().splitlines()
    except OSError as error:
        raise UsageError(Reason("filter.book-unreadable", file=str(file), answer=error.strerror)) from error
    for line in lines:
        yield from addresses_in(decode(line))
