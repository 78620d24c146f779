"""The command line. One module a family of commands (`app` lists them); `console` is how they speak and end."""

import gc
import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise
from pathlib import Path

from migrator import log
from migrator.cli import console
from migrator.errors import UsageError
from migrator.locale import language, speak

EVERYWHERE = ("--dir", "--lang", "--log", "--log-level")
"""Options of `migrator` itself that may also stand behind the command, where people type them."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code (architecture.md §5)."""
    words = _hoisted(sys.argv[1:] if argv is None else argv)
    try:
        speak(language(_option(words, "--lang")))
    except UsageError as error:
        speak(language())
        return console.stopped(error)
    gc.set_threshold(50_000)  # imports make many objects, and they all stay
    try:
        with console.listening(), _log(words):
            ended = console.run(lambda: _command(words or ["--help"]))
            log.event("command.ended", exit=int(ended))
            return ended
    except UsageError as error:  # no log, no work: whoever asked for one relies on it
        return console.stopped(error)
    finally:
        gc.freeze()  # nor need they be looked through when the process ends


def _command(words: list[str]) -> int | None:
    # Imported only now: help texts are looked up at import, and the language is known from here on.
    from migrator.cli.app import command

    root = command()
    if "--help" in words:
        from migrator.cli.helping import speak_here

        root = speak_here(root)
    ended: int | None = root.main(words, prog_name="migrator", standalone_mode=False)
    return ended


def _option(words: Sequence[str], name: str) -> str | None:
    """An option of `migrator` itself, which is needed before typer looks at any."""
    return next((value for word, value in pairwise(words) if word == name), None)


def _log(words: Sequence[str]) -> AbstractContextManager[None]:
    """The log that the command line or the environment asks for. Raises UsageError."""
    path = _option(words, "--log") or os.environ.get("MIGRATOR_LOG")
    if not path or "--help" in words:
        return nullcontext()
    from migrator.cli import logs

    return logs.kept(Path(path), _option(words, "--log-level") or os.environ.get("MIGRATOR_LOG_LEVEL") or "info")


def _hoisted(words: Sequence[str]) -> list[str]:
    """The command line with the options of EVERYWHERE in front, each as two words."""
    front: list[str] = []
    rest: list[str] = []
    waiting = iter(words)
    for word in waiting:
        name, equals, value = word.partition("=")
        if word == "--":
            rest += [word, *waiting]
        elif name in EVERYWHERE and equals:
            front += [name, value]
        elif name in EVERYWHERE and (following := next(waiting, None)) is not None:
            front += [name, following]
        else:
            rest.append(word)
    return front + rest
