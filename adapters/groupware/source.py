"""The source: one legacy store, read under its mapping."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from adapters.files.reading import Content, readable_path, stamp
from adapters.files.rules import dated
from adapters.groupware.catalogue import Artefact, Catalogue
from adapters.groupware.census import census
from adapters.groupware.checks import undocumented
from adapters.groupware.claims import Claim
from adapters.groupware.desks import Desks
from adapters.groupware.mapping import StoreMapping
from adapters.groupware.opening import LARGEST, Opener
from adapters.groupware.store import Part, Store
from migrator.errors import Reason
from migrator.inboxes import Member, Principal, SharedInbox, Work
from migrator.model import (
    Account,
    Count,
    DateSource,
    Evidence,
    Folder,
    Identity,
    Item,
    NotMail,
    Raw,
    Unchanged,
    Unreadable,
)
from migrator.ports import Known, LeftOut

if TYPE_CHECKING:  # SQLAlchemy takes its time, and few stores need it
    from adapters.groupware.live import Databases

LINK = "link"
"""The rule by which a link that no row names is no mail: the file it leads to lies in the store itself."""


def _indexed(artefact: Artefact) -> tuple[Evidence, ...]:
    return () if artefact.received is None else (Evidence(DateSource.INDEX, artefact.received),)


def _told(artefact: Artefact, claim: Claim) -> str:
    """A claim's path, where the name of what lies in a file is one step of it; a row's table and key."""
    if not claim.files:
        return artefact.key.split(":", 2)[2]
    return readable_path(claim.files[0]) + "".join(f"@{place.replace('/', '+')}" for place in claim.places if place)


class GroupwareSource:
    """A store of one file a mail with an index beside it; looked at part by part, as the engine asks for accounts."""

    def __init__(
        self, mapping: StoreMapping, opener: Opener, databases: "Databases | None" = None, *, rooted: bool = True
    ) -> None:
        self._mapping, self._opener, self._databases, self._rooted = mapping, opener, databases, rooted
        self._tree = opener.tree
        self._begin()

    def _begin(self) -> None:
        """Look at the store anew, and at its databases as they are then."""
        self.close()
        self._store = Store(self._mapping, self._opener, self._databases)
        self._counts: dict[str, list[Count]] = {}
        self._forget()

    def close(self) -> None:
        """Let go of what lives."""
        if self._databases is not None:
            self._databases.end()

    def _forget(self) -> None:
        """Let the catalogue go; an iterator that still reads from it keeps it alive."""
        self._part: Part | None = None
        self._catalogue: Catalogue | None = None
        self._told: set[str] = set()

    @property
    def exact(self) -> bool:
        return True

    def identity(self) -> Identity:
        """The root's and its databases', whatever the mapping is called."""
        root = self._tree.identity().store if self._rooted else "databases:"
        return Identity(root + ("" if self._databases is None else self._databases.identity()))

    def accounts(self) -> Iterator[Account]:
        """In the order of their table, those of people who have left too; last nobody's, where something is."""
        self._begin()
        for name in self._store.accounts:
            yield Account(name)
        if any(self._look("").folders("")):
            yield Account("")

    def folders(self, account: Account) -> Iterator[Folder]:
        """As the tables list them; last the unnamed one, where something lies in no folder."""
        if account.name in self._told:  # asked again: a new pass
            self._forget()
        catalogue = self._look(account.name)
        self._told.add(account.name)
        yield from catalogue.folders(account.name)

    def census(self, account: Account) -> Iterator[Count]:
        """The rows, and the files that no row names. Whoever asks again is answered by a new count."""
        if account.name not in self._counts:
            self._counts = census(self._store, self._store.part(account.name))
        yield from self._counts.pop(account.name)

    def items(
        self, folder: Folder, *, after: str | None, known: Known
    ) -> Iterator[Item | Unchanged | Unreadable | NotMail]:
        """The folder's rows, and the files that no row names, in the order of their keys."""
        for artefact in self._look(folder.account.name).artefacts(folder, after):
            if (found := self._found(artefact, known)) is not None:
                yield found

    def advice(self) -> Iterator[Reason]:
        """What the mapping leaves in the dark, and what is odd in the store but costs no mail."""
        yield from undocumented(self._mapping)
        store = Store(self._mapping, self._opener, self._databases)
        for part in dict.fromkeys(store.parts.values()):
            yield from Catalogue(store, part).advice()
        yield from Desks(store).advice()
        yield from store.doubts.advice()

    def left_out(self) -> Iterator[LeftOut]:
        """All that a rule of the mapping names; what cannot be read now is left out of this, too."""
        rules = self._mapping.not_mail.keys() | self._mapping.left_out
        for account in self.accounts():
            catalogue = self._look(account.name)
            for folder in catalogue.folders(account.name):
                for artefact in catalogue.artefacts(folder, None):
                    if artefact.claim is None or artefact.rule not in rules:
                        continue
                    content = self._read(artefact, artefact.claim)
                    if isinstance(content, Content):
                        yield LeftOut(
                            folder=folder, path=_told(artefact, artefact.claim), rule=artefact.rule, raw=content.raw
                        )

    # -- shared inboxes --

    def inboxes(self) -> Iterator[SharedInbox]:
        """Those that the mapping describes, looked at anew."""
        self._begin()
        yield from Desks(self._store).inboxes()

    def principals(self) -> Iterator[Principal]:
        yield from Desks(self._store).principals()

    def members(self, inbox: SharedInbox) -> Iterator[Member]:
        yield from Desks(self._store).members(inbox)

    def work(self, inbox: SharedInbox) -> Iterator[Work | Unreadable]:
        catalogue = self._look(inbox.account.name)
        desks = Desks(self._store)
        yield from desks.work(inbox, catalogue.cited)
        parts = {self._store.part(account): account for account in self._store.accounts}
        yield from desks.loose(inbox, (self._look(account).holds for account in parts.values()))

    def _look(self, account: str) -> Catalogue:
        part = self._store.part(account)
        if self._catalogue is None or part is not self._part:
            self._forget()
            self._part, self._catalogue = part, Catalogue(self._store, part)
        return self._catalogue

    def _is_link(self, path: bytes) -> bool:
        return os.path.islink(self._tree.full(path))  # noqa: PTH114 - bytes

    def _found(self, artefact: Artefact, known: Known) -> Item | Unchanged | Unreadable | NotMail | None:
        """What an artefact turns out to be; None for a file without a row that has gone since it was listed."""
        key, claim, reason = artefact.key, artefact.claim, artefact.reason
        if claim is None:
            assert reason is not None
            table = reason.params.get("file")
            return Unreadable(key=key, path=None if table is None else str(table), reason=reason)
        if claim.places != ("",):
            return self._taken(artefact, claim, known)
        path = claim.files[0]
        status = self._tree.look(path)
        size = 0 if isinstance(status, Reason) else status.st_size
        if artefact.rule is not None:
            return NotMail(key=key, rule=artefact.rule, size=size)
        if size and not artefact.digest and self._is_link(path):
            return NotMail(key=key, rule=LINK, size=size)
        if reason is None and size > LARGEST:
            reason = Reason("groupware.too-large", place=readable_path(path), limit=LARGEST)
        if reason is not None:
            return Unreadable(key=key, path=readable_path(path), reason=reason, size=size)
        if not isinstance(status, Reason):
            proof = f"{stamp(status)}.{artefact.digest}"
            if known(key, proof):
                return Unchanged(key=key, stamp=proof, flags=artefact.flags)
        content = status if isinstance(status, Reason) else self._read(artefact, claim)
        if not isinstance(content, Reason):
            return Item(
                key=key,
                stamp=f"{content.stamp}.{artefact.digest}",
                raw=content.raw,
                flags=artefact.flags,
                dates=(*_indexed(artefact), *dated(path.rpartition(b"/")[2])),
                path=readable_path(path),
            )
        if content.code == "file.missing":
            if not artefact.digest:
                return None
            content = Reason("groupware.file-missing", path=readable_path(path))
        return Unreadable(key=key, path=readable_path(path), reason=content, size=size)

    def _taken(self, artefact: Artefact, claim: Claim, known: Known) -> Item | Unchanged | Unreadable | NotMail:
        """A mail that is no file of its own."""
        key, place = artefact.key, claim.path
        if artefact.reason is not None:
            return Unreadable(key=key, path=place, reason=artefact.reason)
        content = self._read(artefact, claim)
        if artefact.rule is not None:
            return NotMail(key=key, rule=artefact.rule, size=content.raw.size if isinstance(content, Content) else 0)
        if isinstance(content, Content) and not content.raw.size:
            content = Reason("groupware.cell-empty") if place is None else Reason("file.empty", path=place)
        if isinstance(content, Reason):
            return Unreadable(key=key, path=place, reason=content)
        # The file around it changes with every mail that comes: only its own bytes tell whether it is the same.
        proof = f"{content.raw.digest}.{artefact.digest}"
        if known(key, proof):
            return Unchanged(key=key, stamp=proof, flags=artefact.flags)
        return Item(key=key, stamp=proof, raw=content.raw, flags=artefact.flags, dates=_indexed(artefact), path=place)

    def _read(self, artefact: Artefact, claim: Claim) -> Content | Reason:
        """What a claim leads to."""
        if artefact.remain is not None:
            return artefact.remain.read(self._opener)
        if artefact.message is None and claim.cells:
            return Content(Raw.of(claim.cells[0]), "")
        if artefact.message is None:
            return self._tree.read(claim.files[0])
        return self._mapping.messages[artefact.message].container.read(claim, self._opener)
