"""From what a source gives to what staging stores: in batches, worked on in threads, written in the source's order."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any

from migrator import log
from migrator.mail import HEAD
from migrator.mail.bounded import Pool
from migrator.mail.letter import Facts, Letter, reader
from migrator.model import DateSource, Evidence, Folder, Item, NotMail, Unchanged, Unreadable
from migrator.staging.blobs import Pieces, compress
from migrator.staging.facts import Entry, Read
from migrator.staging.store import Run, now
from migrator.staging.walk import Part, Walk
from migrator.steps.progress import Progress, Report

BATCH_ITEMS = 500
BATCH_BYTES = 16 * 2**20
"""One transaction holds at most so much; a larger mail is a batch of its own."""

UNCHANGED_ITEMS = 5_000

CLOCKS = timedelta(minutes=30)
"""So far may a server's clock have been ahead of ours; what claims to be newer has a wrong date."""

READERS = 2
"""Threads that hash, parse and compress while the next batch is read and the last one written."""

LETTERS = Pool(reader)

Found = Item | Unchanged | Unreadable | NotMail


@dataclass(slots=True)
class _Batch:
    """What was found since the last batch, folder by folder."""

    folders: list[tuple[Folder, list[Found]]] = field(default_factory=list)
    done: set[Folder] = field(default_factory=set)
    items: int = 0
    bytes: int = 0

    def of(self, folder: Folder) -> list[Found]:
        if not self.folders or self.folders[-1][0] != folder:
            self.folders.append((folder, []))
        return self.folders[-1][1]


class Intake:
    """Takes what one account's folders give, one folder after the other. Used by one thread."""

    def __init__(self, walk: Walk, run: Run, report: Report) -> None:
        self._walk, self._run, self._report = walk, run, report
        self._pool = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
        self._until = now() + CLOCKS
        self._batch = _Batch()
        self._working: deque[tuple[_Batch, list[Future[list[Entry]]]]] = deque()
        self._neighbour: tuple[Folder, Evidence] | None = None

    def __enter__(self) -> "Intake":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def add(self, folder: Folder, found: Found) -> None:
        """The folder's next artefact."""
        size = found.raw.size if isinstance(found, Item) else 0
        if self._batch.items and self._batch.bytes + size > BATCH_BYTES:
            self._begin()
        self._batch.of(folder).append(found)
        self._batch.items += 1
        self._batch.bytes += size
        if self._batch.items >= (BATCH_ITEMS if self._batch.bytes else UNCHANGED_ITEMS):
            self._begin()

    def end(self, folder: Folder) -> None:
        """The folder has been walked to its end."""
        self._batch.of(folder)
        self._batch.done.add(folder)
        if len(self._batch.folders) >= BATCH_ITEMS:
            self._begin()

    def flush(self) -> None:
        """Everything taken so far is stored when this returns."""
        self._begin()
        while self._working:
            self._write()

    def _begin(self) -> None:
        batch, self._batch = self._batch, _Batch()
        if batch.folders:
            found = [each for _, many in batch.folders for each in many]
            share = max(1, -(-len(found) // READERS))
            work = [self._pool.submit(_read_all, each, self._until) for each in _shares(found, share)]
            self._working.append((batch, work))
        while len(self._working) > 1:
            self._write()

    def _write(self) -> None:
        batch, work = self._working.popleft()
        entries = self._with_bodies([entry for each in work for entry in each.result()])
        parts: list[Part] = []
        for folder, found in batch.folders:
            mine, entries = entries[: len(found)], entries[len(found) :]
            mine = self._walk.as_known(folder, mine)
            parts.append(Part(folder, list(self._dated(folder, mine)), folder in batch.done))
        self._count(parts, self._walk.put(parts))

    def _with_bodies(self, entries: list[Entry]) -> list[Entry]:
        """Compress the bodies that staging does not have yet."""
        missing = self._walk.missing([entry.pieces for entry in entries if isinstance(entry, Read)])
        bodies = dict(zip(missing, self._pool.map(compress, missing.values()), strict=True))
        return [
            replace(entry, body=bodies.get(entry.pieces.body_digest)) if isinstance(entry, Read) else entry
            for entry in entries
        ]

    def _dated(self, folder: Folder, entries: list[Entry]) -> Iterator[Entry]:
        """Mail without any date gets that of its nearest dated neighbour in the folder, before it or else behind."""
        before = self._neighbour[1] if self._neighbour is not None and self._neighbour[0] == folder else None
        ahead = next((each.received for each in entries if isinstance(each, Read) and _is_dated(each)), None)
        for entry in entries:
            if not isinstance(entry, Read):
                yield entry
            elif _is_dated(entry):
                before = entry.received
                self._neighbour = folder, before
                yield entry
            else:
                near = before or ahead
                yield entry if near is None else replace(entry, received=Evidence(DateSource.NEIGHBOUR, near.at))

    def _count(self, parts: Iterable[Part], known: int) -> None:
        self._run.count("items", -known)
        self._run.count("unchanged", known)
        for part in parts:
            sizes = [entry.item.raw.size for entry in part.entries if isinstance(entry, Read)]
            counts = {"items": len(sizes), "bytes": sum(sizes)}
            for word, kind in (("unchanged", Unchanged), ("faults", Unreadable), ("not_mail", NotMail)):
                counts[word] = sum(isinstance(entry, kind) for entry in part.entries)
            for word, many in counts.items():
                self._run.count(word, many)
            self._log(part, counts)
            self._report(
                Progress(
                    step="extract",
                    account=part.folder.account.name,
                    path=part.folder.path,
                    items=len(part.entries),
                    bytes=sum(sizes),
                )
            )

    def _log(self, part: Part, counts: Mapping[str, int]) -> None:
        name, path = part.folder.account.name, part.folder.path
        if log.heard():
            for entry in part.entries:
                its = _became(entry)
                self._run.log.mail(account=name, folder="/".join(path), **its)
        self._run.log.saw(name, path, **counts)
        if part.done:
            self._run.log.tell(name, path)


def _became(entry: Entry) -> dict[str, Any]:
    """What the log says of an artefact."""
    match entry:
        case Read(item=item):
            return {"key": item.key, "became": "staged", "bytes": item.raw.size}
        case Unreadable(key=key, reason=reason):
            return {"key": key, "became": "unreadable", "why": reason}
        case NotMail(key=key, rule=rule):
            return {"key": key, "became": "not-mail", "rule": rule}
        case Unchanged(key=key):
            return {"key": key, "became": "unchanged"}


def _shares(found: list[Found], size: int) -> Iterator[list[Found]]:
    return (found[at : at + size] for at in range(0, len(found), size))


def _is_dated(read: Read) -> bool:
    return read.received.source != DateSource.NONE


def _read_all(found: list[Found], until: datetime) -> list[Entry]:
    """Everything that is read off each mail, once."""
    items = [each for each in found if isinstance(each, Item)]
    cut = [Pieces.of(item.raw) for item in items]
    facts = LETTERS.read([_letter(item, pieces, until) for item, pieces in zip(items, cut, strict=True)])
    read = map(_read, items, cut, facts)
    return [next(read) if isinstance(each, Item) else each for each in found]


def _letter(item: Item, pieces: Pieces, until: datetime) -> Letter:
    head = pieces.head or (pieces.body or b"")[:HEAD]
    return Letter(head, pieces.body, item.raw.size, tuple(item.dates), until)


def _read(item: Item, pieces: Pieces, facts: Facts) -> Read:
    return Read(item=item, pieces=pieces, envelope=facts.envelope, health=facts.health, received=facts.received)
