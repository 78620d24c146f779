"""How many artefacts each folder holds, counted another way than by reading them: the rows, and the files no row names.

The catalogue joins index and listing in a database and keys every artefact; here there are only sets and sums.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b

from adapters.groupware.claims import Claim
from adapters.groupware.left import left
from adapters.groupware.listing import listing
from adapters.groupware.places import Places
from adapters.groupware.remains import Shares
from adapters.groupware.store import Part, Store
from adapters.groupware.tables import BadRow, Tables
from migrator.errors import Reason
from migrator.model import Account, Count, Folder, Path


@dataclass(slots=True)
class _Sum:
    artefacts: int = 0
    bytes: int = 0

    def add(self, size: int) -> None:
        self.artefacts += 1
        self.bytes += size


def census(store: Store, part: Part) -> dict[str, list[Count]]:
    """The counts of a part's folders by account, those of empty folders too. Raises UsageError, Outage."""
    tables = store.tables(part, counting=True)
    places = Places(store, part, tables)
    sums: dict[tuple[str, Path], _Sum] = defaultdict(_Sum)
    claimed: set[bytes] = set()
    with Shares(store.shared) as shares:
        for folder, claim in _rows(store, part, tables, places, shares):
            sums[folder.account.name, folder.path].add(0 if claim is None else _claimed(store, claim))
            if claim is not None:
                claimed.update(map(_short, (*claim.files, *claim.also)))
                sums[folder.account.name, folder.path].artefacts += sum(1 for _ in store.absent(claim))
        for remain in shares.remains(store.opener):
            folder = places.of_path(store.decoded(remain.path))
            sums[folder.account.name, folder.path].add(0)
    for row in left(store, part, tables):
        sums[row.folder.account.name, row.folder.path].add(len(row.data))
    for path, reason in listing(store.tree, part.heads, part.beside):
        if reason is not None or _short(path) not in claimed:
            folder = places.of_path(store.decoded(path))
            sums[folder.account.name, folder.path].add(0 if reason is not None else _size(store, path))
    return {name: [*_counts(name, places, sums)] for name in part.names}


def _rows(
    store: Store, part: Part, tables: Tables, places: Places, shares: Shares
) -> Iterator[tuple[Folder, Claim | None]]:
    """The folder of every row, and where it says that its mail lies."""
    for number, messages in enumerate(store.mapping.messages):
        for row in tables.rows(messages.table):
            if isinstance(row, BadRow):
                yield places.unnamed(row.above), None
            else:
                claim = store.claim(number, row.values, tables)
                if isinstance(claim, Claim):
                    shares.add(messages.container.shares(claim))
                yield places.of_row(row.values, number), None if isinstance(claim, Reason) else claim
    for bad in (*tables.bad, *(store.common.bad if part.common else ())):
        yield places.unnamed(bad.above), None


def _counts(name: str, places: Places, sums: dict[tuple[str, Path], _Sum]) -> Iterator[Count]:
    for folder in (*places.folders(name), Folder(Account(name), ())):
        if folder.path or (name, ()) in sums:
            found = sums[name, folder.path]
            yield Count(folder, found.artefacts, found.bytes)


def _claimed(store: Store, claim: Claim) -> int:
    """Bytes of the files that are one mail each, and of the cells; what lies in a larger file is not measured."""
    whole = [path for path, place in zip(claim.files, claim.places, strict=True) if not place]
    return sum(_size(store, path) for path in whole) + sum(map(len, claim.cells))


def _size(store: Store, path: bytes) -> int:
    status = store.tree.look(path)
    return 0 if isinstance(status, Reason) else status.st_size


def _short(path: bytes) -> bytes:
    return blake2b(path, digest_size=12).digest()
