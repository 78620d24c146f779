"""Exchange as a source: the mailboxes of a list, one after the other. Nothing is asked but FindFolder, GetFolder,
FindItem and GetItem, none of which changes a mail or sends a receipt."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from lxml import etree

from adapters.microsoft.folders import Entry
from adapters.microsoft.words import instant
from migrator.errors import FolderError, Outage, Reason, UsageError
from migrator.model import (
    DRAFT,
    Account,
    Count,
    DateSource,
    Evidence,
    Flag,
    Folder,
    Identity,
    Item,
    NotMail,
    Raw,
    Unchanged,
    Unreadable,
)
from migrator.ports import Known

from . import reading
from .config import ExchangeConfig
from .connect import connect
from .folders import SEARCH, Tree
from .parting import Parts
from .troubles import GONE, NOT_NOW, Refusal
from .wire import Answer, Wire
from .words import DELIVERED, ENTRY_ID, FLAG_STATUS, FOLLOWED, LAST_VERB, SIZE, identified, t

TOGETHER, TOGETHER_BYTES = 25, 4 * 2**20
"""Mails asked for in one request; a larger one is asked for alone."""

BROKEN = ("exchange.unanswered", "exchange.answer-broken")
"""What a mail may do to the connection that carries it."""

FOLDERS = 100
"""Folders counted in one request."""

_ROW = reading.shape(
    "".join(
        f'<t:FieldURI FieldURI="{name}"/>'
        for name in (
            "item:ItemClass",
            "item:Subject",
            "item:DateTimeReceived",
            "item:Size",
            "item:Categories",
            "item:IsDraft",
            "item:DateTimeSent",
            "item:HasAttachments",
            "item:LastModifiedTime",
            "message:InternetMessageId",
            "message:IsRead",
        )
    )
    + "".join(each.field for each in (DELIVERED, FLAG_STATUS, FOLLOWED, LAST_VERB, ENTRY_ID))
)
_MAIL = reading.shape("", mime=True)

OTHER_THINGS = {
    "CalendarItem": "appointment",
    "Contact": "contact",
    "DistributionList": "contact",
    "Task": "task",
}
OTHER_CLASSES = {
    "ipm.appointment": "appointment",
    "ipm.contact": "contact",
    "ipm.distlist": "contact",
    "ipm.task": "task",
    "ipm.stickynote": "note",
    "ipm.activity": "journal",
}
"""What is no mail, by its element and by its class with all below it ([MS-OXCMSG] 2.2.1.3, [MS-OXPROPS] 1.3). Meeting
requests, reports of delivery, signed mails and posts are mails."""


@contextmanager
def open_source(config: ExchangeConfig) -> Iterator["ExchangeSource"]:
    """Raises UsageError."""
    if not config.accounts:
        raise UsageError(Reason("exchange.accounts-missing"))
    source = ExchangeSource(config)
    try:
        yield source
    finally:
        source.close()


class ExchangeSource:
    """`ports.Source` over EWS; also `ports.Advises`."""

    exact = False

    def __init__(self, config: ExchangeConfig) -> None:
        self._config = config
        self._visit: tuple[Account, Wire, Tree] | None = None

    def close(self) -> None:
        if self._visit:
            self._visit[1].close()
            self._visit = None

    def _at(self, account: Account) -> tuple[Wire, Tree]:
        """The account's connection and folders; the one before is closed. Raises AccountError, UsageError, Outage."""
        if self._visit is None or self._visit[0] != account:
            self.close()
            address = self._config.accounts.get(account.name, account.name)
            wire = connect(self._config, account=account.name, address=address)
            self._visit = (account, wire, Tree(wire, address, delegate=self._config.access == "delegate"))
        return self._visit[1:]

    # -- what is there -----------------------------------------------------------------------------------------------

    def identity(self) -> Identity:
        wire, tree = self._at(next(self.accounts()))
        assert tree.top
        return Identity(f"exchange {urlsplit(wire.endpoint).hostname}")

    def accounts(self) -> Iterator[Account]:
        return map(Account, self._config.accounts)

    def folders(self, account: Account) -> Iterator[Folder]:
        for entry in self._entries(account):
            if entry.holds_mail:
                yield Folder(account, entry.path, entry.role)

    def census(self, account: Account) -> Iterator[Count]:
        """By the counters that the store keeps of each folder."""
        entries = [entry for entry in self._entries(account) if entry.holds_mail]
        with self._told(account):
            for entry, items, size in _counted(self._at(account)[0], entries):
                yield Count(Folder(account, entry.path, entry.role), items, size)

    def advice(self) -> Iterator[Reason]:
        """Folders that are left out although something lies in them."""
        for account in self.accounts():
            others = [entry for entry in self._entries(account) if not entry.holds_mail]
            with self._told(account):
                for entry, items, _ in _counted(self._at(account)[0], others):
                    if items:
                        code = "exchange.search-folder-out" if entry.kind == SEARCH else "exchange.folder-out"
                        yield Reason(code, account=account.name, folder="/".join(entry.path), items=items)

    def _entries(self, account: Account) -> list[Entry]:
        """All folders as they are now."""
        _, tree = self._at(account)
        tree.forget()
        return list(tree.entries.values())

    # -- the mails ---------------------------------------------------------------------------------------------------

    def items(
        self, folder: Folder, *, after: str | None, known: Known
    ) -> Iterator[Item | Unchanged | Unreadable | NotMail]:
        wire, tree = self._at(folder.account)
        shown = "/".join(folder.path)
        entry = next((each for each in tree.entries.values() if each.path == folder.path and each.holds_mail), None)
        if entry is None:
            raise FolderError(Reason("exchange.no-such-folder", account=folder.account.name, folder=shown))
        with self._told(folder.account, shown):
            rows = sorted(reading.listed(wire, entry.identity, _ROW, Row.of), key=lambda row: row.key)
            yield from _Walk(wire, shown).items([row for row in rows if after is None or row.key > after], known)

    @contextmanager
    def _told(self, account: Account, folder: str = "") -> Iterator[None]:
        """A refusal that nobody below has understood, as one of our errors."""
        try:
            yield
        except Refusal as refusal:
            raise refusal.meaning(self._config.accounts.get(account.name, account.name), folder) from refusal


