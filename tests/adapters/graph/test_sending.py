"""What becomes of mail that the server refuses, puts off, or does not answer; and that nobody sees a half-made one."""

import base64
from collections.abc import Callable

import pytest

from migrator.errors import AccountError, FolderError, MigratorError, Outage, UsageError
from migrator.model import DRAFT, FLAGGED, SEEN, Place, Receipt, Reflag, Refused, Role, Touched
from migrator.testing import mail
from tests.adapters.exchange.conftest import failure, kinds, parcel
from tests.adapters.graph.conftest import Box, config
from tests.servers.answers import Answer
from tests.servers.exchange import ALICE
from tests.servers.exchange.faults import Dropped, Fault, Lost, Meanwhile, Request, Truncated, Unavailable, Work
from tests.servers.graph import Graph, Throttled
from tests.servers.graph.calls import error

HALL = "migrator-unfinished"

OPERATIONS = ["POST importMime", "PATCH message", "POST move", "POST batch", "GET message"]
"""All that makes a mail, in its order."""


class Refusing(Fault):
    """Refuses with a status and a code, where a question says so."""

    def __init__(self, status: int, code: str, at: object = 1, operation: str = "POST importMime") -> None:
        super().__init__(at, operation)  # type: ignore[arg-type]
        self.status, self.code = status, code

    def answer(self, request: Request, work: Work) -> Answer | None:
        return error(self.status, self.code, "No.")


def holds(text: bytes) -> Callable[[Request], bool]:
    """Whether a mail in a request holds this text."""
    return lambda request: text in base64.b64decode(request.raw)


def always(_: Request) -> bool:
    return True


@pytest.mark.parametrize("how", [413, "close"])
def test_an_oversize_mail_among_small_ones_is_refused_alone_and_never_sent(box: Box, how: int | str) -> None:
    box.graph.oversize = how  # type: ignore[assignment]
    with box.open() as target:
        place = box.at("box")
        target.prepare(place)
        large = parcel(place, mail("large", b"x" * 70 + b"\r\n" * 2**21))
        found = list(target.deliver([parcel(place), large, parcel(place)]))
    assert kinds(found) == "rxr"
    assert isinstance(found[1], Refused)
    assert found[1].reason.code == "item.too-large"


def test_the_largest_mail_that_is_sent_fits_into_a_request(box: Box) -> None:
    head = mail("largest")
    with box.open() as target:
        place = box.at("box")
        target.prepare(place)
        assert kinds(list(target.deliver([parcel(place, head + b"y" * (3 * 2**20 - len(head) - 2) + b"\r\n")]))) == "r"


def test_what_the_server_calls_too_large_is_asked_once(box: Box) -> None:
    box.graph.request_bytes = 100_000
    with box.open() as target:
        place = box.at("box")
        target.prepare(place)
        large = parcel(place, mail("large", b"line\r\n" * 20_000))
        found = list(target.deliver([parcel(place), large, parcel(place)]))
    assert kinds(found) == "rxr"
    assert isinstance(found[1], Refused)
    assert found[1].reason.code == "exchange.too-large-there"
    assert len(box.held("box")) == 2


@pytest.mark.parametrize(
    ("code", "reason"),
    [("ErrorMimeContentConversionFailed", "exchange.mime-refused"), ("ErrorItemSave", "exchange.mail-refused")],
)
def test_a_mail_the_server_cannot_take_is_asked_twice_and_its_neighbours_go(box: Box, code: str, reason: str) -> None:
    refusing = Refusing(400, code, holds(b"bad mail"))
    box.graph.script(refusing)
    with box.open() as target:
        place = box.at("box")
        target.prepare(place)
        found = list(target.deliver([parcel(place), parcel(place, mail("bad", b"bad mail")), parcel(place)]))
    assert kinds(found) == "rxr"
    assert isinstance(found[1], Refused)
    assert found[1].reason.code == reason
    assert refusing.fired == 2
    assert len(box.held("box")) == 2


def test_a_mail_whose_properties_are_refused_is_refused_and_leaves_nothing(box: Box) -> None:
    refusing = Refusing(400, "ErrorInvalidExtendedPropertyValue", {2, 4}, "PATCH message")
    box.graph.script(refusing)
    with box.open() as target:
        place = box.at("box")
        target.prepare(place)
        assert kinds(list(target.deliver([parcel(place) for _ in range(3)]))) == "rxr"
    assert refusing.fired == 2
    assert len(box.held("box")) == 2
    assert box.held(HALL) == []


def test_three_equal_refusals_in_a_row_are_about_the_server(box: Box) -> None:
    box.graph.script(Refusing(400, "ErrorItemSave", always))
    with box.open() as target:
        place = box.at("box")
        target.prepare(place)
        assert failure(target, [parcel(place) for _ in range(4)], FolderError) == ("xx", "exchange.refuses-all")


