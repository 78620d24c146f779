"""Decisions of several people: nobody overwrites another unseen, and what is undone is as it was before."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from migrator.model import Verdict
from migrator.staging.books import Book, Overtaken, Span, mails_book, rulings_book, senders_book, sign, signoffs
from migrator.staging.opinions import Unit, decide_stream, decided_units
from migrator.staging.reports import listing
from migrator.staging.store import Staging
from tests.roads import mail, road
from tests.servers.stagings import Opener

NEWS, SALE = Unit("news@shop.example"), Unit("sale@shop.example")


def words(book: Book) -> dict[object, str | None]:
    return {subject: said.verdict for subject, said in book.in_force().items()}


def written(outcome: Span | Overtaken) -> Span:
    assert isinstance(outcome, Span)
    return outcome


def test_who_has_not_read_the_newest_decision_writes_nothing(staging: Staging) -> None:
    book = senders_book(staging)
    seen = book.newest()
    book.write({NEWS: "park"}, by="sato", why="", seen=seen)
    outcome = book.write({NEWS: "keep", SALE: "keep"}, by="suzuki", why="", seen=seen)
    assert outcome == Overtaken(frozenset({NEWS}))
    assert words(book) == {NEWS: "park"}
    assert book.write({SALE: "keep"}, by="suzuki", why="", seen=seen)  # about which nobody spoke
    assert book.write({NEWS: "keep"}, by="suzuki", why="", seen=book.newest())
    assert words(book) == {NEWS: "keep", SALE: "keep"}


def test_of_many_at_the_very_same_time_one_is_first_and_the_others_are_told(open_staging: Opener) -> None:
    people = [f"person-{number}" for number in range(4)]
    ready = threading.Barrier(len(people))

    def write(by: str) -> Span | Overtaken:
        with open_staging() as staging:  # as another process would
            book = senders_book(staging)
            ready.wait()
            return book.write({Unit(f"{number}@shop.example"): "park" for number in range(300)}, by=by, why="", seen=0)

    with open_staging() as staging, ThreadPoolExecutor(len(people)) as pool:
        outcomes = list(pool.map(write, people))
        assert sorted(type(each).__name__ for each in outcomes) == ["Overtaken"] * 3 + ["Span"]
        assert len(senders_book(staging).of(Unit("7@shop.example"))) == 1


def test_a_command_is_seen_as_well(staging: Staging) -> None:
    with road() as way:
        way.old.add("sato", ("INBOX",), mail("offer"))
        way.extract(staging)
    book = senders_book(staging)
    seen = book.newest()
    decide_stream(staging, "sato@example.co.jp", Verdict.KEEP, by="root", why="")
    assert isinstance(book.write({Unit("sato@example.co.jp"): "park"}, by="sato", why="", seen=seen), Overtaken)


def test_what_is_undone_is_as_it_was(staging: Staging) -> None:
    book = senders_book(staging)
    book.write({NEWS: "hold"}, by="sato", why="ask sales", seen=0)
    act = written(book.write({NEWS: "park", SALE: "park"}, by="suzuki", why="sales said so", seen=book.newest()))
    assert words(book) == {NEWS: "park", SALE: "park"}
    book.undo(act, by="suzuki")
    assert words(book) == {NEWS: "hold", SALE: None}
    assert decided_units(staging) == {NEWS: (Verdict.HOLD, "suzuki", "ask sales")}
    assert [said.verdict for said in book.of(NEWS)] == ["hold", "park", "hold"]


def test_nobody_undoes_what_somebody_else_did_or_changed_since(staging: Staging) -> None:
    book = senders_book(staging)
    act = written(book.write({NEWS: "park"}, by="suzuki", why="", seen=0))
    assert book.undo(act, by="sato") == Span(0, 0, 0)
    book.write({NEWS: "keep"}, by="sato", why="", seen=act.last)
    assert book.undo(act, by="suzuki") == Overtaken(frozenset({NEWS}))
    assert words(book) == {NEWS: "keep"}


@pytest.mark.parametrize("scope", ["sender", "item"])
def test_a_decision_taken_back_is_as_if_it_had_never_been_made(staging: Staging, scope: str) -> None:
    with road() as way:
        way.old.add("sato", ("INBOX",), mail("offer"))
        way.extract(staging)
    if scope == "sender":
        book, subject = senders_book(staging), Unit("sato@example.co.jp")
    else:
        book, subject = mails_book(staging), 1
    act = written(book.write({subject: "park"}, by="suzuki", why="", seen=0))
    assert [line["decision"] for line in listing(staging)] == ["park"]
    book.undo(act, by="suzuki")
    assert [line["decision"] for line in listing(staging)] == ["keep"]


def test_a_word_on_a_sender_that_is_taken_back_leaves_its_orders_as_they_were(staging: Staging) -> None:
    book = senders_book(staging)
    orders = NEWS._replace(orders=True)
    book.write({orders: "park"}, by="sato", why="", seen=0)
    act = written(book.write({NEWS: "keep"}, by="suzuki", why="", seen=book.newest()))
    book.undo(act, by="suzuki")
    assert decided_units(staging) == {orders: (Verdict.PARK, "sato", "")}
    assert words(book) == {NEWS: None, orders: "park"}
    assert [said.verdict for said in book.of(orders)] == ["park"]


def test_topics_do_not_mix_and_a_ruling_names_what_it_is_about(staging: Staging) -> None:
    accounts, folders = rulings_book(staging, "accounts"), rulings_book(staging, "folders")
    accounts.write({"a1": "right"}, by="sato", why="", seen=0, about={"a1": "d1"})
    assert [said.about for said in accounts.in_force().values()] == ["d1"]
    assert folders.in_force() == {}


def test_sign_offs_are_kept_all_of_them_the_newest_first(staging: Staging) -> None:
    for digest in ("one", "two"):
        sign(staging, "senders", digest=digest, rows={"s1": digest}, needs={}, by="sato")
    assert [each.digest for each in signoffs(staging)["senders"]] == ["two", "one"]
    assert signoffs(staging)["senders"][0].rows == {"s1": "two"}
