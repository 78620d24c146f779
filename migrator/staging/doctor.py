"""Is staging itself sound? Every raw is rejoined and hashed again, and every reference followed."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import zstandard
from sqlalchemy import select, text

from migrator.errors import Reason
from migrator.model import Raw
from migrator.staging import tables
from migrator.staging.store import Staging

PAGE = 200


@dataclass(slots=True)
class Examined:
    """How far the examination has come."""

    raws: int = 0
    bytes: int = 0


def examine(staging: Staging, report: Callable[[Examined], None] | None = None) -> Iterator[Reason]:
    """What is wrong with staging; nothing, where it is sound. Reads every byte."""
    yield from _database(staging)
    done = Examined()
    last = ""
    while True:
        with staging.reading() as connection:
            digests = list(
                connection.execute(
                    select(tables.raw.c.digest)
                    .where(tables.raw.c.digest > last)
                    .order_by(tables.raw.c.digest)
                    .limit(PAGE)
                ).scalars()
            )
        if not digests:
            return
        for digest in digests:
            yield from _raw(staging, digest, done)
        last = digests[-1]
        if report is not None:
            report(done)


def _raw(staging: Staging, digest: str, done: Examined) -> Iterator[Reason]:
    try:
        with staging.reading() as connection:
            kept = staging.blobs.raws(connection, [digest])[digest]
        found = _hashed(kept)
    except (OSError, zstandard.ZstdError, KeyError) as error:
        yield Reason("doctor.blob-unreadable", digest=digest, answer=type(error).__name__)
        return
    done.raws += 1
    done.bytes += kept.size
    if found != (digest, kept.size):
        yield Reason("doctor.blob-changed", digest=digest)


def _hashed(raw: Raw) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    for chunk in raw.chunks():
        digest.update(chunk)
        size += len(chunk)
    return digest.hexdigest(), size


def _database(staging: Staging) -> Iterator[Reason]:
    if not staging.sqlite:
        return
    with staging.reading() as connection:
        answer = connection.execute(text("PRAGMA quick_check(1)")).scalar()
        if answer != "ok":
            yield Reason("doctor.database-damaged", answer=str(answer))
        broken = connection.execute(text("PRAGMA foreign_key_check")).first()
        if broken is not None:
            yield Reason("doctor.reference-broken", table=str(broken[0]), row=int(broken[1] or 0))
