"""How every command speaks and ends: results on stdout, messages and progress on stderr, exit codes in one place."""

import dataclasses
import errno
import json
import logging
import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime
from enum import Enum, IntEnum
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from typing_extensions import override

from migrator import log
from migrator.errors import AccountError, FolderError, MigratorError, Outage, Param, Reason, UsageError
from migrator.locale import _, filled, sentence
from migrator.text import json_shown, shown, storable, traced

if TYPE_CHECKING:
    from migrator.settings import Settings

_folder: ContextVar[Path] = ContextVar("folder", default=Path())


class Exit(IntEnum):
    """How a command can end (architecture.md §5; 70 and 75 are EX_SOFTWARE and EX_TEMPFAIL of sysexits.h)."""

    DONE = 0
    FOUND = 1
    """This run met a fault, a refusal, a doubt or a finding; or the ledger does not close."""
    USAGE = 2
    BUG = 70
    OUTAGE = 75
    INTERRUPTED = 130
    UNHEARD = 141
    """Whoever read our results has gone: what a shell says of SIGPIPE."""


# -- the migration folder ------------------------------------------------------------------------------------------


def enter(folder: Path) -> None:
    """From here on commands work in this migration folder."""
    _folder.set(folder)


def folder() -> Path:
    """The migration folder commands work in."""
    return _folder.get().absolute()


def settings() -> "Settings":
    """What the folder's migration.toml says; then the folder is shut to others. Raises UsageError.

    Only then: a command that others could have written there must not pass because we shut the door behind them.
    """
    from migrator import settings

    here = folder()
    loaded = settings.load(here)
    if settings.private(here):
        explain(Reason("settings.folder-shut", folder=str(here)))
    return loaded


# -- speaking ------------------------------------------------------------------------------------------------------


def say(text: str, /, **params: Param) -> None:
    """A result, for stdout; parameters are made safe to show."""
    _write(sys.stdout, filled(text, params))


def tell(text: str, /, **params: Param) -> None:
    """A message, for stderr; parameters are made safe to show."""
    _write(sys.stderr, filled(text, params))


def explain(reason: Reason) -> None:
    """A Reason as a message: what, which, what now, and the code under which runbooks/troubles.md has more."""
    log.event("told", level=log.WARNING, why=reason)
    _write(sys.stderr, f"migrator: {sentence(reason)} [{shown(reason.code)}]")


def _write(stream: TextIO, text: str) -> None:
    # A terminal in EUC-JP or ASCII shows what it can and escapes the rest; nothing fails because of a name.
    encoding = stream.encoding or "utf-8"
    _put(stream, text.encode(encoding, "backslashreplace").decode(encoding) + "\n")


class Unheard(Exception):  # noqa: N818 - the reader's doing
    """Nobody takes the results any more: `| head` has gone, or the disk behind `>` is full."""


def _put(stream: TextIO, text: str = "") -> None:
    try:
        stream.write(text)
        if not text:
            stream.flush()
    except OSError as error:
        if stream is not sys.stderr:  # what nobody can be told is not worth stopping for
            raise Unheard from error


def table(heads: Sequence[str], rows: Iterable[Sequence[Param]]) -> None:
    """A table on stdout: columns as wide as they need, numbers to the right, nothing cut off."""
    from rich.cells import cell_len

    body = [list(row) for row in rows]
    lines = [list(heads), *([_cell(value) for value in row] for row in body)]
    widths = [max(cell_len(line[column]) for line in lines) for column in range(len(heads))]
    right = [bool(body) and all(_is_number(row[column]) for row in body) for column in range(len(heads))]
    for line in lines:
        cells = []
        for text, width, number in zip(line, widths, right, strict=True):
            gap = " " * (width - cell_len(text))
            cells.append(gap + text if number else text + gap)
        _write(sys.stdout, "  ".join(cells).rstrip())


def _cell(value: Param) -> str:
    return f"{value:,}" if _is_number(value) else "-" if value is None else shown(str(value))


def _is_number(value: Param) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def document(text: str) -> None:
    """A whole file on stdout, in UTF-8 and as it stands: its maker has seen to it that no terminal obeys it."""
    _be_utf8()
    _put(sys.stdout, text)


# -- JSON ----------------------------------------------------------------------------------------------------------


def json_value(value: Any) -> None:
    """One JSON value on stdout, over several lines."""
    _write_json(json.dumps(plain(value), ensure_ascii=False, allow_nan=False, indent=2))


def json_line(value: Any) -> None:
    """One line of JSON Lines on stdout."""
    _write_json(json.dumps(plain(value), ensure_ascii=False, allow_nan=False))


