"""A load in this very process from a staging made once to a real Dovecot, over a proxy that strikes.

It waits for nothing but what the laws make it wait for, so that every position of every fault can be tried.
"""

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select

from adapters.imap import adapter
from adapters.imap.config import ImapConfig
from migrator.errors import MigratorError, Outage, Reason, UsageError
from migrator.locale import LANGUAGES, catalogue
from migrator.model import Mailbox
from migrator.routes import Routes
from migrator.staging import tables
from migrator.staging.store import Staging
from migrator.steps import runner
from migrator.steps.load import Loading, Opener
from migrator.steps.progress import Progress
from migrator.testing import mail
from tests.adapters.imap.conftest import config
from tests.roads import Hasty, road
from tests.servers.between import Faults, faults
from tests.servers.dovecot import Dovecot

BATCH = 50
PLACE = "box"


def staged(folder: Path, raws: Sequence[bytes], **more: Any) -> Path:
    """A staging that holds these mails in one folder of one account."""
    with road() as way, Staging.open("sqlite:///staging.db", folder=folder) as staging:
        for raw in raws:
            way.old.add("sato", (PLACE,), raw, **more)
        way.extract(staging)
    return folder / "staging.db"


def letters(count: int = BATCH) -> list[bytes]:
    return [mail(f"m{number}", b"line\r\n" * 20) for number in range(count)]


@dataclass
class Crossing:
    """One staging, one mailbox, and the proxy between."""

    staging: Staging
    dovecot: Dovecot
    faults: Faults
    owner: str
    config: ImapConfig
    reasons: list[Reason] = field(default_factory=list)
    """Everything the operator was told, whether it was waited out or not."""
    counts: Counter[str] = field(default_factory=Counter)

    def load(self, *, late_commit: float = 0.1, patience: float = 60, **how: Any) -> int:
        """The exit code that the command would end with."""
        self.reasons.clear()
        loading = Loading(
            target="new",
            routes=Routes({"sato": self.owner}, {}),
            late_commit=late_commit,
            patience=patience,
            report=self._hear,
            stop=Hasty(),
            **({"lanes": 1} | how),
        )
        try:
            self.counts = Counter(runner.load(self.staging, self._opener, loading))
        except MigratorError as error:
            self.reasons.append(error.reason)
            return 75 if isinstance(error, Outage) else 2 if isinstance(error, UsageError) else 1
        self.reasons += self._recorded()
        return int(bool(self.counts["refused"] or self.counts["in_doubt"] or self.counts["setbacks"]))

    def _opener(self, mailbox: Mailbox) -> Opener:
        open_target = adapter.open_target
        assert open_target is not None
        return lambda: open_target(self.config, mailbox)

    def _hear(self, progress: Progress) -> None:
        if progress.waits_for is not None:
            self.reasons.append(progress.waits_for)

    def _recorded(self) -> list[Reason]:
        """The newest run's setbacks and refusals."""
        with self.staging.reading() as connection:
            newest = connection.execute(select(tables.run.c.id).order_by(tables.run.c.id.desc()).limit(1)).scalar_one()
            return [
                Reason(row.code, **row.params)
                for table in (tables.setback, tables.refusal)
                for row in connection.execute(select(table.c.code, table.c.params).where(table.c.run_id == newest))
            ]

    @property
    def codes(self) -> list[str]:
        return [reason.code for reason in self.reasons]

    def arrived(self) -> Counter[str]:
        """The Message-IDs in the mailbox, counted by its administrator."""
        told = self.dovecot.doveadm("-f", "tab", "fetch", "-u", self.owner, "hdr.message-id", "mailbox", PLACE, "all")
        return Counter(told.decode().split("\n")[1:-1])

    def folders(self) -> list[str]:
        return self.dovecot.doveadm("mailbox", "list", "-u", self.owner).decode().split()

    def verified(self) -> list[str]:
        """What verify finds, every byte compared."""
        routes = Routes({"sato": self.owner}, {})
        _, run = runner.verify(self.staging, self._opener, Loading(target="new", routes=routes), bodies=1.0)
        with self.staging.reading() as connection:
            found = select(tables.finding.c.kind).where(tables.finding.c.run_id == run)
            return list(connection.execute(found).scalars())

    def check_words(self) -> None:
        """Everything that was told has its sentence, with something to do in it, in both languages."""
        for reason in self.reasons:
            for lang in LANGUAGES:
                assert len(catalogue(lang).texts[reason.code]) > 20, reason


@contextmanager
def crossing(staged: Path, folder: Path, dovecot: Dovecot, *, owner: str = "", **more: Any) -> Iterator[Crossing]:
    """A copy of a staging, and a mailbox that nobody has used before."""
    shutil.copy(staged, folder)
    owner = owner or dovecot.account()
    with (
        faults(dovecot.host, dovecot.port) as proxy,
        Staging.open("sqlite:///staging.db", folder=folder) as staging,
    ):
        yield Crossing(staging, dovecot, proxy, owner, config(proxy.port, **more))
