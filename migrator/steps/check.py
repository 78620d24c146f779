"""Look before anything moves: can everything be reached and read, and what will be different there?"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from migrator.errors import MigratorError, Reason
from migrator.model import Mailbox
from migrator.ports import Source
from migrator.routes import Routes
from migrator.staging.border import HEADROOM, free
from migrator.staging.reports import bytes_staged
from migrator.staging.store import Staging
from migrator.steps.senders import Opener

NETWORK = re.compile(r"nfs\d*|cifs|smb\w*|9p|afs|ceph|lustre|beegfs|gpfs|ocfs2|gfs2|.*(sshfs|glusterfs|rclone|s3fs)")
"""File systems on which an SQLite database and its lock cannot be trusted (sqlite.org/lockingv3.html §6)."""

SHARE = 0.7
"""Staging needs at most about so much of the store's size: bodies once each, and compressed."""


MOUNTS = Path("/proc/self/mounts")


def check_staging(database: Path | None, mounts: Path = MOUNTS) -> Iterator[Reason]:
    """An SQLite staging must lie on a disk of this machine."""
    if database is None:
        return
    kind = _file_system(database, mounts)
    if NETWORK.fullmatch(kind):
        yield Reason("check.network-disk", path=str(database), kind=kind)


def check_source(open_source: Callable[[], AbstractContextManager[Source]], staging: Staging) -> Iterator[Reason]:
    """The source opens, every account can be counted, and there is room where staging keeps what it still lacks."""
    with open_source() as source:
        size = 0
        for account in source.accounts():
            try:
                size += sum(count.bytes for count in source.census(account))
            except MigratorError as error:
                yield error.reason
        yield from _room(staging, size)
        if hasattr(source, "advice"):
            yield from source.advice()


def _room(staging: Staging, size: int) -> Iterator[Reason]:
    need = int(max(0, size - bytes_staged(staging)) * SHARE) + HEADROOM
    if staging.home is not None and need > (here := free(staging.home)):
        yield Reason("check.disk-short", folder=str(staging.home), free_mb=here // 10**6, need_mb=need // 10**6)


def check_target(
    name: str, routes: Routes, accounts: list[str], open_target: Callable[[Mailbox], Opener]
) -> Iterator[Reason]:
    """Every mailbox opens with its credentials, and what the target says of itself, each thing once."""
    told: set[Reason] = set()
    mailboxes: Mapping[Mailbox, list[str]] = routes.mailboxes(accounts)
    for mailbox in mailboxes:
        try:
            with open_target(mailbox)() as target:
                advice = list(target.advice()) if hasattr(target, "advice") else []
        except MigratorError as error:
            advice = [error.reason]
        yield from (reason for reason in advice if reason not in told)
        told.update(advice)


def _file_system(path: Path, mounts: Path) -> str:
    """The kind of the file system a path lies on, as /proc/mounts names it; empty where nobody tells."""
    try:
        lines = [line.split() for line in mounts.read_text("utf-8", "replace").splitlines()]
    except OSError:
        return ""
    places = [
        (re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), line[1]), line[2]) for line in lines if line[2:]
    ]
    here = [(mount, kind) for mount, kind in places if path.resolve().is_relative_to(mount)]
    return max(here, key=lambda each: len(each[0]), default=("", ""))[1]
