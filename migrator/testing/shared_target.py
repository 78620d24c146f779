"""What every target promises that can hold shared inboxes, and what it says where it cannot."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from itertools import count
from typing import ClassVar, Protocol

import pytest

from migrator.inboxes import WORD, Right
from migrator.model import FLAGGED, SEEN, Amended, Gone, Parcel, Place, Raw, Receipt, Reflag, Sighting, Touched, Unable
from migrator.naming import legal
from migrator.ports import Holds, SharedTarget, Target
from migrator.testing.samples import mail

AT = datetime(2009, 11, 2, 0, 15, 30, tzinfo=UTC)
OPEN, CLOSED, HERS = f"{WORD}open", f"{WORD}closed", f"{WORD}as_suzuki"
NOBODY = ("", "a\r\nq9 CREATE x")
"""What can be nobody's name, wherever it is."""


class Shares(Target, SharedTarget, Protocol):
    """A target that can be both."""


class SharedTargetStore(Protocol):
    """The system behind the adapter: one mailbox, empty when the test begins, and two other people."""

    owner: str
    people: tuple[str, str]

    def open(self) -> AbstractContextManager[Shares]:
        """The adapter's target over this mailbox; called several times, also while another one is open."""


class SharedTargetContract:
    """The promises of `ports.SharedTarget`. A subclass supplies the fixture `store`, and says what its system holds."""

    holds: ClassVar[Holds]

    @pytest.fixture
    def store(self) -> SharedTargetStore:
        raise NotImplementedError("supply the system behind your adapter")

    @pytest.fixture
    def target(self, store: SharedTargetStore) -> Iterator[Shares]:
        with store.open() as target:
            yield target

    @pytest.fixture
    def place(self, store: SharedTargetStore, target: Shares) -> Place:
        """An ordinary place that exists and is empty."""
        place = Place(store.owner, legal(("box",), target.limits))
        target.prepare(place)
        return place

    _numbers: ClassVar[Iterator[int]] = count(1)

    def put(self, target: Shares, place: Place, flags: Iterable[str] = ()) -> Sighting:
        """One mail lies there."""
        number = next(self._numbers)
        raw = Raw.of(mail(f"s{number}"))
        parcel = Parcel(
            item=number, place=place, raw=raw, flags=frozenset(flags), received_at=AT, token=f"shared-{number}"
        )
        (outcome,) = target.deliver([parcel])
        assert isinstance(outcome, Receipt)
        return list(target.survey(place, None))[-1]

    def can(self, right: Right) -> None:
        if right not in self.holds.rights:
            pytest.skip(f"this target holds no right to {right}")

    def words(self, *needed: str) -> tuple[frozenset[str], ...]:
        if self.holds.words is not None and len(needed) > self.holds.words:
            pytest.skip("this target holds no words")
        return tuple(frozenset({each}) for each in needed)

    # -- said beforehand -------------------------------------------------------------------------------------------

    def test_it_says_what_it_holds_before_anything_is_there(self, store: SharedTargetStore, target: Shares) -> None:
        assert target.holds() == self.holds
        with store.open() as again:
            assert again.holds() == self.holds

    def test_a_right_that_it_does_not_hold_is_refused_and_nothing_changes(
        self, store: SharedTargetStore, target: Shares, place: Place
    ) -> None:
        before = target.rights(place)
        for right in set(Right) - self.holds.rights:
            assert isinstance(target.grant(place, store.people[0], frozenset({Right.READ, right})), Unable)
        assert target.rights(place) == before

    def test_words_that_it_does_not_hold_are_refused_and_the_mail_stays_as_it_was(
        self, target: Shares, place: Place
    ) -> None:
        if self.holds.words != 0:
            pytest.skip("this target holds words")
        seen = self.put(target, place, {SEEN})
        assert isinstance(target.set_state(place, seen.ref, frozenset({OPEN}), frozenset()), Unable)
        assert list(target.survey(place, None)) == [seen]
        assert list(target.states(place)) == []

    # -- rights ----------------------------------------------------------------------------------------------------

    def test_what_was_granted_is_read_back_and_nobody_else_got_it(
        self, store: SharedTargetStore, target: Shares, place: Place
    ) -> None:
        self.can(Right.READ)
        who, other = store.people
        for right in sorted(self.holds.rights):
            held = target.grant(place, who, frozenset({Right.READ, right}))
            assert not isinstance(held, Unable)
            assert {Right.READ, right} <= held.rights
            assert target.rights(place)[who] == held
            assert other not in target.rights(place)
            assert target.revoke(place, who, held.word, "")
            assert who not in target.rights(place)

    def test_a_grant_gives_just_that_and_a_second_one_changes_nothing(
        self, store: SharedTargetStore, target: Shares, place: Place
    ) -> None:
        self.can(Right.READ)
        who = store.people[0]
        held = target.grant(place, who, frozenset({Right.READ}))
        assert not isinstance(held, Unable)
        assert held.rights == {Right.READ}
        assert target.grant(place, who, frozenset({Right.READ})) == held

    def test_a_grant_comes_beside_what_was_there_and_revoking_leaves_that(
        self, store: SharedTargetStore, target: Shares, place: Place
    ) -> None:
        self.can(Right.DELETE)
        who = store.people[0]
        before = target.grant(place, who, frozenset({Right.READ}))
        after = target.grant(place, who, frozenset({Right.DELETE}))
        assert not isinstance(before, Unable)
        assert not isinstance(after, Unable)
        assert after.rights == {Right.READ, Right.DELETE}
        assert target.revoke(place, who, after.word, before.word)
        assert target.rights(place)[who] == before
        assert target.revoke(place, who, after.word, before.word)  # a second time it is so already

    def test_what_a_person_gave_since_is_not_taken_away(
        self, store: SharedTargetStore, target: Shares, place: Place
    ) -> None:
        self.can(Right.DELETE)
        who = store.people[0]
        ours = target.grant(place, who, frozenset({Right.READ}))
        with store.open() as administrator:
            theirs = administrator.grant(place, who, frozenset({Right.DELETE}))
        assert not isinstance(ours, Unable)
        assert not target.revoke(place, who, ours.word, "")
        assert target.rights(place)[who] == theirs

    def test_rights_belong_to_one_place(self, store: SharedTargetStore, target: Shares, place: Place) -> None:
        self.can(Right.READ)
        other = Place(store.owner, legal(("other",), target.limits))
        target.prepare(other)
        target.grant(place, store.people[0], frozenset({Right.READ}))
        assert store.people[0] not in target.rights(other)

    @pytest.mark.parametrize("who", NOBODY)
    def test_what_is_no_name_gets_nothing(self, target: Shares, place: Place, who: str) -> None:
        before = target.rights(place)
        assert isinstance(target.grant(place, who, frozenset({Right.READ})), Unable)
        assert target.rights(place) == before

    # -- states ----------------------------------------------------------------------------------------------------

    def test_a_state_is_set_changed_and_taken_away_and_other_flags_stay(self, target: Shares, place: Place) -> None:
        opened, closed = self.words(OPEN, CLOSED)
        seen, other = self.put(target, place, {SEEN}), self.put(target, place)
        was: frozenset[str] = frozenset()
        for state in (opened, closed, frozenset[str]()):
            done = target.set_state(place, seen.ref, state, was)
            assert isinstance(done, Amended)
            assert done.flags - {"\\Recent"} == {SEEN} | state
            assert list(target.states(place)) == ([(seen.ref, state)] if state else [])
            assert target.set_state(place, seen.ref, state, was) == done
            was = state
        assert [each.flags - {"\\Recent"} for each in target.survey(place, None)] == [{SEEN}, other.flags]

    def test_a_mail_may_carry_several_words(self, target: Shares, place: Place) -> None:
        opened, hers = self.words(OPEN, HERS)
        seen = self.put(target, place)
        target.set_state(place, seen.ref, opened | hers, frozenset())
        assert list(target.states(place)) == [(seen.ref, opened | hers)]

    def test_a_state_that_a_person_changed_since_stays_theirs(
        self, store: SharedTargetStore, target: Shares, place: Place
    ) -> None:
        opened, closed, hers = self.words(OPEN, CLOSED, HERS)
        seen = self.put(target, place)
        target.set_state(place, seen.ref, opened, frozenset())
        with store.open() as somebody:
            somebody.set_state(place, seen.ref, closed, opened)
        assert isinstance(target.set_state(place, seen.ref, opened | hers, opened), Touched)
        assert list(target.states(place)) == [(seen.ref, closed)]

    def test_a_flag_that_a_person_set_since_is_no_obstacle(
        self, store: SharedTargetStore, target: Shares, place: Place
    ) -> None:
        opened, closed = self.words(OPEN, CLOSED)
        seen = self.put(target, place)
        target.set_state(place, seen.ref, opened, frozenset())
        with store.open() as somebody:
            (now,) = somebody.survey(place, None)
            somebody.amend(place, now.ref, now, Reflag(add=frozenset({FLAGGED})))
        done = target.set_state(place, seen.ref, closed, opened)
        assert isinstance(done, Amended)
        assert done.flags - {"\\Recent"} == closed | {FLAGGED}

    def test_a_mail_that_has_gone_has_no_state(self, store: SharedTargetStore, target: Shares, place: Place) -> None:
        (opened,) = self.words(OPEN)
        seen = self.put(target, place)
        with store.open() as somebody:
            somebody.withdraw(place, seen.ref, seen)
        assert target.set_state(place, seen.ref, opened, frozenset()) == Gone()

    # -- the legend ------------------------------------------------------------------------------------------------

    def test_the_legend_comes_back_and_a_later_one_takes_its_place(
        self, store: SharedTargetStore, target: Shares, place: Place
    ) -> None:
        assert target.legend(place) is None
        if not self.holds.legend:
            return
        for legend in ('{"gw_open": "未対応 ①㈱"}', "x" * 20_000, 'quoted " and \\ and {3}\r\nq9 CREATE x'):
            target.publish(place, legend)
            with store.open() as again:
                assert again.legend(place) == legend
