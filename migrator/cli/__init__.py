"""The command line. One module a family of commands (`app` lists them); `console` is how they speak and end."""

import gc
import sys
from collections.abc import Sequence
from itertools import pairwise

from migrator.cli import console
from migrator.errors import UsageError
from migrator.locale import language, speak

EVERYWHERE = ("--dir", "--lang")
"""Options of `migrator` itself that may also stand behind the command, where people type them."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code (architecture.md §5)."""
    words = _hoisted(sys.argv[1:] if argv is None else argv)
    option = next((value for name, value in pairwise(words) if name == "--lang"), None)
    try:
        speak(language(option))
    except UsageError as error:
        speak(language())
        return console.stopped(error)
    gc.set_threshold(50_000)  # imports make many objects, and they all stay
    try:
        with console.listening():
            return console.run(lambda: _command(words or ["--help"]))
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
