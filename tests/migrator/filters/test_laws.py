"""Laws of judging: what may move a proposal, and which way."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from migrator.filters.senders import SenderRule
from migrator.filters.streams import Stream
from migrator.mail.streams import stream_of
from migrator.model import Proposal, Verdict
from tests.migrator.filters.made import RULES

JUDGE = RULES.judge
PARKING = [each.id for each in JUDGE.signals.all if each.towards == "park"]
KEEPING = [each.id for each in JUDGE.signals.all if each.towards == "keep"]

TOWARDS_PARK = [Verdict.KEEP, Verdict.HOLD, Verdict.PARK]


@dataclass(frozen=True)
class Seen:
    """What is known of one mail."""

    sender: str
    list_id: str | None
    shown: frozenset[str]
    guards: tuple[str, ...] = ()


def rule(verdict: Verdict) -> SenderRule:
    return SenderRule(id=f"rule.{verdict}", sender="*@a.example", verdict=verdict, why="")


def judged(mails: Sequence[Seen], rule: SenderRule | None = None) -> list[Proposal]:
    """What is thought of each, as the step does it: all streams first, then each mail."""
    streams: dict[str, Stream] = {}
    for each in mails:
        stream = streams.setdefault(stream_of(each.sender, each.list_id), Stream(is_list=each.list_id is not None))
        standing = JUDGE.standing(each.shown, guarded=bool(each.guards))
        stream.add(JUDGE.weights.score(each.shown), standing, sender=each.sender, account="a")
    return [
        JUDGE.propose(each.shown, each.guards, streams[stream_of(each.sender, each.list_id)], rule, sender=each.sender)
        for each in mails
    ]


def rank(found: Proposal) -> int:
    return TOWARDS_PARK.index(found.verdict)


# Most mails advertise, or hardly one would be parked and nothing could be seen to move.
evidence = st.builds(
    lambda loud, some, quiet: frozenset({*PARKING} if loud else some) | quiet,
    st.booleans(),
    st.frozensets(st.sampled_from(PARKING), min_size=4),
    st.frozensets(st.sampled_from(KEEPING), max_size=2),
)
senders = st.sampled_from(["news@a.example", "news1@a.example", "news2@a.example", "taro@b.example"])
seen = st.builds(
    Seen, senders, st.sampled_from([None, None, "l.a.example"]), evidence, st.sampled_from([(), (), ("answered",)])
)
mails = st.lists(seen, min_size=1, max_size=8)
rules = st.sampled_from([None, None, rule(Verdict.PARK), rule(Verdict.HOLD), rule(Verdict.KEEP)])

LOUD = frozenset(PARKING)
MILD = frozenset({"header.reply-to", "subject.date", "text.subscribe"})


def test_what_these_laws_are_about_does_happen() -> None:
    assert judged([Seen("news@a.example", None, LOUD)])[0].verdict == Verdict.PARK


@given(mails, st.data(), st.frozensets(st.sampled_from(KEEPING), min_size=1), rules)
def test_more_evidence_for_keeping_moves_no_mail_towards_parking(
    mails: list[Seen], data: st.DataObject, more: frozenset[str], rule: SenderRule | None
) -> None:
    at = data.draw(st.integers(0, len(mails) - 1))
    protected = [*mails[:at], replace(mails[at], shown=mails[at].shown | more), *mails[at + 1 :]]
    for before, after in zip(judged(mails, rule), judged(protected, rule), strict=True):
        assert rank(after) <= rank(before)


@pytest.mark.parametrize("signal", KEEPING)
def test_no_signal_for_keeping_moves_a_mail_towards_parking_however_sure_we_are(signal: str) -> None:
    for some in range(len(PARKING) + 1):
        plain = Seen("news@a.example", None, frozenset(PARKING[:some]))
        marked = replace(plain, shown=plain.shown | {signal})
        for before, after in zip(judged([plain, plain]), judged([plain, marked]), strict=True):
            assert (rank(after), after.score) <= (rank(before), before.score)


def test_a_protected_mail_speaks_for_parking_none_of_its_senders() -> None:
    stream = Stream()
    for standing in (JUDGE.standing(LOUD, guarded=True), JUDGE.standing(LOUD | {"transaction.subject"}, guarded=False)):
        stream.add(99.0, standing)
    assert stream.mean <= 0


@given(mails, st.integers(0, 7), rules)
@example([Seen("news@a.example", None, MILD)] * 2, 1, None)  # what weighs nothing must not lift its neighbour either
def test_a_fact_of_the_store_moves_no_mail_towards_parking(mails: list[Seen], at: int, rule: SenderRule | None) -> None:
    at %= len(mails)
    protected = [*mails[:at], replace(mails[at], guards=("flagged",)), *mails[at + 1 :]]
    before, after = judged(mails, rule), judged(protected, rule)
    assert all(rank(late) <= rank(early) for early, late in zip(before, after, strict=True))
    assert after[at].verdict == Verdict.KEEP


@given(mails, seen, rules)
@example(
    [Seen("news1@a.example", None, MILD)], Seen("news2@a.example", None, LOUD), None
)  # two senders whose names differ in a number
@example([Seen("taro@b.example", "l.a.example", MILD)], Seen("news@a.example", "l.a.example", LOUD), None)
def test_a_mail_moves_no_other_senders_mail_towards_parking(
    mails: list[Seen], late: Seen, rule: SenderRule | None
) -> None:
    for each, before, after in zip(mails, judged(mails, rule), judged([*mails, late], rule), strict=False):
        if each.sender != late.sender:
            assert rank(after) <= rank(before)


@given(mails, st.randoms(use_true_random=False), rules)
def test_the_order_of_mails_changes_nothing(mails: list[Seen], chance: object, rule: SenderRule | None) -> None:
    order = list(range(len(mails)))
    chance.shuffle(order)
    straight, shuffled = judged(mails, rule), judged([mails[at] for at in order], rule)
    assert [straight[at] for at in order] == shuffled
    assert straight == judged(mails, rule)


@given(evidence, st.sampled_from(sorted(JUDGE.guards)), st.integers(0, 5))
def test_a_guard_stands_above_all_weights_and_above_a_rule_to_park(
    marks: frozenset[str], guard: str, others: int
) -> None:
    mails = [Seen("news@a.example", None, marks | {guard}), *[Seen("news@a.example", None, LOUD)] * others]
    found = judged(mails, rule(Verdict.PARK))[0]
    assert found.verdict == Verdict.KEEP
    assert found.guard is not None


@given(evidence, st.sampled_from(sorted(JUDGE.asking)), st.integers(0, 5))
def test_what_asks_for_a_person_is_not_parked_even_by_a_rule(marks: frozenset[str], asks: str, others: int) -> None:
    mails = [Seen("news@a.example", None, marks | {asks}), *[Seen("news@a.example", None, LOUD)] * others]
    assert judged(mails, rule(Verdict.PARK))[0].verdict != Verdict.PARK