def _write_json(text: str) -> None:
    _be_utf8()  # RFC 8259 §8.1
    _put(sys.stdout, json_shown(text) + "\n")


def _be_utf8() -> None:
    if sys.stdout.encoding.lower() != "utf-8" and isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")


def plain(value: Any) -> Any:
    """The value as JSON knows it: a Reason with its sentence, times by RFC 3339, sets sorted, all text storable."""
    match value:
        case Enum():
            return plain(value.value)
        case str():
            return storable(value)
        case None | bool() | int() | float():
            return value
        case Reason():
            return {"code": value.code, "params": plain(value.params), "text": sentence(value)}
        case datetime() | date():
            return value.isoformat()
        case Path():
            return storable(str(value))
        case Mapping():
            return {storable(str(key)): plain(inner) for key, inner in value.items()}
        case set() | frozenset():
            return sorted((plain(inner) for inner in value), key=str)
        case list() | tuple():
            return [plain(inner) for inner in value]
        case _ if dataclasses.is_dataclass(value):
            return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        case _:
            raise TypeError(f"no JSON for {type(value).__name__}")


# -- what others say -----------------------------------------------------------------------------------------------


class _Log(logging.Handler):
    """Log lines and warnings, those of libraries too."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        _write_strange([record.getMessage(), *([] if error is None else traced(error))])


@contextmanager
def listening() -> Iterator[None]:
    """What is logged or warned of, and what ends a thread, is told as safely as our own messages."""
    root, log = logging.getLogger(), _Log(logging.WARNING)
    hooks = threading.excepthook, sys.unraisablehook
    root.addHandler(log)
    logging.captureWarnings(True)
    threading.excepthook = sys.unraisablehook = _died
    try:
        yield
    finally:
        threading.excepthook, sys.unraisablehook = hooks
        logging.captureWarnings(False)
        root.removeHandler(log)


def _died(what: Any) -> None:
    if what.exc_value is not None:
        _write_strange(traced(what.exc_value))


def _write_strange(lines: Iterable[str]) -> None:
    """Lines that we have not written ourselves, for stderr."""
    from migrator.secret import hidden
    from migrator.settings import masked

    for line in lines:
        for part in hidden(masked(line)).splitlines():
            _write(sys.stderr, shown(part))


# -- ending --------------------------------------------------------------------------------------------------------


def run(step: Callable[[], int | None]) -> int:
    """Do one command's work; whatever leaves it becomes a message and an exit code."""
    try:
        ended = step()
        _put(sys.stdout)
    except MigratorError as error:
        return stopped(error)
    except KeyboardInterrupt:
        ended = Exit.INTERRUPTED
    except Unheard as error:
        return _unheard(error)
    except Exception as error:  # noqa: BLE001 - the one place where a bug ends
        return _misused(error) or _bug(error)
    if ended == Exit.INTERRUPTED:
        tell(_("Stopped. What is done stays done; the same command goes on from here."))
    return ended or Exit.DONE


def stopped(error: MigratorError) -> int:
    """Tell why one of our own errors ended the command."""
    explain(error.reason)
    match error:
        case UsageError():
            return Exit.USAGE
        case Outage():
            tell(_("Nothing is lost; the same command goes on from here."))
            return Exit.OUTAGE
        case FolderError() | AccountError():
            return Exit.FOUND
        case _:
            return Exit.BUG


def _misused(error: Exception) -> int | None:
    """A command line that typer cannot read; None where the error is something else."""
    from typer.exceptions import Abort, TyperException

    from migrator.cli.misuse import told

    if isinstance(error, Abort):
        return Exit.INTERRUPTED
    if not isinstance(error, TyperException):
        return None
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "migrator"
    explain(Reason("cli.misused", answer=told(error.format_message()), command=path))
    return Exit.USAGE


def _unheard(error: Unheard) -> int:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # else Python tries to write the rest at its end
    if isinstance(error.__cause__, BrokenPipeError):
        return Exit.UNHEARD
    assert isinstance(error.__cause__, OSError)
    answer = errno.errorcode.get(error.__cause__.errno or 0, "?")
    return stopped(Outage(Reason("cli.output-failed", answer=answer)))


def _bug(error: BaseException) -> int:
    """A traceback without locals, and without any secret that was asked for or stands in a URL."""
    frames = traceback.extract_tb(error.__traceback__)
    log.event("bug", level=log.WARNING, kind=type(error).__name__, at=[f"{each.name}:{each.lineno}" for each in frames])
    _write_strange(traced(error))
    explain(Reason("cli.bug", kind=type(error).__name__))
    return Exit.BUG
