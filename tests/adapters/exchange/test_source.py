"""Exchange keeps the promises of a source; what is no mail, what cannot be read, and what reading leaves as it was."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import pytest

from adapters.exchange import adapter
from adapters.exchange.config import ExchangeConfig
from migrator.errors import Outage, UsageError
from migrator.model import ANSWERED, DRAFT, FLAGGED, SEEN, Account, Flag, Item, NotMail, Path, Unchanged, Unreadable
from migrator.ports import Source
from migrator.testing import SAMPLES, SourceContract, mail
from migrator.testing.source import nothing
from tests.adapters.exchange.conftest import config
from tests.servers.exchange import Exchange, server
from tests.servers.exchange import items as made
from tests.servers.exchange import properties as prop
from tests.servers.exchange import store as stored
from tests.servers.exchange.faults import Dropped, Fault, Refused, Request, Truncated
from tests.servers.exchange.xml import TYPES

SATO, SUZUKI = "sato@example.co.jp", "suzuki@example.co.jp"
ACCOUNTS = {"sato": SATO, "suzuki": SUZUKI}
SYSTEM = (SEEN, ANSWERED, FLAGGED, DRAFT)


@dataclass(frozen=True)
class Office:
    """Two mailboxes as their owners work with them; the contract's SourceStore."""

    exchange: Exchange
    config: ExchangeConfig

    def open(self) -> AbstractContextManager[Source]:
        assert adapter.open_source is not None
        return adapter.open_source(self.config)

    def make(self, account: str, path: Path, kind: str = "IPF.Note") -> stored.Folder:
        mailbox = self.exchange[ACCOUNTS[account]]
        at = mailbox.role("msgfolderroot")
        for name in path:
            below = {each.name: each for each in mailbox.children(at.id)}
            at = below.get(name) or mailbox.add_folder(name, at.id, kind)
        return at

    def add(
        self, account: str, path: Path, raw: bytes, flags: frozenset[Flag], received_at: datetime
    ) -> tuple[str, stored.Item]:
        item = made.from_mime(raw, self.make(account, path), ACCOUNTS[account])
        item.received, item.draft = received_at, DRAFT in flags
        self.exchange[ACCOUNTS[account]].add(item)
        return self.reflag((account, item), flags)

    def remove(self, handle: tuple[str, stored.Item]) -> None:
        self.exchange[ACCOUNTS[handle[0]]].remove(handle[1])

    def reflag(self, handle: tuple[str, stored.Item], flags: frozenset[Flag]) -> tuple[str, stored.Item]:
        account, item = handle
        item.read = SEEN in flags
        item.properties[prop.FLAG_STATUS] = prop.made(prop.FLAG_STATUS, "Integer", ["2" if FLAGGED in flags else "0"])
        item.properties[(0x1081,)] = prop.made((0x1081,), "Integer", ["102" if ANSWERED in flags else "0"])
        item.categories = tuple(sorted(flags - set(SYSTEM)))
        self.exchange[ACCOUNTS[account]].touch(item)
        return handle

    def snapshot(self) -> object:
        every = [item for owner in ACCOUNTS.values() for item in self.exchange[owner].items.values()]
        return [{each.name: getattr(item, each.name) for each in fields(item)} for item in every], [
            (folder.id, folder.name, folder.change)
            for owner in ACCOUNTS.values()
            for folder in self.exchange[owner].folders.values()
        ]


@pytest.fixture
def office() -> Iterator[Office]:
    with server(SATO, SUZUKI) as exchange:
        yield Office(exchange, config(exchange, accounts=ACCOUNTS))
        assert exchange.invalid_requests == []
        assert exchange.receipts == []


class TestExchangeSource(SourceContract):
    samples = tuple(raw for raw in SAMPLES if b"\0" not in raw)
    keywords = frozenset({"gw_open", "至急"})
    sizes = False
    """The store's sizes are those of its properties, not of the mail it makes of them."""

    @pytest.fixture
    def store(self, office: Office) -> Office:
        return office


def walked(office: Office, path: Path = ("box",), known: Any = nothing) -> list[Any]:
    with office.open() as source:
        (folder,) = [each for each in source.folders(Account("sato")) if each.path == path]
        return list(source.items(folder, after=None, known=known))


AT = SourceContract.received_at
EMPTY: frozenset[Flag] = frozenset()


