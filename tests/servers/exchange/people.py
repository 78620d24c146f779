"""Delegates, names, and what a client asks of a server before it begins."""

from collections.abc import Callable
from typing import Any

from tests.servers.exchange.calls import Call, error, operation
from tests.servers.exchange.rights import LEVELS, user_id, user_of
from tests.servers.exchange.store import Mailbox, Refusal
from tests.servers.exchange.xml import MESSAGES, TYPES, Element, local, m, t, truth, within

FOLDERS = {"CalendarFolder": "calendar", "TasksFolder": "tasks", "InboxFolder": "inbox", "ContactsFolder": "contacts"}
"""A delegate's permissions by folder, in the schema's order, and the folder's role."""


@operation("GetDelegate")
def get_delegate(call: Call, body: Element) -> list[Element]:
    """[reference] getdelegate-operation"""

    def show(user: str) -> Element:
        return _delegate(mailbox, user, truth(body.get("IncludePermissions")))

    mailbox = _own(call, body)
    asked = [user_of_id(each) for each in within(body, f"{MESSAGES}UserIds")] or list(mailbox.delegates)
    shown = [_each(show, user) for user in asked]
    return [_answer(call, shown, m("DeliverMeetingRequests", mailbox.meeting_requests))]


@operation("AddDelegate")
def add_delegate(call: Call, body: Element) -> list[Element]:
    """[services] how-to-add-and-remove-delegates-by-using-ews-in-exchange"""

    def add(given: Element) -> Element:
        user = user_of(given)
        call.store[user]
        if user == mailbox.owner:
            raise Refusal("ErrorDelegateCannotAddOwner", "The owner is no delegate.")
        if user in mailbox.delegates:
            raise Refusal("ErrorDelegateAlreadyExists", "The user is a delegate already.")
        _grant(mailbox, user, given)
        return _delegate(mailbox, user, True)

    mailbox = _own(call, body)
    mailbox.meeting_requests = body.findtext(f"{MESSAGES}DeliverMeetingRequests") or mailbox.meeting_requests
    return [_answer(call, [_each(add, each) for each in within(body, f"{MESSAGES}DelegateUsers")])]


@operation("UpdateDelegate")
def update_delegate(call: Call, body: Element) -> list[Element]:
    def update(given: Element) -> Element:
        user = user_of(given)
        _delegate(mailbox, user, False)
        _grant(mailbox, user, given)
        return _delegate(mailbox, user, True)

    mailbox = _own(call, body)
    mailbox.meeting_requests = body.findtext(f"{MESSAGES}DeliverMeetingRequests") or mailbox.meeting_requests
    return [_answer(call, [_each(update, each) for each in within(body, f"{MESSAGES}DelegateUsers")])]


@operation("RemoveDelegate")
def remove_delegate(call: Call, body: Element) -> list[Element]:
    def remove(given: Element) -> None:
        user = user_of_id(given)
        _delegate(mailbox, user, False)
        del mailbox.delegates[user]
        for role in FOLDERS.values():
            mailbox.role(role).rights.pop(user, None)

    mailbox = _own(call, body)
    return [_answer(call, [_each(remove, each) for each in within(body, f"{MESSAGES}UserIds")])]


def _own(call: Call, body: Element) -> Mailbox:
    """The mailbox whose delegates are meant: the caller's, or one he has full access to."""
    mailbox = call.store[str(body.findtext(f"{MESSAGES}Mailbox/{TYPES}EmailAddress"))]
    call.need(mailbox.is_owner(call.caller))
    return mailbox


def user_of_id(user: Element) -> str:
    return user.findtext(f"{TYPES}DistinguishedUser") or str(user.findtext(f"{TYPES}PrimarySmtpAddress")).lower()


def _grant(mailbox: Mailbox, user: str, given: Element) -> None:
    """What is not said of a folder stays as it is, for a new delegate None."""
    permissions = mailbox.delegates.setdefault(user, {})
    for each in within(given, f"{TYPES}DelegatePermissions"):
        name = local(each).removesuffix("PermissionLevel")
        permissions[name] = each.text or "None"
        if name in FOLDERS and permissions[name] in LEVELS:
            mailbox.role(FOLDERS[name]).rights[user] = LEVELS[permissions[name]]
    permissions["private"] = str(truth(given.findtext(f"{TYPES}ViewPrivateItems"))).lower()
    permissions["copies"] = str(truth(given.findtext(f"{TYPES}ReceiveCopiesOfMeetingMessages"))).lower()


def _delegate(mailbox: Mailbox, user: str, with_permissions: bool) -> Element:
    try:
        known = mailbox.delegates[user]
    except KeyError:
        raise Refusal("ErrorNotDelegate", "The user is no delegate.") from None
    levels = [t(f"{name}PermissionLevel", known.get(name, "None")) for name in FOLDERS]
    return m(
        "DelegateUser",
        user_id(user),
        t("DelegatePermissions", *levels) if with_permissions else None,
        t("ReceiveCopiesOfMeetingMessages", known["copies"]),
        t("ViewPrivateItems", known["private"]),
    )


def _each(work: Callable[[Any], Element | None], given: Any) -> Element:
    name = "DelegateUserResponseMessageType"
    try:
        made = work(given)
    except Refusal as refusal:
        return m(name, *error(refusal), ResponseClass="Error")
    return m(name, m("ResponseCode", "NoError"), made, ResponseClass="Success")


def _answer(call: Call, messages: list[Element], *more: Element) -> Element:
    """Delegates' operations answer by one response message with others inside, and none where there is no delegate."""
    inside = m("ResponseMessages", *messages) if messages else None
    return m(f"{call.name}Response", m("ResponseCode", "NoError"), inside, *more, ResponseClass="Success")


@operation("ResolveNames")
def resolve_names(call: Call, body: Element) -> list[Element]:
    """[reference] resolvenames-operation"""
    wanted = str(body.findtext(f"{MESSAGES}UnresolvedEntry")).lower().removeprefix("smtp:")
    found = [each for each in call.store.mailboxes if each.startswith(wanted)]
    if not found:
        raise Refusal("ErrorNameResolutionNoResults", "No results were found.")
    resolutions = [t("Resolution", t("Mailbox", *_mailbox(each))) for each in found]
    return [m("ResolutionSet", *resolutions, TotalItemsInView=len(found), IncludesLastItemInRange=True)]


def _mailbox(address: str) -> list[Element]:
    name = t("Name", address.partition("@")[0])
    return [name, t("EmailAddress", address), t("RoutingType", "SMTP"), t("MailboxType", "Mailbox")]


@operation("ConvertId", each="SourceIds")
def convert_id(call: Call, given: Element) -> list[Element]:
    """Clients ask this with an id that is none, to read the server's version off the refusal."""
    raise Refusal("ErrorInvalidIdMalformed", "Id is malformed.")


@operation("GetServerTimeZones")
def get_server_time_zones(call: Call, body: Element) -> list[Element]:
    zones = [t("TimeZoneDefinition", Id=each, Name=each) for each in ("UTC", "Tokyo Standard Time")]
    return [m("TimeZoneDefinitions", *zones)]
