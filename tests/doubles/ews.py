"""Two clients of Exchange Web Services: exchangelib, and requests of our own where it cannot."""

import base64
import re
from collections.abc import Mapping

import requests
from exchangelib import DELEGATE, IMPERSONATION, UTC, Account, Configuration, Credentials, ExtendedProperty, Message
from exchangelib.ewsdatetime import EWSDateTime
from lxml import etree

from tests.servers.exchange import ALICE, PASSWORD, SERVICE, Exchange
from tests.servers.exchange.xml import MESSAGES, SOAP, TYPES, Element, element, local, m, t

MAIL = b"""\
Received: from mx.example.com by srv.example.co.jp; Mon, 2 Nov 2009 09:15:03 +0900\r
Message-ID: <0001@old.example.co.jp>\r
Date: Mon, 2 Nov 2009 09:15:00 +0900\r
From: =?iso-2022-jp?B?GyRCOzNFRBsoQg==?= <yamada@example.co.jp>\r
To: alice@example.co.jp\r
Subject: =?iso-2022-jp?B?GyRCOCtAUT1xGyhC?=\r
X-Old-System: desk\r
MIME-Version: 1.0\r
Content-Type: text/plain; charset=iso-2022-jp\r
\r
\x1b$B8+@Q=q$G$9\x1b(B\r
"""


class MessageFlags(ExtendedProperty):
    property_tag = 0x0E07
    property_type = "Integer"


class DeliveryTime(ExtendedProperty):
    property_tag = 0x0E06
    property_type = "SystemTime"


class FlagRequest(ExtendedProperty):
    distinguished_property_set_id = "Common"
    property_id = 0x8530
    property_type = "String"


class TestId(ExtendedProperty):
    __test__ = False
    distinguished_property_set_id = "PublicStrings"
    property_name = "x-test-id"
    property_type = "String"


PROPERTIES = {
    "test_flags": MessageFlags,
    "test_delivered": DeliveryTime,
    "test_request": FlagRequest,
    "test_id": TestId,
}

_strict = EWSDateTime.from_string.__func__


def tolerant(cls: type, value: str) -> EWSDateTime:
    """exchangelib reads whole seconds only."""
    return _strict(cls, re.sub(r"\.\d+(?=Z|[+-]\d\d:\d\d$)", "", value))


def account(exchange: Exchange, owner: str = ALICE, user: str | None = None, **more: object) -> Account:
    """A mailbox through exchangelib: one's own, somebody else's, or by the service that impersonates its owner."""
    config = Configuration(
        service_endpoint=exchange.url, credentials=Credentials(user or owner, PASSWORD), auth_type="basic", **more
    )
    access = IMPERSONATION if user == SERVICE else DELEGATE
    return Account(owner, config=config, autodiscover=False, access_type=access, default_timezone=UTC)


def mail(mailbox: Account, **more: object) -> Message:
    return Message(account=mailbox, mime_content=MAIL, **more)


def post(
    exchange: Exchange,
    body: Element | bytes,
    *,
    user: str = ALICE,
    password: str = PASSWORD,
    headers: Mapping[str, str] | None = None,
    act_as: str | None = None,
    version: str | None = "Exchange2016",
) -> requests.Response:
    """Send a request, as an element in an envelope or as the bytes it is."""
    if not isinstance(body, bytes):
        who = t("ConnectingSID", t("PrimarySmtpAddress", act_as)) if act_as else None
        schema = t("RequestServerVersion", Version=version) if version else None
        head = element(f"{SOAP}Header", schema, t("ExchangeImpersonation", who) if act_as else None)
        body = etree.tostring(element(f"{SOAP}Envelope", head, element(f"{SOAP}Body", body)))
    with requests.Session() as session:
        return session.post(
            exchange.url,
            data=body,
            auth=(user, password),
            timeout=30,
            verify=str(exchange.certificate) if exchange.certificate else True,
            headers={"Content-Type": "text/xml; charset=utf-8", **(headers or {})},
        )


def ask(exchange: Exchange, body: Element, **more: object) -> list[Element]:
    """The response messages of a request."""
    whole = etree.fromstring(post(exchange, body, **more).content)
    held = whole.find(f"{SOAP}Body")[0]
    inside = held.find(f"{MESSAGES}ResponseMessages")
    return [held] if inside is None else list(inside)


def codes(exchange: Exchange, body: Element, **more: object) -> list[str]:
    """The response codes of a request, or the one of the fault it met."""
    return [
        next(each for each in message.iter() if local(each) == "ResponseCode").text
        for message in ask(exchange, body, **more)
    ]


def distinguished(role: str, owner: str | None = None) -> Element:
    mailbox = t("Mailbox", t("EmailAddress", owner)) if owner else None
    return t("DistinguishedFolderId", mailbox, Id=role)


def create(*mails: Element, folder: Element | None = None) -> Element:
    target = m("SavedItemFolderId", distinguished("inbox") if folder is None else folder)
    return m("CreateItem", target, m("Items", *mails), MessageDisposition="SaveOnly")


def message(*fields: Element, raw: bytes = MAIL) -> Element:
    return t("Message", t("MimeContent", base64.b64encode(raw).decode()), *fields)


def extended(value: str, kind: str = "Integer", **path: str) -> Element:
    return t("ExtendedProperty", t("ExtendedFieldURI", **path, PropertyType=kind), t("Value", value))


def found(answer: Element, tag: str) -> list[str | None]:
    """The texts of all elements of a name."""
    return [each.text for each in answer.iter(TYPES + tag)]