def test_what_is_no_mail_is_told_by_a_rule_and_counted(office: Office) -> None:
    office.add("sato", ("box",), mail("m"), EMPTY, AT)
    kinds = ("IPM.Appointment", "IPM.Contact", "IPM.Task", "IPM.StickyNote", "IPM.Note.SMIME", "REPORT.IPM.Note.NDR")
    for kind in kinds:
        _, item = office.add("sato", ("box",), mail(kind), EMPTY, AT)
        item.kind = kind
    found = walked(office)
    rules = sorted(each.rule for each in found if isinstance(each, NotMail))
    assert rules == ["exchange.appointment", "exchange.contact", "exchange.note", "exchange.task"]
    assert sum(isinstance(each, Item) for each in found) == 3
    with office.open() as source:
        counts = {count.folder.path: count.artefacts for count in source.census(Account("sato"))}
    assert counts["box",] == len(found) == 7


def test_folders_for_other_things_are_left_out_and_told_when_something_lies_there(office: Office) -> None:
    calendar = office.exchange[SATO].role("calendar")
    office.add("sato", (calendar.name,), mail("meeting"), EMPTY, AT)
    with office.open() as source:
        assert (calendar.name,) not in [folder.path for folder in source.folders(Account("sato"))]
        (reason,) = source.advice()  # type: ignore[attr-defined]
    assert (reason.code, reason.params["items"]) == ("exchange.folder-out", 1)


def test_roles_are_found_under_localised_names(office: Office) -> None:
    with office.open() as source:
        roles = {folder.path: folder.role for folder in source.folders(Account("sato")) if folder.role}
    assert roles["送信済みアイテム",] == "sent"
    assert roles["INBOX",] == "inbox"


def test_new_flags_are_told_without_asking_for_the_mail(office: Office) -> None:
    handle = office.add("sato", ("box",), mail("m"), EMPTY, AT)
    (first,) = walked(office)
    office.reflag(handle, frozenset({SEEN, FLAGGED, "至急"}))
    asked = len(office.exchange.asked("GetItem"))
    (second,) = walked(office, known=lambda key, stamp: (key, stamp) == (first.key, first.stamp))
    assert isinstance(second, Unchanged)
    assert second.flags == {SEEN, FLAGGED, "至急"}
    assert len(office.exchange.asked("GetItem")) == asked


@pytest.mark.parametrize("draft", [False, True])
def test_a_mail_whose_content_was_edited_is_asked_for_again(office: Office, draft: bool) -> None:
    handle = office.add("sato", ("box",), mail("m"), frozenset({DRAFT}) if draft else EMPTY, AT)
    (first,) = walked(office)
    if draft:
        office.exchange[SATO].touch(handle[1])
    else:
        handle[1].subject = "edited"
    (second,) = walked(office, known=lambda key, stamp: (key, stamp) == (first.key, first.stamp))
    assert isinstance(second, Item)


def test_a_category_cannot_say_what_a_flag_says(office: Office) -> None:
    _, item = office.add("sato", ("box",), mail("m"), EMPTY, AT)
    item.categories = ("\\Seen", "\\Deleted", "red")
    (found,) = walked(office)
    assert found.flags == {"red"}


def test_a_mail_that_the_server_cannot_make_is_a_fault_between_its_neighbours(office: Office) -> None:
    for number in range(3):
        office.add("sato", ("box",), mail(f"n{number}"), EMPTY, AT)
    second = office.exchange[SATO].held(office.make("sato", ("box",)).id)[1]
    office.exchange.script(
        Refused("ErrorContentConversionFailed", lambda part: part.get("Id") == second.id, operation="GetItem")
    )
    found = walked(office)
    assert [type(each) for each in found] == [Item, Unreadable, Item]
    assert found[1].reason.code == "exchange.unreadable"


def test_a_source_without_accounts_says_so(office: Office) -> None:
    with pytest.raises(UsageError) as error, Office(office.exchange, config(office.exchange)).open():
        pass
    assert error.value.reason.code == "exchange.accounts-missing"


@pytest.mark.parametrize("fault", [Dropped, Truncated])
def test_a_mail_that_ends_every_connection_is_a_fault_and_its_neighbours_are_read(
    office: Office, fault: type[Fault]
) -> None:
    handles = [office.add("sato", ("box",), mail(f"n{number}"), EMPTY, AT) for number in range(4)]
    deadly = handles[1][1].id

    def asks(request: Request) -> bool:
        wants = any(each.text == "true" for each in request.body.iter(f"{TYPES}IncludeMimeContent"))
        return wants and any(each.get("Id") == deadly for each in request.body.iter(f"{TYPES}ItemId"))

    office.exchange.script(fault(asks, "GetItem"))
    found = walked(office)
    assert [type(each) for each in found] == [Item, Unreadable, Item, Item]


def test_a_server_that_has_gone_is_an_outage_and_no_fault_of_a_mail(office: Office) -> None:
    office.add("sato", ("box",), mail("m"), EMPTY, AT)
    office.exchange.script(Dropped(lambda request: True, "GetItem"))
    with pytest.raises(Outage):
        walked(office)
