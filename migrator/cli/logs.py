"""The log that `--log FILE` asks for: JSON Lines, shut to others, and rotated by whoever rotates the system's logs."""

import json
import logging
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from io import TextIOWrapper
from logging.handlers import WatchedFileHandler
from pathlib import Path

from typing_extensions import override

from migrator import log
from migrator.cli import console
from migrator.errors import Reason, UsageError
from migrator.text import json_shown

LEVELS = {"debug": log.DEBUG, "info": log.INFO, "warning": log.WARNING}


@contextmanager
def kept(path: Path, level: str) -> Iterator[None]:
    """What happens inside is written to the end of this file, by our helper processes too. Raises UsageError."""
    if level not in LEVELS:
        raise UsageError(Reason("log.level-what", value=level, known=", ".join(LEVELS)))
    try:
        handler = _File(path)
    except OSError as error:
        raise UsageError(Reason("log.unwritable", path=str(path), answer=error.strerror or "?")) from error
    others = _Others()
    log.hear(handler, LEVELS[level])
    logging.getLogger().addHandler(others)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(others)
        log.leave(handler)
        handler.close()


class _File(WatchedFileHandler):
    """Appends whole lines, one write each, so that several processes may share the file; opens it anew when logrotate
    has moved it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, encoding="utf-8")
        self.setFormatter(_Line())

    @override
    def _open(self) -> TextIOWrapper:
        return open(self.baseFilename, "a", encoding=self.encoding, opener=_private)

    @override
    def handleError(self, record: logging.LogRecord) -> None:
        """A log that cannot be written any more stops nothing; it is said, and the log ends."""
        if not isinstance(sys.exception(), OSError):
            raise
        log.leave(self)
        console.explain(Reason("log.failed", path=self.baseFilename))

    @override
    def close(self) -> None:
        with suppress(OSError):
            super().close()


def _private(path: str, flags: int) -> int:
    file = os.open(path, flags, 0o600)
    status = os.fstat(file)
    if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid():
        os.fchmod(file, 0o600)
    return file


class _Line(logging.Formatter):
    @override
    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {"at": at, "level": record.levelname.lower(), "event": record.getMessage(), "pid": record.process}
        fields = {name: value for name, value in getattr(record, "fields", {}).items() if value is not None}
        return json_shown(json.dumps(console.plain(_masked(line | fields)), ensure_ascii=False, allow_nan=False))


def _masked(value: object) -> object:
    from migrator.secret import hidden
    from migrator.settings import masked

    match value:
        case str():
            return hidden(masked(value))
        case dict():
            return {_masked(str(name)): _masked(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_masked(inner) for inner in value]
        case _:
            return value


class _Others(logging.Handler):
    """Libraries may quote a mail in what they log: that they said something is written, what they said is on stderr."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)

    @override
    def emit(self, record: logging.LogRecord) -> None:
        log.event("library", level=log.WARNING, logger=record.name, said=record.levelname.lower())