def test_a_full_mailbox_stops_and_is_no_fault_of_the_mail(box: Box) -> None:
    box.graph[ALICE].quota = 450
    with box.open() as target:
        place = box.at("box")
        target.prepare(place)
        assert failure(target, [parcel(place) for _ in range(5)], AccountError) == ("", "exchange.over-quota")
    assert box.held("box") == []


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_server_that_puts_off_is_waited_for_and_no_mail_goes_twice(box: Box, operation: str) -> None:
    fault = Throttled({2}, operation)
    box.graph.script(fault)
    with box.open() as target:
        place = box.at("box")
        target.prepare(place)
        sent = [parcel(place) for _ in range(5)]
        assert kinds(list(target.deliver(sent))) == "rrrrr"
        assert [each.token for each in target.survey(place, None)] == [each.token for each in sent]
    assert fault.fired == 1


def test_a_server_that_wants_a_long_pause_is_the_engines_to_wait_for(box: Box) -> None:
    box.graph.script(Throttled(1, retry_after=120))
    with box.open() as target:
        place = box.at("box")
        target.prepare(place)
        with pytest.raises(Outage) as error:
            list(target.deliver([parcel(place)]))
    assert (error.value.reason.code, error.value.retry_after) == ("graph.throttled-now", 120)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("kind", [Lost, Truncated, Dropped, Unavailable])
def test_what_is_not_answered_is_not_sent_again_by_itself_and_nobody_sees_a_half_made_mail(
    box: Box, kind: type[Fault], operation: str
) -> None:
    if kind is Truncated and operation not in ("POST importMime", "POST batch"):
        pytest.skip("half an answer within a batch is half a batch")
    with box.open() as target:
        place = box.at("box")
        target.prepare(place)
        box.graph.counts.clear()
        box.graph.script(kind({2}, operation))
        sent = [parcel(place, flags=frozenset({SEEN})) for _ in range(3)]
        found: list[Receipt | Refused] = []
        with pytest.raises(Outage):
            found.extend(target.deliver(sent))
        assert found == []
        assert len(box.graph.asked("POST importMime")) <= 3
        seen = list(target.survey(place, None))
        assert all(each.flags == {SEEN} and each.received_at == sent[0].received_at for each in seen)
        there = {each.token for each in seen}
        rest = [each for each in sent if each.token not in there]
        target.prepare(place)
        assert box.held(HALL) == []
        list(target.deliver(rest))
        assert sorted(str(each.token) for each in target.survey(place, None)) == sorted(each.token for each in sent)
    assert box.held(HALL) == []


def test_a_mail_that_alone_is_never_answered_is_refused_in_the_end(box: Box) -> None:
    box.graph.script(Dropped(holds(b"ends it"), "POST importMime"))
    with box.open() as target:
        place = box.at("box")
        target.prepare(place)
        bad, good = parcel(place, mail("bad", b"ends it")), parcel(place)
        for _ in range(4):
            assert failure(target, [bad, good], Outage) == ("", "graph.unanswered")
        found = list(target.deliver([bad, good]))
    assert kinds(found) == "xr"
    assert isinstance(found[0], Refused)
    assert found[0].reason.code == "exchange.ends-connection"


def test_what_is_no_mail_is_not_sent(box: Box) -> None:
    with box.open() as target:
        place = box.at("box")
        target.prepare(place)
        found = list(target.deliver([parcel(place, raw) for raw in (b"", b"\0\1\2garbage", b"\xff" * 5000)]))
    assert kinds(found) == "xxx"
    assert box.graph.asked("POST importMime") == []


def test_a_server_that_gives_mails_a_date_of_its_own_gets_no_further(box: Box) -> None:
    """No page says that PidTagMessageDeliveryTime can be set afterwards."""
    with box.open() as target:
        place = box.at("box")
        target.prepare(place)
        box.graph.script(Datelessly())
        assert failure(target, [parcel(place)], UsageError) == ("", "graph.date-not-kept")
    assert box.held("box") == []


class Datelessly(Fault):
    """Takes a PATCH, and keeps the date of arrival all the same."""

    def __init__(self) -> None:
        super().__init__(always, "PATCH message")

    def answer(self, request: Request, work: Work) -> Answer | None:
        done = work()
        return Answer(
            done.status, done.body.replace(b'"receivedDateTime": "2009', b'"receivedDateTime": "2026'), done.headers
        )


@pytest.mark.parametrize(
    ("status", "code", "kind", "reason"),
    [
        (403, "ErrorAccessDenied", AccountError, "graph.import-denied"),
        (404, "BadRequest", UsageError, "graph.import-gone"),
        (405, "UnknownError", UsageError, "graph.import-gone"),
        (404, "ErrorFolderNotFound", FolderError, "exchange.no-such-place"),
    ],
)
def test_an_import_that_may_not_be_says_what_to_do(
    box: Box, status: int, code: str, kind: type[MigratorError], reason: str
) -> None:
    box.graph.script(Refusing(status, code, always))
    with box.open() as target:
        place = box.at("box")
        target.prepare(place)
        assert failure(target, [parcel(place)], kind) == ("", reason)