def _counted(wire: Wire, entries: Sequence[Entry]) -> Iterator[tuple[Entry, int, int]]:
    """How many items each folder holds, and their bytes. Raises Refusal."""
    for at in range(0, len(entries), FOLDERS):
        some = entries[at : at + FOLDERS]
        ids = "".join(identified("FolderId", entry.identity) for entry in some)
        answers = wire.call(
            "<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>"
            f'<t:FieldURI FieldURI="folder:TotalCount"/>{SIZE.field}</t:AdditionalProperties></m:FolderShape>'
            f"<m:FolderIds>{ids}</m:FolderIds></m:GetFolder>"
        )
        for entry, answer in zip(some, answers, strict=True):
            if answer.code == "ErrorFolderNotFound":  # it has gone since the listing
                continue
            if not answer.ok:
                raise answer.refusal
            (found,) = answer
            yield entry, int(found.findtext(t("TotalCount")) or 0), int(SIZE.of(found) or 0)


@dataclass(frozen=True, slots=True)
class Row:
    """One item of a listing."""

    key: str
    identity: str
    stamp: str
    size: int
    flags: frozenset[Flag]
    received: datetime | None
    other: str | None
    """What it is, where it is no mail."""

    @classmethod
    def of(cls, item: etree._Element) -> "Row":
        """Raises UsageError where the server gives no numbers."""
        flags = reading.flags_of(item)
        size = int(item.findtext(t("Size")) or 0)
        return cls(
            key=reading.lasting(item),
            identity=reading.identity(item)[0],
            stamp=f"{size}-{_content(item, draft=DRAFT in flags)}",
            size=size,
            flags=flags,
            received=instant(DELIVERED.of(item)) or instant(item.findtext(t("DateTimeReceived"))),
            other=_other(item),
        )


_TOLD = ("ItemClass", "Subject", "DateTimeSent", "HasAttachments", "InternetMessageId")


