"""The adapter on a server it has never seen: MIGRATOR_EWS_URL names one, for a mailbox where a folder may be made.

MIGRATOR_EWS_MAILBOX, _USER, _PASSWORD and, where they differ from the defaults, _AUTH, _ACCESS and _CA go with it.
MIGRATOR_EWS_MEMBER, the primary address of somebody else there, is let into a new folder and out again, and a mail gets
a state. What it puts there it takes back. Run it against every Exchange before a migration to it.
"""

import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest

from adapters.exchange import adapter
from adapters.exchange.config import ExchangeConfig
from migrator.inboxes import Right
from migrator.mail.facets import Facets
from migrator.model import FLAGGED, SEEN, Amended, Mailbox, Place, Receipt, Reflag, Withdrawn
from migrator.ports import SharedTarget, Target
from migrator.testing import SAMPLES
from tests.adapters.exchange.conftest import parcel
from tests.adapters.exchange.test_fidelity import FLAGS

NAMES = ("URL", "MAILBOX", "USER", "PASSWORD")
GIVEN = {name: os.environ.get(f"MIGRATOR_EWS_{name}", "") for name in (*NAMES, "AUTH", "ACCESS", "CA", "MEMBER")}

pytestmark = pytest.mark.skipif(
    not all(GIVEN[name] for name in NAMES),
    reason="no Exchange to try: set " + ", ".join(f"MIGRATOR_EWS_{name}" for name in NAMES),
)


def opened() -> AbstractContextManager[Target]:
    more = {"auth": GIVEN["AUTH"], "access": GIVEN["ACCESS"], "ca_file": GIVEN["CA"]}
    config = ExchangeConfig(
        endpoint=GIVEN["URL"],
        user=GIVEN["USER"],
        password={"env": "MIGRATOR_EWS_PASSWORD"},
        **{name: value for name, value in more.items() if value},
    )
    assert adapter.open_target is not None
    return adapter.open_target(config, Mailbox(GIVEN["MAILBOX"]))


@pytest.fixture
def target() -> Iterator[Target]:
    with opened() as target:
        yield target


def test_mails_read_back_as_they_were_sent_are_changed_and_taken_back(target: Target) -> None:
    place = Place(GIVEN["MAILBOX"], ("migrator", f"取引先 & <{time.time_ns()}>"))
    assert target.prepare(place).count == 0
    raws = [raw for raw in SAMPLES if b":" in raw and b"\0" not in raw]
    sent = [parcel(place, raw, flags=FLAGS[number % len(FLAGS)]) for number, raw in enumerate(raws)]
    receipts = list(target.deliver(sent))
    assert all(isinstance(each, Receipt) for each in receipts), receipts
    seen = list(target.survey(place, None))
    assert {each.token for each in seen} == {each.token for each in sent}
    lying = {each.token: each for each in seen}
    unlike: dict[str, list[str]] = {}
    for one, receipt in zip(sent, receipts, strict=True):
        assert isinstance(receipt, Receipt)
        found = lying[one.token]
        assert (receipt.ref, receipt.flags, one.received_at) == (found.ref, found.flags, found.received_at)
        back = target.fetch(place, found.ref)
        assert back is not None
        if names := list(Facets.of(one.raw.read()).unlike(Facets.of(back.read()))):
            unlike[one.token] = names
    first = next(each for each in seen if FLAGGED not in each.flags)
    done = target.amend(place, first.ref, first, Reflag(add=frozenset({FLAGGED, SEEN})))
    assert isinstance(done, Amended)
    assert done.flags == first.flags | {FLAGGED, SEEN}
    assert done.ref == first.ref
    for each in list(target.survey(place, None)):
        assert target.withdraw(place, each.ref, each) == Withdrawn()
    assert list(target.survey(place, None)) == []
    assert unlike == {}, "the server changed what these mails mean: see what verify will say of yours"


@pytest.mark.skipif(not GIVEN["MEMBER"], reason="nobody to let in: set MIGRATOR_EWS_MEMBER")
def test_a_member_is_let_in_and_out_and_a_state_is_set_and_taken_away(target: Target) -> None:
    assert isinstance(target, SharedTarget)
    who, before = GIVEN["MEMBER"].lower(), target.holds()
    assert Right.ADMIN in before.rights, "the server does not let this login change a folder's permissions"
    place = Place(GIVEN["MAILBOX"], ("migrator", f"窓口 {time.time_ns()}"))
    target.prepare(place)
    assert who not in target.rights(place)
    for right in (Right.READ, Right.REPLY, Right.DELETE, Right.ADMIN):
        held = target.grant(place, who, frozenset({right}))
        assert right in getattr(held, "rights", ()), held
        assert target.rights(place)[who] == held
    assert target.rights(place)[who].word == "Owner"
    assert target.revoke(place, who, "Owner", "")
    assert who not in target.rights(place)
    (receipt,) = target.deliver([parcel(place)])
    assert isinstance(receipt, Receipt)
    was: frozenset[str] = frozenset()
    for state in (frozenset({"gw_open", "gw_tag.返品"}), frozenset({"gw_closed"}), frozenset[str]()):
        done = target.set_state(place, str(receipt.ref), state, was)
        assert isinstance(done, Amended)
        assert done.flags == receipt.flags | state
        was = state
    target.publish(place, '{"legend": "未対応"}')
    assert target.legend(place) == '{"legend": "未対応"}'
    (seen,) = target.survey(place, None)
    assert target.withdraw(place, seen.ref, seen) == Withdrawn()
