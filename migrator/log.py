"""What operators can read later, one event a line: words, names and numbers of our own, never what a mail says.

INFO is a line a folder, DEBUG a line a mail, WARNING what a person has to know. Nothing is made of it unless somebody
listens: the command line does, where a file is named (`migrator.cli.logs`).
"""

import logging
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import migrator
from migrator.errors import Reason

DEBUG, INFO, WARNING = logging.DEBUG, logging.INFO, logging.WARNING
_NOBODY = logging.CRITICAL + 1

LOG = logging.getLogger("migrator.log")
LOG.propagate = False  # what is for people on stderr is said there in their language
LOG.setLevel(_NOBODY)

STRANGERS = frozenset({"address", "answer", "examples", "sender", "value", "who"})
"""Parameters of a Reason in which others speak: a server's answer may quote a mail, a sender is a third party."""


def heard(level: int = DEBUG) -> bool:
    """Whether somebody listens at this level; before something is looked up only in order to be told."""
    return LOG.isEnabledFor(level)


def event(name: str, /, *, level: int = INFO, why: Reason | None = None, **fields: object) -> None:
    """One line. Fields that are None are left out; of a Reason, its code and the parameters in which we speak."""
    if LOG.isEnabledFor(level):
        LOG.log(level, "%s", name, extra={"fields": {**fields, **_why(why)}})


def hear(handler: logging.Handler, level: int) -> None:
    """From now on somebody listens."""
    LOG.addHandler(handler)
    LOG.setLevel(level)


def leave(handler: logging.Handler) -> None:
    """Nobody listens any more."""
    LOG.removeHandler(handler)
    LOG.setLevel(_NOBODY)


def _why(reason: Reason | None) -> Mapping[str, Any]:
    if reason is None:
        return {}
    return {"code": reason.code, "params": {name: of for name, of in reason.params.items() if name not in STRANGERS}}


Where = tuple[str, tuple[str, ...]]
"""An account and a folder of it, or a mailbox and a place in it."""


class Voice:
    """How one run speaks: each of its lines carries its number, step and target. Any thread may use it."""

    def __init__(self, run: int, step: str, target: str | None) -> None:
        self._named: dict[str, Any] = {"run": run, "step": step, "target": target}
        self._words = ("account", "folder") if target is None else ("mailbox", "place")
        self._seen: dict[Where, Counter[str]] = {}
        self._lock = threading.Lock()

    def mail(self, **fields: Any) -> None:
        """What became of one mail."""
        event("mail", level=DEBUG, **{**self._named, **fields})

    def setback(self, account: str, path: tuple[str, ...] | None, why: Reason) -> None:
        """A folder or account that could not be worked on."""
        event("setback", level=WARNING, why=why, **self._named, **self._at(account, path))

    def saw(self, account: str, path: tuple[str, ...], **counts: int) -> None:
        """So much more happened in this folder or place; `tell` makes one line of all of it."""
        if heard(INFO):
            with self._lock:
                self._seen.setdefault((account, path), Counter()).update(counts)

    def tell(self, account: str | None = None, path: tuple[str, ...] | None = None) -> None:
        """This folder, all folders of this account, or all there are, are done with: a line each."""
        with self._lock:
            done = [each for each in self._seen if account in (None, each[0]) and path in (None, each[1])]
            seen = {each: self._seen.pop(each) for each in done}
        for where, counts in seen.items():
            some = {word: many for word, many in counts.items() if many}
            event("folder", **{**self._named, **self._at(*where), **some})

    @contextmanager
    def of(self, counts: Mapping[str, int], *, by: str) -> Iterator[None]:
        """The first and the last line about a run, and what its folders have not told until then."""
        event("run.began", by=by, version=migrator.__version__, **self._named)
        outcome = "stopped"
        try:
            yield
            outcome = "done"
        finally:
            self.tell()
            event("run.ended", outcome=outcome, counts=dict(counts), **self._named)

    def _at(self, account: str, path: tuple[str, ...] | None) -> dict[str, Any]:
        return dict(zip(self._words, (account, None if path is None else "/".join(path)), strict=True))
