"""Every property of a mail reads back as it was sent, by a GET that is not our reader; real mail among it."""

import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from migrator.mail import envelope, head_of
from migrator.mail.facets import Facets
from migrator.model import ANSWERED, DRAFT, FLAGGED, FORWARDED, SEEN, Parcel, Receipt
from migrator.testing import mail
from tests.adapters.exchange.conftest import parcel
from tests.adapters.exchange.test_fidelity import FLAGS, REAL, real
from tests.adapters.graph.conftest import Box
from tests.servers.exchange import ALICE
from tests.servers.graph import APP, Graph
from tests.servers.graph.login import Grant

EXTENDED = {
    "delivered": "SystemTime 0xe06",
    "submitted": "SystemTime 0x39",
    "verb": "Integer 0x1081",
    "sensitivity": "Integer 0x36",
}
START = datetime(1996, 2, 29, 3, 4, 5, tzinfo=UTC)


def told(graph: Graph, *path: str) -> Iterator[dict[str, Any]]:
    """What the server says of the mails in a folder to its owner, in the order of their numbers, read by hand."""
    graph.grants["reader"] = Grant(APP, ALICE, frozenset({"Mail.Read"}), datetime.now(UTC).timestamp() + 600)
    expand = f"singleValueExtendedProperties($filter={' or '.join(f'id eq {each!r}' for each in EXTENDED.values())})"
    with requests.Session() as session:
        session.verify, session.trust_env = str(graph.certificate), False
        session.headers["Authorization"] = "Bearer reader"
        for item in graph[ALICE].held(graph[ALICE].folder(*path).id):
            where = f"{graph.url}/v1.0/me/messages/{item.id.replace('/', '-').replace('+', '_')}"
            found = session.get(f"{where}?{urlencode({'$expand': expand})}", timeout=30).json()
            values = {each["id"]: each["value"] for each in found["singleValueExtendedProperties"]}
            shown = {name: values.get(named) for name, named in EXTENDED.items()}
            yield found | shown | {"mime": session.get(f"{where}/$value", timeout=30).content}


def matrix(box: Box, raws: Sequence[bytes]) -> list[Parcel]:
    """Each mail with flags and a time of its own."""
    flags = itertools.cycle(FLAGS)
    return [
        parcel(box.at("box"), raw, flags=next(flags), received_at=START + timedelta(days=61 * number, seconds=number))
        for number, raw in enumerate(raws)
    ]


def deliver(box: Box, parcels: Sequence[Parcel]) -> list[Receipt]:
    with box.open() as target:
        target.prepare(box.at("box"))
        found = list(target.deliver(parcels))
    assert all(isinstance(each, Receipt) for each in found), found
    return [each for each in found if isinstance(each, Receipt)]


def instant(text: str) -> datetime:
    head, _, _ = text.removesuffix("Z").partition(".")
    return datetime.fromisoformat(head).replace(tzinfo=UTC)


def check(one: Parcel, said: dict[str, Any], *, text: bool = True) -> None:
    assert instant(said["delivered"]) == instant(said["receivedDateTime"]) == one.received_at
    date = envelope(head_of(one.raw)).date or one.received_at
    assert instant(said["submitted"]) == instant(said["sentDateTime"]) == date.astimezone(UTC).replace(microsecond=0)
    assert said["isRead"] == (SEEN in one.flags)
    assert said["isDraft"] == (DRAFT in one.flags)
    assert {*said["categories"]} == {flag for flag in one.flags if not flag.startswith(("\\", "$"))}
    assert said["flag"]["flagStatus"] == ("flagged" if FLAGGED in one.flags else "notFlagged")
    assert said["verb"] == ("102" if ANSWERED in one.flags else "104" if FORWARDED in one.flags else None)
    assert not said["isReadReceiptRequested"]
    if text:
        assert list(Facets.of(one.raw.read()).unlike(Facets.of(said["mime"]))) == []


def test_flags_dates_and_headers_of_a_mail_read_back_as_they_were(running: Graph, box: Box) -> None:
    asking = b"Disposition-Notification-To: a@example.co.jp\r\nReturn-Receipt-To: a@example.co.jp\r\n"
    headers = {
        b"": ("normal", "0"),
        b"Importance: high\r\n": ("high", "0"),
        b"X-Priority: 5 (Lowest)\r\n" + asking: ("low", "0"),
        b"Importance: normal\r\nSensitivity: Company-Confidential\r\n": ("normal", "3"),
        b"Sensitivity: private\r\nX-Priority: 1\r\n": ("high", "2"),
        b"sensitivity: Personal\r\nImportance: Low\r\n" + asking: ("low", "1"),
        b"Importance: whatever\r\nSensitivity:\r\n": ("normal", "0"),
    }
    parcels = matrix(box, [mail(f"h{number}", header=header) for number, header in enumerate(headers)])
    deliver(box, parcels)
    for one, said, expected in zip(parcels, told(running, "box"), headers.values(), strict=True):
        check(one, said)
        assert (said["importance"], said["sensitivity"]) == expected
    assert not any(item.delivery_receipt for item in box.held("box"))


@pytest.mark.corpora
def test_sixty_real_mails_read_back_with_every_property(corpora: Path, running: Graph, box: Box) -> None:
    """Japanese and signed ones among them. Where the server's own reader loses a text, it is named and counted."""
    parcels = matrix(box, real(corpora))
    assert len(parcels) == REAL
    deliver(box, parcels)
    unlike = 0
    for one, said in zip(parcels, told(running, "box"), strict=True):
        check(one, said, text=False)
        unlike += list(Facets.of(one.raw.read()).unlike(Facets.of(said["mime"]))) != []
    assert unlike <= REAL // 10
