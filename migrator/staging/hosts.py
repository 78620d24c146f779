"""What many hosts share through a staging on PostgreSQL: a room for their queue, a clock, slots, and files of blobs."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

from sqlalchemy import func, select, text

from migrator.errors import Reason, UsageError
from migrator.staging.border import private_file
from migrator.staging.store import Staging, database_clock, server_arguments
from migrator.staging.tables import blob

CANARY = "canary"
"""A file beside the blobs that holds the staging's own number."""

SAMPLE = 20
"""Blobs whose pack is looked at."""

ASKED = 1.0
"""Seconds between two looks for a free slot."""


def queue_room(staging: Staging, name: str, schema: str) -> dict[str, Any]:
    """How to connect to the queue's own schema, made with these statements where it is missing. Raises UsageError."""
    if staging.sqlite:
        raise UsageError(Reason("fleet.needs-postgresql"))
    with staging.writing() as connection:
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {name}"))
        connection.execute(text(f"SET LOCAL search_path = {name}"))
        if connection.execute(select(func.to_regclass(f"{name}.procrastinate_jobs"))).scalar() is None:
            connection.execution_options(no_parameters=True).exec_driver_sql(schema)
    url = staging.engine.url
    arguments = {**staging.engine.dialect.create_connect_args(url)[1], **server_arguments(url)}
    return arguments | {"options": f"{arguments['options']} -c search_path={name}"}


def later(staging: Staging, seconds: float) -> datetime:
    """So many seconds from now, by the clock that all hosts share."""
    with staging.reading() as connection:
        return datetime.fromtimestamp(database_clock(connection) / 1_000_000, UTC) + timedelta(seconds=seconds)


@contextmanager
def slot(staging: Staging, target: str, many: int | None, stop: Event) -> Iterator[bool]:
    """Wait until fewer than `many` mailboxes of a target are worked on, on all hosts together, and count as one more.

    False where the wait was ended by `stop`. A slot dies with its holder.
    """
    while many is not None and not stop.is_set():
        for number in random.sample(range(many), many):
            with staging.session_lock(f"slot/{target}/{number}") as got:
                if got:
                    yield True
                    return
        stop.wait(ASKED)
    yield not stop.is_set()


def show_files(staging: Staging) -> bool:
    """Lay a canary beside the blobs that lie in files; False where none do."""
    folder = staging.blobs.folder
    if not folder.is_dir():
        return False
    with staging.border(), open(folder / CANARY, "w", encoding="ascii", opener=private_file) as file:
        file.write(staging.uuid)
    return True


def prove_files(staging: Staging) -> None:
    """This host reads the very files that staging names: the canary, and packs as long as they have to be.

    Raises UsageError.
    """
    folder = staging.blobs.folder
    its = blob.c
    some = select(its.digest).where(its.pack.is_not(None)).limit(SAMPLE).subquery()
    with staging.reading() as connection:
        packs = connection.execute(select(its.pack, its.offset + its.length).where(its.digest.in_(select(some)))).all()
    try:
        theirs = (folder / CANARY).read_text("ascii")
        whole = all(staging.blobs.pack_path(pack).stat().st_size >= end for pack, end in packs)
    except (OSError, UnicodeDecodeError) as error:
        raise _elsewhere(staging, type(error).__name__) from error
    if theirs != staging.uuid or not whole:
        raise _elsewhere(staging, CANARY)


def _elsewhere(staging: Staging, answer: str) -> UsageError:
    return UsageError(Reason("fleet.blobs-elsewhere", host=staging.host, path=str(staging.blobs.folder), answer=answer))