def _content(item: etree._Element, *, draft: bool) -> str:
    """A digest of what a listing tells of the content. The time of the last change counts for drafts alone: of other
    mails it says mostly that somebody has flagged or categorised them."""
    told = [item.findtext(t(name)) or "" for name in (*_TOLD, *(("LastModifiedTime",) if draft else ()))]
    return hashlib.sha256("\0".join(told).encode("utf-8", "replace")).hexdigest()[:16]


def _other(item: etree._Element) -> str | None:
    element = etree.QName(item).localname
    if element in OTHER_THINGS:
        return OTHER_THINGS[element]
    kind = (item.findtext(t("ItemClass")) or "").lower()
    return next((what for name, what in OTHER_CLASSES.items() if kind == name or kind.startswith(name + ".")), None)


class _Walk:
    """One folder's items in the order of their keys."""

    def __init__(self, wire: Wire, shown: str) -> None:
        self._wire = wire
        self._shown = shown

    def items(self, rows: Sequence[Row], known: Known) -> Iterator[Item | Unchanged | Unreadable | NotMail]:
        """Raises Refusal, Outage."""
        staged = [row.other is None and known(row.key, row.stamp) for row in rows]
        bodies = self._bodies(
            [row for row, is_staged in zip(rows, staged, strict=True) if not is_staged and not row.other]
        )
        for row, is_staged in zip(rows, staged, strict=True):
            if row.other:
                yield NotMail(key=row.key, rule=f"exchange.{row.other}", size=row.size)
            elif is_staged:
                yield Unchanged(key=row.key, stamp=row.stamp, flags=row.flags)
            elif item := next(bodies):
                yield item

    def _bodies(self, wanted: Sequence[Row]) -> Iterator[Item | Unreadable | None]:
        """One outcome for each, in order; None for what has gone meanwhile."""
        for some in _together(wanted):
            yield from self._asked(some)

    def _asked(self, some: Sequence[Row]) -> Iterator[Item | Unreadable | None]:
        """One of these may end the connection, and shall not keep its neighbours from us: after a line that broke each
        is asked for alone. One that breaks it alone is a fault, if the server is still there."""
        try:
            found = self._fetched(some)
        except Outage as outage:
            if outage.reason.code not in BROKEN:
                raise
            if len(some) > 1:
                for row in some:
                    yield from self._asked([row])
                return
            reading.look(self._wire, some[0].identity, reading.NUMBER)
            found = [self._unreadable(some[0], outage.reason.code.rpartition(".")[2])]
        yield from found

    def _fetched(self, some: Sequence[Row]) -> list[Item | Unreadable | None]:
        parts = Parts()
        ids = "".join(identified("ItemId", row.identity) for row in some)
        answers = self._wire.call(f"<m:GetItem>{_MAIL}<m:ItemIds>{ids}</m:ItemIds></m:GetItem>", parts)
        return [self._outcome(row, answer, parts) for row, answer in zip(some, answers, strict=True)]

    def _outcome(self, row: Row, answer: Answer, parts: Parts) -> Item | Unreadable | None:
        if answer.code in GONE:
            return None
        if answer.code in NOT_NOW:
            raise answer.refusal
        item = next(iter(answer), None) if answer.ok else None
        raw = None if item is None else parts.of(item)
        if raw is None:
            return self._unreadable(row, answer.code)
        return self._item(row, raw)

    def _unreadable(self, row: Row, answer: str) -> Unreadable:
        reason = Reason("exchange.unreadable", folder=self._shown, answer=answer)
        return Unreadable(key=row.key, path=self._shown, reason=reason, size=row.size)

    def _item(self, row: Row, raw: Raw) -> Item:
        return Item(
            key=row.key,
            stamp=row.stamp,
            raw=raw,
            flags=row.flags,
            dates=(Evidence(DateSource.SPOOL, row.received),) if row.received else (),
            path=self._shown,
        )


def _together(wanted: Sequence[Row]) -> Iterator[list[Row]]:
    """In requests of bounded number and bytes."""
    some: list[Row] = []
    size = 0
    for row in wanted:
        if some and (len(some) == TOGETHER or size + row.size > TOGETHER_BYTES):
            yield some
            some, size = [], 0
        some.append(row)
        size += row.size
    if some:
        yield some
