"""Every property of a mail reads back as it was sent, by a GetItem that is not our reader; real mail among it."""

import base64
import itertools
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from lxml import etree

from migrator.mail import envelope, head_of
from migrator.mail.facets import Facets
from migrator.model import ANSWERED, DRAFT, FLAGGED, FORWARDED, SEEN, Parcel, Raw, Receipt
from migrator.testing import mail
from tests.adapters.exchange.conftest import Box, parcel
from tests.servers.exchange import ALICE, PASSWORD, Exchange
from tests.servers.exchange.store import Item

REAL = 60
TYPES = "{http://schemas.microsoft.com/exchange/services/2006/types}"
TAGS = {"flags": "0x0E07", "delivered": "0x0E06", "submitted": "0x0039", "follow-up": "0x1090", "verb": "0x1081"}
KINDS = {"delivered": "SystemTime", "submitted": "SystemTime"}

REQUEST = """<?xml version="1.0"?>
<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"
 xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"
 xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types">
<s:Header><t:RequestServerVersion Version="Exchange2016"/></s:Header><s:Body><m:GetItem><m:ItemShape>
<t:BaseShape>AllProperties</t:BaseShape><t:IncludeMimeContent>true</t:IncludeMimeContent><t:AdditionalProperties>
{fields}</t:AdditionalProperties></m:ItemShape><m:ItemIds>{ids}</m:ItemIds></m:GetItem></s:Body></s:Envelope>"""


def told(exchange: Exchange, items: Sequence[Item]) -> Iterator[dict[str, Any]]:
    """What the server says of its items to their owner, read by hand."""
    fields = "".join(
        f'<t:ExtendedFieldURI PropertyTag="{tag}" PropertyType="{KINDS.get(name, "Integer")}"/>'
        for name, tag in TAGS.items()
    )
    ids = "".join(f'<t:ItemId Id="{item.id}"/>' for item in items)
    body = REQUEST.format(fields=fields, ids=ids).encode()
    answer = requests.post(exchange.url, data=body, auth=(ALICE, PASSWORD), timeout=60)
    for message in etree.fromstring(answer.content).iter(f"{TYPES}Message"):
        found: dict[str, Any] = {etree.QName(each).localname: each.text for each in message if not len(each)}
        found["Categories"] = {each.text for each in message.iterfind(f"{TYPES}Categories/{TYPES}String")}
        values = {
            int(each[0].get("PropertyTag", "0"), 0): each[1].text for each in message.iter(f"{TYPES}ExtendedProperty")
        }
        yield found | {name: values.get(int(tag, 0)) for name, tag in TAGS.items()}


def instant(text: str | None) -> datetime:
    assert text is not None
    return datetime.fromisoformat(re.sub(r"\.\d+", "", text)).astimezone(UTC)


def truth(text: str | None) -> bool:
    return text in ("true", "1")


FLAGS = [
    frozenset(each)
    for each in (
        set(),
        {SEEN},
        {SEEN, ANSWERED},
        {FORWARDED},
        {FLAGGED, "重要", "gw_open"},
        {SEEN, DRAFT},
        {SEEN, FLAGGED, ANSWERED, "A社 見積"},
    )
]


def matrix(box: Box, raws: Sequence[bytes]) -> list[Parcel]:
    """Each mail with flags and a time of its own."""
    place, flags = box.at("box"), itertools.cycle(FLAGS)
    start = datetime(1996, 2, 29, 3, 4, 5, tzinfo=UTC)
    return [
        parcel(place, raw, flags=next(flags), received_at=start + timedelta(days=61 * number, seconds=number))
        for number, raw in enumerate(raws)
    ]


def deliver(box: Box, parcels: Sequence[Parcel]) -> list[Receipt]:
    with box.open() as target:
        target.prepare(box.at("box"))
        found = list(target.deliver(parcels))
    assert all(isinstance(each, Receipt) for each in found), found
    return [each for each in found if isinstance(each, Receipt)]


def check(one: Parcel, said: dict[str, Any], *, text: bool = True) -> None:
    assert instant(said["delivered"]) == instant(said["DateTimeReceived"]) == one.received_at
    date = envelope(head_of(one.raw)).date or one.received_at
    assert instant(said["submitted"]) == instant(said["DateTimeSent"]) == date.astimezone(UTC).replace(microsecond=0)
    assert truth(said["IsRead"]) == (SEEN in one.flags)
    assert truth(said["IsDraft"]) == (DRAFT in one.flags)
    assert said["Categories"] == {flag for flag in one.flags if not flag.startswith(("\\", "$"))}
    assert said["follow-up"] == ("2" if FLAGGED in one.flags else None)
    assert said["verb"] == ("102" if ANSWERED in one.flags else "104" if FORWARDED in one.flags else None)
    assert not truth(said.get("IsReadReceiptRequested"))
    assert not truth(said.get("IsDeliveryReceiptRequested"))
    if text:
        back = base64.b64decode(said["MimeContent"])
        assert list(Facets.of(one.raw.read()).unlike(Facets.of(back))) == []


def test_flags_dates_and_headers_of_a_mail_read_back_as_they_were(running: Exchange, box: Box) -> None:
    headers = {
        b"": ("Normal", "Normal"),
        b"Importance: high\r\n": ("High", "Normal"),
        b"X-Priority: 5 (Lowest)\r\n": ("Low", "Normal"),
        b"Importance: normal\r\nSensitivity: Company-Confidential\r\n": ("Normal", "Confidential"),
        b"Sensitivity: private\r\nX-Priority: 1\r\nDisposition-Notification-To: a@example.co.jp\r\n": (
            "High",
            "Private",
        ),
        b"sensitivity: Personal\r\nImportance: Low\r\nReturn-Receipt-To: a@example.co.jp\r\n": ("Low", "Personal"),
        b"Importance: whatever\r\nSensitivity:\r\n": ("Normal", "Normal"),
    }
    parcels = matrix(box, [mail(f"h{number}", header=header) for number, header in enumerate(headers)])
    deliver(box, parcels)
    found = list(told(running, box.held("box")))
    for one, said, expected in zip(parcels, found, headers.values(), strict=True):
        check(one, said)
        assert (said["Importance"], said["Sensitivity"]) == expected


@pytest.mark.corpora
def test_sixty_real_mails_read_back_with_every_property(corpora: Path, running: Exchange, box: Box) -> None:
    """Japanese and signed ones among them. Where the server's own reader loses a text, it is named and counted."""
    parcels = matrix(box, real(corpora))
    assert len(parcels) == REAL
    deliver(box, parcels)
    unlike = 0
    for one, said in zip(parcels, told(running, box.held("box")), strict=True):
        check(one, said, text=False)
        unlike += list(Facets.of(one.raw.read()).unlike(Facets.of(base64.b64decode(said["MimeContent"])))) != []
    assert unlike <= REAL // 10


def real(corpora: Path) -> list[bytes]:
    """Up to twenty signed and twenty Japanese ones, and others up to sixty: the first of each, by name."""
    kinds: dict[str, list[bytes]] = {"signed": [], "japanese": [], "other": []}
    for path in sorted(corpora.rglob("*")):
        raw = path.read_bytes() if path.is_file() else b""
        if not 0 < len(raw) < 500_000 or not envelope(head_of(Raw.of(raw))).message_id:
            continue
        lower = raw.lower()
        japanese = b"iso-2022-jp" in lower or b"shift_jis" in lower
        kinds["signed" if b"pkcs7" in lower else "japanese" if japanese else "other"].append(raw)
    chosen = kinds["signed"][:20] + kinds["japanese"][:20]
    return chosen + kinds["other"][: REAL - len(chosen)]
