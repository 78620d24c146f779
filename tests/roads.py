"""A road from one memory world to another, for tests of the steps: short to lay, and everything on it real."""

import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from threading import Event

from adapters.memory import Memory, World, adapter, forget, world
from migrator.model import Mailbox
from migrator.ports import Source, Target
from migrator.routes import Routes
from migrator.staging.store import Staging
from migrator.steps import runner
from migrator.steps.extract import Extracted, extract
from migrator.steps.ledger import Ledger, ledger
from migrator.steps.load import Loading
from migrator.steps.undo import Loads
from migrator.steps.verify import Verified
from migrator.steps.withdraw import Taken
from tests.killing import Killed, Killer

KEEP = frozenset({"keep"})


class Hasty(Event):
    """Whoever waits on it goes on at once: outages are not waited out."""

    def wait(self, timeout: float | None = None) -> bool:
        return self.is_set()


def mail(subject: str = "hello", body: str = "text", **headers: str) -> bytes:
    """A small mail; its Message-ID is made of its subject."""
    lines = [f"Subject: {subject}", "From: sato@example.co.jp", "Date: Mon, 2 Nov 2009 09:00:00 +0900"]
    lines.append(f"Message-ID: <{subject}@example.co.jp>")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n" + body + "\r\n").encode()


@dataclass
class Road:
    """`old` is the source's world, `new` the target's."""

    name: str = field(default_factory=lambda: uuid.uuid4().hex)
    routes: Routes = field(default_factory=lambda: Routes({}, {}))

    @property
    def old(self) -> World:
        return world(f"{self.name}-old")

    @property
    def new(self) -> World:
        return world(f"{self.name}-new")

    def source(self) -> AbstractContextManager[Source]:
        assert adapter.open_source is not None
        return adapter.open_source(Memory(world=f"{self.name}-old"))

    def opener(self, mailbox: Mailbox) -> Callable[[], AbstractContextManager[Target]]:
        open_target = adapter.open_target
        assert open_target is not None
        return lambda: open_target(Memory(world=f"{self.name}-new"), mailbox)

    def loading(self, **how: object) -> Loading:
        return Loading(**({"target": "new", "routes": self.routes, "takes": KEEP, "patience": 3} | how))

    def extract(self, staging: Staging, **how: object) -> Extracted:
        with self.source() as source:
            return extract(source, staging, name="memory", **how)

    def load(self, staging: Staging, **how: object) -> Counter[str]:
        return Counter(runner.load(staging, self.opener, self.loading(**how)))

    def undo(self, staging: Staging, of_run: int, **how: object) -> tuple[Counter[str], list[Taken]]:
        counts, left = runner.undo(staging, self.opener, self.loading(**how), Loads((of_run,)))
        return Counter(counts), left

    def killed_load(self, staging: Staging, moment: str, after: int = 1, **how: object) -> None:
        """A load that is killed when this moment comes for the so-manieth time; nothing has an effect after it."""
        left, killer = count(after, -1), Killer(None)

        def interrupt(now: str) -> None:
            if now == moment and next(left) <= 1:
                killer.dead = True
            killer.moment(now)

        self.new.interrupt = interrupt
        try:
            with killer.watching(staging):
                self.load(staging, **how)
        except Killed:
            pass
        finally:
            self.new.interrupt = lambda now: None

    def done_before(self, at: int | None, folder: Path, work: Callable[[Staging], object]) -> bool:
        """Work on the SQLite staging of a folder in a process that dies at this moment, if it comes to it; whether it
        was done before. The database is opened for it, and both worlds are watched."""
        killer = Killer(at)
        self.old.interrupt = self.new.interrupt = killer.moment
        try:
            with Staging.open("sqlite:///staging.db", folder=folder) as staging, killer.watching(staging):
                work(staging)
        except Killed:
            return False
        finally:
            self.old.interrupt = self.new.interrupt = lambda moment: None
        return True

    def settle(self, staging: Staging, *, act: bool = True) -> list[str]:
        """The codes of what was told."""
        return [each.reason.code for each in runner.settle(staging, self.opener, self.loading(), act=act)]

    def verify(self, staging: Staging, bodies: float = 0.0) -> Verified:
        return runner.verify(staging, self.opener, self.loading(), bodies=bodies)[0]

    def ledger(self, staging: Staging, target: str = "new") -> Ledger:
        with self.source() as source:
            return ledger(staging, source, self.opener, target=target, routes=self.routes, takes=KEEP)

    def close(self) -> None:
        forget(f"{self.name}-old")
        forget(f"{self.name}-new")


@contextmanager
def road() -> Iterator[Road]:
    """A road that is taken up again at the end."""
    laid = Road()
    try:
        yield laid
    finally:
        laid.close()


def bodies_at(place: World, owner: str, *path: str) -> Counter[str]:
    """The digests in a place, counted."""
    return Counter(each.raw.digest for each in place.mails(owner, path))
