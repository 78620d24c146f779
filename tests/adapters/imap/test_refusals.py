"""A NO means what the laws say it means (§1): about the mail, the place, the mailbox, or not now."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from adapters.imap.memory import DOUBTS
from migrator.errors import AccountError, FolderError, MigratorError, Outage
from migrator.model import Parcel, Place, Receipt, Refused
from migrator.testing import mail
from migrator.testing.imap_server import DIE, STORE_AND_DIE, ImapServer
from tests.adapters.imap.conftest import Box, config, failure, kinds, outcomes, parcel, tapped, user
from tests.servers.dovecot import Dovecot, server

SMALL = 100_000


@pytest.fixture(scope="module")
def small() -> Iterator[Dovecot]:
    """A server that takes no mail above SMALL bytes and says so only when it is sent one."""
    with server(storage="sdbox", largest=str(SMALL), quota="3M") as running:
        yield running


@pytest.fixture
def small_box(small: Dovecot) -> Box:
    return Box(config(small.port), user())


def large(place: Place, size: int = SMALL) -> Parcel:
    return parcel(place, mail("large", os.urandom(size // 2).hex().encode()))


@pytest.mark.dovecot
@pytest.mark.parametrize("culprits", [{0}, {19}, {7}, {3, 12}, {0, 1}])
def test_a_refused_batch_is_split_until_the_culprit_is_alone(small_box: Box, culprits: set[int]) -> None:
    with tapped(small_box) as (box, seen), box.open() as target:
        place = box.at("box")
        target.prepare(place)
        parcels = [large(place) if number in culprits else parcel(place) for number in range(20)]
        found = outcomes(target, parcels)
        assert [each.item for each in found] == [each.item for each in parcels]
        assert {number for number, each in enumerate(found) if isinstance(each, Refused)} == culprits
        assert {each.reason.code for each in found if isinstance(each, Refused)} == {"imap.refused"}
        sightings = list(target.survey(place, None))
        assert [each.ref for each in found if isinstance(each, Receipt)] == [each.ref for each in sightings]
        for number in culprits:
            assert seen.sent.count(parcels[number].raw.read()) >= 2


@pytest.mark.dovecot
def test_a_refused_mail_alone_is_asked_twice(small_box: Box) -> None:
    with tapped(small_box, hide=[b"MULTIAPPEND"]) as (box, seen), box.open() as target:
        target.prepare(box.at("box"))
        found = outcomes(target, [parcel(box.at("box")), large(box.at("box")), parcel(box.at("box"))])
        assert kinds(found) == "rxr"
        assert sum(command.startswith(b"APPEND") for command in seen.commands) == 4


@pytest.mark.dovecot
def test_three_equal_refusals_in_a_row_are_an_outage(small_box: Box) -> None:
    place = small_box.at("box")
    with small_box.open() as target:
        target.prepare(place)
        assert failure(target, [large(place) for _ in range(6)], Outage) == ("xx", "imap.refuses-all")
        assert kinds(outcomes(target, [large(place), parcel(place)])) == "xr"
        # what is larger than all that was taken is refused for its size, however many there are
        assert kinds(outcomes(target, [large(place) for _ in range(6)])) == "xxxxxx"


@pytest.mark.dovecot
def test_a_full_mailbox_is_the_accounts_matter_and_the_rest_stays_to_do(small_box: Box) -> None:
    place = small_box.at("box")
    with small_box.open() as target:
        target.prepare(place)
        parcels = [large(place, SMALL // 2) for _ in range(80)]
        told, code = failure(target, parcels, AccountError)
        assert code == "imap.over-quota"
        assert "x" not in told
        assert len(list(target.survey(place, None))) == len(told)
        assert [reason.code for reason in target.advice()][:1] in (["imap.quota-near"], ["imap.cleaning-untold"])  # type: ignore[attr-defined]


@pytest.fixture
def fault(pymap: ImapServer) -> Iterator[ImapServer]:
    """pymap, whose fault is mended afterwards."""
    yield pymap
    pymap.fault = lambda _: None


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        ("[UNAVAILABLE] later", Outage, "imap.not-now"),
        ("[INUSE] later", Outage, "imap.not-now"),
        ("[SERVERBUG] oops", Outage, "imap.not-now"),
        ("[OVERQUOTA] full", AccountError, "imap.over-quota"),
        ("[NOPERM] not yours", FolderError, "imap.append-forbidden"),
        ("[READ-ONLY] not now", FolderError, "imap.append-forbidden"),
        ("[TRYCREATE] gone", FolderError, "imap.place-vanishes"),
        (DIE, Outage, "imap.bye"),
        (STORE_AND_DIE, Outage, "imap.bye"),
    ],
)
@pytest.mark.parametrize("count", [1, 5])
def test_a_no_that_is_not_about_the_mail_refuses_no_mail(
    fault: ImapServer, pymap_box: Box, answer: str, kind: type[MigratorError], code: str, count: int
) -> None:
    place = pymap_box.at("box")
    with pymap_box.open() as target:
        target.prepare(place)
        fault.fault = lambda _: answer
        assert failure(target, [parcel(place) for _ in range(count)], kind) == ("", code)
        fault.fault = lambda _: None
        assert kinds(outcomes(target, [parcel(place)])) == "r"


@pytest.mark.parametrize("answer", ["[LIMIT] too long", "[TOOBIG] too big", "[CANNOT] strange header"])
def test_a_no_about_one_mail_refuses_that_mail(fault: ImapServer, pymap_box: Box, answer: str) -> None:
    place = pymap_box.at("box")
    fault.fault = lambda raw: answer if b"culprit" in raw else None
    with pymap_box.open() as target:
        target.prepare(place)
        found = outcomes(target, [parcel(place, mail("culprit"))])
        found += outcomes(target, [parcel(place)])
    assert kinds(found) == "xr"
    assert isinstance(found[0], Refused)
    assert str(found[0].reason.params["answer"]).startswith("NO ")


@pytest.mark.parametrize("answer", ["no reason at all", "[FOO] strange"])
def test_a_no_that_does_not_say_why_is_an_outage_until_it_was_said_on_three_connections(
    fault: ImapServer, pymap_box: Box, answer: str
) -> None:
    place, culprit = pymap_box.at("box"), parcel(pymap_box.at("box"), mail("culprit"))
    fault.fault = lambda raw: answer if b"culprit" in raw else None
    with pymap_box.open() as target:
        target.prepare(place)
        assert kinds(outcomes(target, [parcel(place)])) == "r"
    for _ in range(DOUBTS - 1):
        with pymap_box.open() as target:
            assert failure(target, [culprit], Outage) == ("", "imap.unclear-no")
    with pymap_box.open() as target:
        assert kinds(outcomes(target, [culprit, parcel(place)])) == "xr"


def test_a_server_that_says_no_to_everything_and_not_why_refuses_two_mails_at_most(
    fault: ImapServer, pymap_box: Box
) -> None:
    place = pymap_box.at("box")
    parcels = [parcel(place) for _ in range(5)]
    fault.fault = lambda _: "no reason at all"
    refused: set[int] = set()
    for _ in range(30):
        left = [each for each in parcels if each.item not in refused]
        with pymap_box.open() as target, suppress(Outage):
            target.prepare(place)
            for each in target.deliver(left):
                assert isinstance(each, Refused)
                refused.add(each.item)
    assert len(refused) == 2
    fault.fault = lambda _: None
    with pymap_box.open() as target:
        assert kinds(outcomes(target, [each for each in parcels if each.item not in refused])) == "rrr"


def test_a_server_that_stores_half_of_a_refused_batch_is_an_outage(fault: ImapServer, pymap_box: Box) -> None:
    place = pymap_box.at("box")
    fault.fault = lambda raw: "strange" if b"culprit" in raw else None
    with pymap_box.open() as target:
        target.prepare(place)
        half = [parcel(place), parcel(place, mail("culprit")), parcel(place)]
        assert failure(target, half, Outage) == ("", "imap.refused-but-arrived")
        assert len(list(target.survey(place, None))) == 1


def test_mail_of_others_that_comes_meanwhile_does_not_pass_for_ours(fault: ImapServer, pymap_box: Box) -> None:
    place = pymap_box.at("box")
    with pymap_box.open() as target, pymap_box.open() as other:
        target.prepare(place)

        def refuse(raw: bytes) -> str | None:
            return "[CANNOT] strange" if b"culprit" in raw else None

        fault.fault = refuse
        assert kinds(outcomes(other, [parcel(place)])) == "r"
        assert kinds(outcomes(target, [parcel(place, mail("culprit")), parcel(place)])) == "xr"


@pytest.mark.dovecot
@pytest.mark.parametrize("hide", [[], [b"LITERAL+"], [b"LITERAL+", b"MULTIAPPEND"], [b"MULTIAPPEND"]])
def test_a_place_that_was_deleted_meanwhile_is_made_once_more(new_box: Callable[[str], Box], hide: list[bytes]) -> None:
    with tapped(new_box("dovecot_sdbox"), hide=hide) as (box, _):
        place = box.at("gone", "deep")
        for count in (1, 3):
            with box.open() as target:
                target.prepare(place)
                list(target.deliver([parcel(place)]))  # what it can keep is known from now on
                with box.somebody() as somebody:
                    somebody.do("delete", '"gone/deep"')
                assert kinds(outcomes(target, [parcel(place) for _ in range(count)])) == "r" * count
                assert len(list(target.survey(place, None))) == count
                with box.somebody() as somebody:
                    somebody.do("delete", '"gone/deep"')
