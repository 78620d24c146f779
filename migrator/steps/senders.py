"""Who sends a batch: this process over its own connection, or one beside us (`forked`), which has a core to itself.

Whoever it is knows nothing of dispatches: what he is given has been written down before, and what he answers is written
down by us.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any, BinaryIO, Literal, Protocol

from migrator.errors import MigratorError, Outage, Reason
from migrator.model import Mailbox, Mark, Parcel, Place, Raw, Receipt, Refused
from migrator.ports import Target
from migrator.staging.store import Staging
from migrator.steps.forked import forked, hear

Opener = Callable[[], AbstractContextManager[Target]]
OpenMailbox = Callable[[Mailbox], Opener]


class Sender(Protocol):
    """As much of a target as sending needs. Used by one thread."""

    def mark(self, place: Place) -> Mark | None: ...

    def prepare(self, place: Place) -> Mark: ...

    def deliver(self, parcels: Sequence[Parcel]) -> Iterable[Receipt | Refused]:
        """As `Target.deliver`, of parcels whose bytes lie in staging."""


class Here:
    """A target of this process."""

    def __init__(self, target: Target, staging: Staging) -> None:
        self._target, self._staging = target, staging
        self.mark, self.prepare = target.mark, target.prepare

    def deliver(self, parcels: Sequence[Parcel]) -> Iterator[Receipt | Refused]:
        with self._staging.reading() as connection:
            raws = self._staging.blobs.raws(connection, {each.raw.digest for each in parcels})
        yield from self._target.deliver([replace(each, raw=raws[each.raw.digest]) for each in parcels])


Call = tuple[Literal["mark", "prepare", "deliver"], Any]


@dataclass(frozen=True, slots=True)
class _Said:
    """What came of a call, and the error that ended it."""

    values: list[Any]
    error: MigratorError | None = None

    def all(self) -> Iterator[Any]:
        """The values, and then the error raised."""
        yield from self.values
        if self.error is not None:
            raise self.error


class Senders:
    """Some processes that wait for a mailbox to send to."""

    def __init__(self, pipes: Iterable[Connection]) -> None:
        self._free: SimpleQueue[Connection] = SimpleQueue()
        for pipe in pipes:
            self._free.put(pipe)

    @contextmanager
    def sender(self, mailbox: Mailbox) -> Iterator[Sender]:
        """One of them, connected to this mailbox; waits until one is free. Raises as opening a target does."""
        pipe = self._free.get()
        try:
            away = _Away(pipe)
            away.open(mailbox)
            try:
                yield away
            finally:
                with suppress(Outage):  # it has gone; whoever was using it knows
                    away.ask(None)
        finally:
            self._free.put(pipe)


class _Away:
    """A target of another process."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def open(self, mailbox: Mailbox) -> None:
        """Connect to a mailbox, until None is asked."""
        list(self.ask(mailbox).all())

    def mark(self, place: Place) -> Mark | None:
        (mark,) = self.ask(("mark", place)).all()
        return mark  # type: ignore[no-any-return]

    def prepare(self, place: Place) -> Mark:
        (mark,) = self.ask(("prepare", place)).all()
        return mark  # type: ignore[no-any-return]

    def deliver(self, parcels: Sequence[Parcel]) -> Iterator[Receipt | Refused]:
        return self.ask(("deliver", [replace(each, raw=_named(each.raw)) for each in parcels])).all()

    def ask(self, call: Call | Mailbox | None) -> _Said:
        """Its answer. A process that was killed is an outage: what it had in hand is in doubt."""
        try:
            self._pipe.send(call)
            said: _Said = hear(self._pipe)
        except (EOFError, OSError) as error:
            raise Outage(Reason("helper.gone")) from error
        return said


def _named(raw: Raw) -> Raw:
    """A raw that can cross a pipe: its bytes are the other side's to read."""
    return Raw(raw.size, raw.digest, _unread)


def _unread() -> BinaryIO:
    raise AssertionError("these bytes were to be read out of staging")


@contextmanager
def senders(
    size: int, opened: Callable[[], AbstractContextManager[Staging]], open_mailbox: OpenMailbox
) -> Iterator[Senders]:
    """Fork senders. Call it while this process has one thread and nothing open."""

    def serve(pipe: Connection) -> None:
        mailbox = pipe.recv()
        try:
            with opened() as staging:
                while True:
                    _sit(pipe, open_mailbox(mailbox), staging)
                    mailbox = pipe.recv()
        except MigratorError as error:
            pipe.send(_Said([], error))

    with forked(size, serve) as pipes:
        yield Senders(pipes)


def _sit(pipe: Connection, open_target: Opener, staging: Staging) -> None:
    """Do one mailbox what is asked, until its sender is let go."""
    try:
        with open_target() as target:
            here = Here(target, staging)
            pipe.send(_Said([]))
            while (call := pipe.recv()) is not None:
                pipe.send(_done(here, *call))
    except MigratorError as error:
        pipe.send(_Said([], error))
    else:
        pipe.send(_Said([]))


def _done(here: Here, name: str, argument: Any) -> _Said:
    values: list[Any] = []
    try:
        match name:
            case "mark":
                values.append(here.mark(argument))
            case "prepare":
                values.append(here.prepare(argument))
            case _:
                for outcome in here.deliver(argument):
                    values.append(outcome)  # noqa: PERF402 - what came before an error counts
    except MigratorError as error:
        return _Said(values, error)
    return _Said(values)