def test_without_leave_for_beta_nothing_is_made_but_all_is_read(running: Graph, box: Box) -> None:
    with box.open() as target:
        place = box.at("box")
        target.prepare(place)
        list(target.deliver([parcel(place)]))
    with Box(running, config(running, beta=False)).open() as target:
        assert len(list(target.survey(place, None))) == 1
        with pytest.raises(UsageError) as error:
            target.prepare(box.at("other"))
        assert error.value.reason.code == "graph.beta-off"
        assert target.mark(box.at("other")) is None


def test_a_category_with_a_comma_is_lost_and_said(box: Box) -> None:
    with box.open() as target:
        place = box.at("box")
        target.prepare(place)
        (found,) = target.deliver([parcel(place, flags=frozenset({"a,b", "見積 <1> & 2", SEEN}))])
        (seen,) = target.survey(place, None)
    assert isinstance(found, Receipt)
    assert found.lost == {"a,b"}
    assert seen.flags == found.flags == {"見積 <1> & 2", SEEN}


def test_a_change_between_look_and_touch_wins(box: Box) -> None:
    with box.open() as target:
        place = box.at("box")
        target.prepare(place)
        list(target.deliver([parcel(place)]))
        (before,) = target.survey(place, None)
        (item,) = box.held("box")

        def somebody() -> None:
            item.read = True
            box.graph[ALICE].touch(item)

        box.graph.counts.clear()
        box.graph.script(Meanwhile(somebody, 1, "PATCH message"))
        done = target.amend(place, before.ref, before, Reflag(add=frozenset({FLAGGED})))
        assert isinstance(done, Touched)
        assert done.now.flags == {SEEN}


def test_places_with_a_role_are_found_whatever_they_are_called_and_others_keep_away(box: Box) -> None:
    with box.open() as target:
        sent = parcel(Place(ALICE, ("送信箱",), Role.SENT), flags=frozenset({SEEN}))
        target.prepare(sent.place)
        assert kinds(list(target.deliver([sent]))) == "r"
        for name in ("送信トレイ", "予定表"):
            with pytest.raises(FolderError) as error:
                target.prepare(box.at(name))
            assert error.value.reason.code in ("exchange.place-has-use", "exchange.name-taken")
        assert HALL not in {place.path[0] for place in target.places()}
    assert len(box.held("送信済みアイテム")) == 1


def test_a_draft_is_a_draft_and_asking_for_a_receipt_is_taken_from_the_rest(box: Box) -> None:
    header = b"Disposition-Notification-To: a@example.co.jp\r\nReturn-Receipt-To: a@example.co.jp\r\n"
    with box.open() as target:
        place = box.at("box")
        target.prepare(place)
        draft, asked, read = target.deliver(
            [
                parcel(place, flags=frozenset({DRAFT})),
                parcel(place, mail("asking", header=header)),
                parcel(place, mail("was read", header=header), flags=frozenset({SEEN})),
            ]
        )
        assert isinstance(asked, Receipt)
        assert asked.repairs == ("repair.receipt-unasked",)
        seen = list(target.survey(place, None))[1]
        target.amend(place, seen.ref, seen, Reflag(add=frozenset({SEEN})))
    first, second, third = box.held("box")
    assert first.draft
    for each in (second, third):
        assert [each.draft, each.read_receipt, each.delivery_receipt, each.read] == [False, False, False, True]
    assert isinstance(draft, Receipt)
    assert isinstance(read, Receipt)


def test_a_visible_folder_by_the_name_of_ours_is_somebody_elses(box: Box) -> None:
    box.graph[ALICE].add_folder(HALL, box.graph[ALICE].role("msgfolderroot").id, "IPF.Note")
    with box.open() as target, pytest.raises(AccountError) as error:
        target.prepare(box.at("box"))
    assert error.value.reason.code == "graph.hall-taken"


def test_a_next_page_at_another_host_is_not_asked_for(box: Box) -> None:
    """It would get the token."""

    class Elsewhere(Fault):
        def answer(self, request: Request, work: Work) -> Answer | None:
            done = work()
            body = done.body[:-1] + b', "@odata.nextLink": "https://graph.example.org/v1.0/more"}'
            return Answer(done.status, body, done.headers)

    with box.open() as target:
        place = box.at("box")
        target.prepare(place)
        box.graph.script(Elsewhere(always, "GET messages"))
        with pytest.raises(Outage) as error:
            list(target.survey(place, None))
    assert error.value.reason.code == "exchange.answer-broken"
