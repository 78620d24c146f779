"""Who waits is the same at the source and in staging, each asked alone; and what was made unequal is named."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from adapters.groupware import adapter
from adapters.memory import Memory, open_source, open_target
from migrator.demo.store import build
from migrator.errors import AccountError, Reason, UsageError
from migrator.inboxes import About, Scope, SharedInbox, Status, WorkState
from migrator.model import Account, Mailbox, Proposal, Verdict
from migrator.ports import Source
from migrator.shared.legend import Legend
from migrator.shared.mails import own
from migrator.shared.standing import Standing, Why
from migrator.staging import tables
from migrator.staging.books import Span, rulings_book
from migrator.staging.opinions import decide_by_itself, decide_item, decide_stream, propose
from migrator.staging.store import Staging
from migrator.steps.extract import extract
from migrator.steps.rulings import LINKS, ONE, TWO, link_row, rulings
from migrator.steps.share import Sharing
from migrator.steps.share import inboxes as shared_inboxes
from migrator.steps.standings import at_source, at_staging, at_target, compared, parked, told
from tests.desks import AT, INBOX, answered, asked, letter, two_desks
from tests.migrator.shared.made import inboxes, stands
from tests.migrator.shared.test_laws import Made
from tests.roads import Road, road

OWN = ["example.co.jp"]


@pytest.fixture
def way() -> Iterator[Road]:
    with road() as laid:
        two_desks(laid.old)
        yield laid


def views(way: Road, staging: Staging) -> dict[str, dict[str, Standing]]:
    with way.source() as source:
        return {"source": at_source(source, OWN), "staging": at_staging(staging, OWN)}


def found(way: Road, staging: Staging) -> list[tuple[str, str, Why]]:
    return [(each.one, each.other, each.why) for each in compared(views(way, staging))]


@contextmanager
def demo(root: Path) -> Iterator[Source]:
    assert adapter.open_source is not None
    with adapter.open_source(adapter.config(mapping="kyoyu-mail", root=root)) as source:
        yield source


def test_the_demos_groupware_and_its_staging_show_the_same_customers(staging: Staging, tmp_path: Path) -> None:
    build(tmp_path / "gw")
    with demo(tmp_path / "gw") as source:
        extract(source, staging, name="groupware")
        first, second = at_source(source, OWN), at_staging(staging, OWN)
    assert compared({"source": first, "staging": second}) == []
    for key, there in first.items():
        assert [each.key for each in there.unanswered] == [each.key for each in second[key].unanswered]
        assert there.conversations == second[key].conversations
        assert there.doubtful == second[key].doubtful
    with demo(tmp_path / "gw") as source:
        assert extract(source, staging, name="groupware").shared == 0


def test_a_source_and_its_staging_show_the_same_and_a_change_at_the_source_is_named(
    way: Road, staging: Staging
) -> None:
    way.extract(staging)
    assert found(way, staging) == []
    asked(way.old, "support", "7", subject="new")
    assert found(way, staging) == [("source", "staging", Why.MISSING)]
    way.extract(staging)
    assert found(way, staging) == []
    answered(way.old, "support", "8", "7", days=9)
    assert found(way, staging) == [("staging", "source", Why.ANSWERED)]


def test_a_state_that_was_changed_at_the_source_is_named(way: Road, staging: Staging) -> None:
    way.extract(staging)
    desk = way.old.desks["support"]
    state = desk.work["s2"]
    assert isinstance(state, WorkState)
    desk.tell(replace(state, status=Status.CLOSED))
    assert found(way, staging) == [("staging", "source", Why.DONE)]
    assert told(compared(views(way, staging))[0]).code == "shared.done-there"
    desk.tell(replace(state, status=Status.WAITING))
    assert found(way, staging) == [("source", "staging", Why.STATUS)]
    desk.tell(replace(state, assignee="sato"))
    assert found(way, staging) == [("source", "staging", Why.ASSIGNEE)]


def test_a_row_that_is_lost_in_staging_is_named(way: Road, staging: Staging) -> None:
    way.extract(staging)
    assert [each.key for each in views(way, staging)["staging"]["sales"].unanswered] == ["<5@mail.example>"]
    with staging.writing() as connection:
        number = connection.execute(
            select(tables.item.c.id).where(tables.item.c.message_id == "<5@mail.example>")
        ).scalar_one()
        connection.execute(delete(tables.item).where(tables.item.c.id == number))
    assert found(way, staging) == [("source", "staging", Why.MISSING)]


def test_a_waiting_mail_that_would_be_parked_is_named_until_a_person_signs_it(way: Road, staging: Staging) -> None:
    way.extract(staging)
    assert list(parked(staging, at_staging(staging, OWN))) == []
    with staging.reading() as connection:
        question = connection.execute(
            select(tables.item.c.id).where(tables.item.c.message_id == "<4@mail.example>")
        ).scalar_one()
    with staging.run("judge") as run:
        propose(staging, run, "r", [(question, Proposal(verdict=Verdict.PARK))])
    assert [each.conversation for each in parked(staging, at_staging(staging, OWN))] == ["<4@mail.example>"]
    decide_stream(staging, "mori@reiji.example", Verdict.PARK, by="t", why="")
    behind = list(parked(staging, at_staging(staging, OWN)))
    assert {each.key for each in behind} == {
        way.old.named(account, INBOX, number).key for account, number in (("support", 2), ("support", 3), ("sales", 1))
    }
    with staging.reading() as connection:
        items = connection.execute(select(tables.item.c.id)).scalars().all()
    for item in items:
        decide_item(staging, item, Verdict.PARK, by="t", why="signed")
    assert list(parked(staging, at_staging(staging, OWN))) == []


def test_a_mailing_list_is_parked_by_a_persons_word_on_it_and_never_by_itself(way: Road, staging: Staging) -> None:
    listed = b"List-Id: <news.example>\r\n" + letter("news@news.example", "sales@example.co.jp", "news", "20")
    way.old.add("sales", INBOX, listed)
    way.extract(staging)
    news = [each for each in at_staging(staging, OWN)["sales"].unanswered if each.is_bulk]
    assert [each.key for each in news] == ["<20@mail.example>"]
    with staging.reading() as connection:
        row = connection.execute(
            select(tables.item.c.id, tables.item.c.artefact_id).where(tables.item.c.message_id == "<20@mail.example>")
        ).one()
    with staging.run("judge") as run:
        propose(staging, run, "r", [(row.id, Proposal(verdict=Verdict.PARK))])
    assert list(parked(staging, at_staging(staging, OWN))) == []
    decide_by_itself(staging, {row.artefact_id: Verdict.PARK}, why="safest")
    assert [each.conversation for each in parked(staging, at_staging(staging, OWN))] == ["<20@mail.example>"]
    decide_stream(staging, "news.example", Verdict.PARK, by="t", why="read by nobody")
    assert list(parked(staging, at_staging(staging, OWN))) == []


def test_what_nobody_can_answer_is_refused(way: Road, staging: Staging) -> None:
    with way.source() as source:
        for ask in (lambda: at_source(source, []), lambda: at_staging(staging, OWN)):
            with pytest.raises(UsageError):
                ask()
    with road() as other, other.source() as source, pytest.raises(UsageError):
        at_source(source, OWN)


def test_an_inbox_that_cannot_be_read_is_a_setback_and_nothing_of_it_is_gone(way: Road, staging: Staging) -> None:
    way.extract(staging)
    before = at_staging(staging, OWN)

    def closed(moment: str) -> None:
        if moment == "work item":
            raise AccountError(Reason("groupware.account-unknown", account="support"))

    way.old.interrupt = closed
    way.old.desks["support"].members.clear()
    assert way.extract(staging).setbacks == 1
    assert at_staging(staging, OWN) == before


def test_a_target_tells_by_its_mails_alone_who_waits() -> None:
    """Without a legend every state is silent; so who was closed there waits again, and that is named."""
    with road() as way:
        old = way.old
        first, second = asked(old, "desk", "1"), asked(old, "desk", "2", subject="other")
        old.share("desk").tell(
            WorkState(key="s", about=About(items=(first,)), scope=Scope.MAIL, status=Status.CLOSED, label="完了")
        )
        inbox = old.desks["desk"].inbox
        with open_source(Memory(world=f"{way.name}-old")) as source:
            here = at_source(source, OWN)["desk"]
        for named in (first, second):
            (raw,) = [m.raw for n, m in old.boxes["desk", INBOX].mails.items() if old.named("desk", INBOX, n) == named]
            way.new.add("desk", ("INBOX",), raw, received_at=old.boxes["desk", INBOX].mails[1].received_at)
        with open_target(Memory(world=f"{way.name}-new"), Mailbox("desk")) as target:
            there = at_target(target, inbox, own(OWN))
        assert [each.key for each in here.unanswered] == ["<2@mail.example>"]
        assert [each.key for each in there.unanswered] == ["<1@mail.example>", "<2@mail.example>"]
        (difference,) = compared({"source": {"desk": here}, "new": {"desk": there}})
        assert (difference.one, difference.other, difference.why) == ("new", "source", Why.DONE)


def test_a_legend_that_the_target_keeps_tells_what_its_words_mean() -> None:
    class Worded:
        """A target that keeps words, over a memory one."""

        def __init__(self, target: object, words: dict[str, frozenset[str]], legend: str | None) -> None:
            self._target, self._words, self._legend = target, words, legend

        def __getattr__(self, name: str) -> object:
            return getattr(self._target, name)

        def states(self, place: object) -> Iterator[tuple[str, frozenset[str]]]:
            yield from self._words.items()

        def legend(self, place: object) -> str | None:
            return self._legend

    with road() as way:
        asked(way.new, "desk", "1")
        inbox = SharedInbox(key="desk", name="desk", account=Account("desk"))
        legend = Legend(states={"gw_done": (Status.CLOSED, "完了")}, people={}, tags={})
        with open_target(Memory(world=f"{way.name}-new"), Mailbox("desk")) as target:
            (place,) = target.places()
            (seen,) = target.survey(place, None)
            words = {seen.ref: frozenset({"gw_done"})}
            for kept, waits in ((legend.text(), 0), (None, 1)):
                told_there = at_target(Worded(target, words, kept), inbox, own(OWN))  # type: ignore[arg-type]
                assert len(told_there.unanswered) == waits
            with pytest.raises(UsageError):
                at_target(Worded(target, words, "{}"), inbox, own(OWN))  # type: ignore[arg-type]


def test_a_persons_word_on_two_mails_counts_in_every_view_until_it_is_taken_back(staging: Staging) -> None:
    """Two that a weak link joins are parted, two that nothing joins become one; who waits follows."""
    with road() as way:
        for world in (way.old, way.new):
            asked(world, "desk", "1")
            asked(world, "desk", "2", days=3)
            at = AT + timedelta(days=5)
            raw = letter("shimizu@kakuu.example", "desk@example.co.jp", "question", "3", at=at)
            world.add("desk", INBOX, raw, received_at=at)
        inbox = way.old.share("desk").inbox
        way.extract(staging)

        def conversations() -> list[str]:
            """By the last digits of their mails' ids; the same in every view."""
            rules = rulings(staging)
            with open_target(Memory(world=f"{way.name}-new"), Mailbox("desk")) as target, way.source() as source:
                shown = [
                    at_source(source, OWN, rules)["desk"],
                    at_staging(staging, OWN)["desk"],
                    at_target(target, inbox, own(OWN), rules=rules),
                ]
            sharing = Sharing(is_own=own(OWN), who_is=lambda _person: None, today=AT)
            shown += [each.read().standing for each in shared_inboxes(staging, ["desk"], sharing)]
            (found,) = {
                tuple("".join(mail.id[1] for mail in each.mails) for each in view.conversations) for view in shown
            }
            assert {len(view.unanswered) for view in shown} == {len(found)}
            return list(found)

        def say(word: str, first: str, second: str) -> Span:
            (row,) = [link_row(inbox, each) for each in doubtful if (each.first[1], each.second[1]) == (first, second)]
            span = book.write({row: word}, by="sato", why="", seen=book.newest())
            assert isinstance(span, Span)
            return span

        doubtful, book = at_staging(staging, OWN)["desk"].doubtful, rulings_book(staging, LINKS)
        assert conversations() == ["12", "3"]
        parted = say(TWO, "1", "2")
        assert conversations() == ["1", "2", "3"]
        assert at_staging(staging, OWN)["desk"].doubtful == doubtful
        one = say(ONE, "2", "3")
        assert conversations() == ["1", "23"]
        for span in (parted, one):
            assert isinstance(book.undo(span, by="sato"), Span)
        assert conversations() == ["12", "3"]


@given(made=inboxes(), order=st.randoms(use_true_random=False))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_source_and_staging_are_equal_whatever_happened_in_the_inbox(
    empty_database: Path, tmp_path_factory: pytest.TempPathFactory, made: Made, order: Random
) -> None:
    folder = tmp_path_factory.mktemp("law")
    shutil.copy(empty_database, folder)
    letters, states = made
    order.shuffle(letters)
    with road() as way, Staging.open("sqlite:///staging.db", folder=folder) as staging:
        desk = way.old.share("support", address="support@example.co.jp", token=r"\[(\d+)-\d+\]")
        named = {}
        for each in letters:
            number = way.old.add("support", each.named.folder, each.head + b"text\r\n", received_at=each.received_at)
            way.old.make("support", each.named.folder).role = each.role
            named[each.named] = way.old.named("support", each.named.folder, number)
        for fact in states:
            desk.tell(replace(fact, about=About(items=tuple(named[item] for item in fact.about.items))))
        way.extract(staging)
        sides = views(way, staging)
        assert compared(sides) == []
        assert sides["source"]["support"].conversations == sides["staging"]["support"].conversations
        assert len(sides["source"]["support"].conversations) == len(stands(letters, states).conversations)
