"""A call of an operation: who calls, what may be touched, and the form of answers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lxml import etree

from tests.servers.exchange.rights import Rights
from tests.servers.exchange.store import Folder, Item, Mailbox, Refusal, Store
from tests.servers.exchange.xml import ERRORS, MESSAGES, SOAP, TYPES, Child, Element, element, local, m, t

if TYPE_CHECKING:
    from tests.servers.exchange import Exchange
    from tests.servers.exchange.faults import Request

VERSION = (15, 2, 2562, 17)
"""Exchange Server Subscription Edition."""

Work = Callable[["Call", Element], list[Element]]
"""Does one part of a request and gives the children of its response message; or raises a Refusal."""


@dataclass(frozen=True)
class Operation:
    """What answers a request: `work` for each child of the element named `each`, or once for the whole body."""

    work: Work
    each: str | None
    content: bool
    """Whether it touches what is in a folder, and not only the tree of folders (public folders ask)."""
    empty: str | None
    """The element that an error has too, with nothing in it, because the schema wants it."""


OPERATIONS: dict[str, Operation] = {}


def operation(
    name: str, each: str | None = None, *, content: bool = False, empty: str | None = None
) -> Callable[[Work], Work]:
    def enlist(work: Work) -> Work:
        OPERATIONS[name] = Operation(work, each, content, empty)
        return work

    return enlist


@dataclass
class Call:
    """One request, and the user it acts for."""

    exchange: "Exchange"
    request: "Request"
    caller: str

    @property
    def name(self) -> str:
        return self.request.operation

    @property
    def body(self) -> Element:
        return self.request.body

    @property
    def store(self) -> Store:
        return self.exchange.store

    def parts(self) -> Iterator[Element]:
        each = OPERATIONS[self.name].each
        if each is None:
            yield self.body
            return
        holder = self.body.find(MESSAGES + each)
        assert holder is not None, each
        yield from holder

    def folder(self, given: Element) -> tuple[Mailbox, Folder]:
        """The folder a FolderId or DistinguishedFolderId means; for those who may not see it there is none.

        [services] handling-delegation-related-errors-in-ews-in-exchange
        """
        if local(given) == "DistinguishedFolderId":
            role = str(given.get("Id"))
            owner = given.findtext(f"{TYPES}Mailbox/{TYPES}EmailAddress") or self.caller
            mailbox = self.store.public if role == "publicfoldersroot" else self.store[owner]
            folder = mailbox.role(role)
        else:
            mailbox, folder = self.store.folder(str(given.get("Id")))
        if folder.role != "publicfoldersroot":
            self._routed(mailbox)
        if not self.rights(mailbox, folder).visible:
            raise Refusal("ErrorFolderNotFound", "The specified folder could not be found in the store.")
        return mailbox, folder

    def item(self, given: Element) -> tuple[Mailbox, Item]:
        """The item an ItemId means; for those who may not read it there is none.

        [services] handling-delegation-related-errors-in-ews-in-exchange
        """
        mailbox, item = self.store.item(str(given.get("Id")))
        self._routed(mailbox)
        if not self.rights(mailbox, mailbox.folders[item.folder]).read:
            raise Refusal("ErrorItemNotFound", "The specified object was not found in the store.")
        return mailbox, item

    def rights(self, mailbox: Mailbox, folder: Folder) -> Rights:
        return mailbox.rights(self.caller, folder)

    def need(self, allowed: bool) -> None:
        """[services] handling-delegation-related-errors-in-ews-in-exchange (ErrorAccessDenied)"""
        if not allowed:
            raise Refusal("ErrorAccessDenied", "Access is denied. Check credentials and try again.")

    def may_change(self, mailbox: Mailbox, item: Item, reach: str) -> bool:
        """Whether rights of a reach (None, Owned, All) cover an item."""
        return reach == "All" or (reach == "Owned" and item.creator == self.caller)

    def _routed(self, mailbox: Mailbox) -> None:
        """Requests for a public folder's content name the mailbox that holds it, in two HTTP headers.

        [services] how-to-route-public-folder-content-requests; which operations those are says
        public-folder-access-with-ews-in-exchange. How a server refuses is not said; this one has no such folder.
        """
        if not mailbox.public or not OPERATIONS[self.name].content:
            return
        holder = self.exchange.public_mailbox
        headers = self.request.headers
        if not (headers.get("X-PublicFolderMailbox") == headers.get("X-AnchorMailbox") == holder):
            raise Refusal("ErrorFolderNotFound", "The content of this public folder is in another mailbox.")


def answer(call: Call) -> Element:
    """The response of an operation: one response message for each part, errors among them."""
    messages = [_message(call, part, number) for number, part in enumerate(call.parts(), start=1)]
    if OPERATIONS[call.name].each is None and local(messages[0]) == f"{call.name}Response":
        return messages[0]
    return m(f"{call.name}Response", m("ResponseMessages", *messages))


def _message(call: Call, part: Element, number: int) -> Element:
    name = f"{call.name}ResponseMessage"
    try:
        _scripted(call, part, number)
        with call.store.lock:
            children = OPERATIONS[call.name].work(call, part)
    except Refusal as refusal:
        empty = OPERATIONS[call.name].empty
        return m(name, *error(refusal), m(empty) if empty else None, ResponseClass="Error")
    if len(children) == 1 and local(children[0]) == f"{call.name}Response":
        return children[0]
    return m(name, m("ResponseCode", "NoError"), *children, ResponseClass="Success")


def _scripted(call: Call, part: Element, number: int) -> None:
    if call.request.busy_after is not None and number > call.request.busy_after:
        inner = {"InnerErrorMessageText": "The server is busy.", "InnerErrorResponseCode": "ErrorServerBusy"}
        raise Refusal("ErrorInternalServerError", "An internal server error occurred. Try again later.", **inner)
    for each in call.exchange.refused:
        each.part(call.name, part)


def error(refusal: Refusal) -> Iterator[Element]:
    yield m("MessageText", refusal.words)
    yield m("ResponseCode", refusal.code)
    yield m("DescriptiveLinkKey", 0)
    if refusal.values:
        yield m("MessageXml", *(t("Value", value, Name=name) for name, value in refusal.values.items()))


def envelope(body: Element) -> bytes:
    major, minor, build, revision = VERSION
    version = t(
        "ServerVersionInfo",
        MajorVersion=major,
        MinorVersion=minor,
        MajorBuildNumber=build,
        MinorBuildNumber=revision,
        Version="V2017_07_11",
    )
    whole = element(f"{SOAP}Envelope", element(f"{SOAP}Header", version), element(f"{SOAP}Body", body))
    return etree.tostring(whole, xml_declaration=True, encoding="utf-8")


def fault(code: str, words: str = "", **values: Child) -> bytes:
    """A SOAP fault, which comes with HTTP 500. Unqualified names, and MessageXml in the types' namespace, as there."""
    shown = t("MessageXml", *(t("Value", value, Name=name) for name, value in values.items())) if values else None
    detail = element(
        "detail", element(f"{ERRORS}ResponseCode", code), element(f"{ERRORS}Message", words or code), shown
    )
    return envelope(
        element(f"{SOAP}Fault", element("faultcode", f"a:{code}"), element("faultstring", words or code), detail)
    )
