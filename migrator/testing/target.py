"""What every target promises."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime, timedelta, timezone
from itertools import count
from typing import ClassVar, Protocol

import pytest

from migrator.errors import AccountError, FolderError
from migrator.mail import header_digest, on_wire, split
from migrator.mail.facets import Facets
from migrator.model import (
    ANSWERED,
    DRAFT,
    FLAGGED,
    SEEN,
    Amended,
    Flag,
    Gone,
    Mark,
    Parcel,
    Path,
    Place,
    Raw,
    Receipt,
    Reflag,
    Refused,
    Relocate,
    Sighting,
    Touched,
    Withdrawn,
)
from migrator.naming import legal
from migrator.ports import Target
from migrator.testing.samples import NAMES, SAMPLES, mail

NINE_HOURS = timezone(timedelta(hours=9))
AT = datetime(2009, 11, 2, 9, 15, 30, tzinfo=NINE_HOURS)


class TargetStore(Protocol):
    """The system behind the adapter: one mailbox, empty when the test begins."""

    owner: str

    def open(self) -> AbstractContextManager[Target]:
        """The adapter's target over this mailbox; called several times, also while another one is open."""


class TargetContract:
    """The promises of `ports.Target`. A subclass supplies the fixture `store` and says what its system cannot hold."""

    samples: ClassVar[tuple[bytes, ...]] = SAMPLES
    names: ClassVar[tuple[Path, ...]] = NAMES
    flags: ClassVar[frozenset[Flag]] = frozenset({SEEN, ANSWERED, FLAGGED, DRAFT})
    """Flags that must not get lost there."""
    keywords: ClassVar[frozenset[Flag]] = frozenset({"$Forwarded", "gw_open"})
    """Keywords that must not get lost there."""
    times: ClassVar[tuple[datetime, ...]] = (
        AT,
        datetime(1995, 1, 1, tzinfo=UTC),
        datetime(2012, 6, 30, 23, 59, 59, tzinfo=timezone(timedelta(hours=-3, minutes=-30))),
        datetime(2024, 2, 29, 0, 0, 1, tzinfo=UTC),
    )

    @pytest.fixture
    def store(self) -> TargetStore:
        raise NotImplementedError("supply the system behind your adapter")

    @pytest.fixture
    def target(self, store: TargetStore) -> Iterator[Target]:
        with store.open() as target:
            yield target

    @pytest.fixture
    def place(self, store: TargetStore, target: Target) -> Place:
        """An ordinary place that exists and is empty."""
        place = self.at(store, target, ("box",))
        target.prepare(place)
        return place

    # -- words -----------------------------------------------------------------------------------------------------

    _numbers: ClassVar[Iterator[int]] = count(1)

    def at(self, store: TargetStore, target: Target, path: Path) -> Place:
        """The place of that path, as the target can hold it."""
        return Place(store.owner, legal(path, target.limits))

    def parcel(
        self,
        place: Place,
        raw: bytes | None = None,
        *,
        flags: Iterable[Flag] = (),
        received_at: datetime = AT,
    ) -> Parcel:
        """One mail on its way; unlike any other where no bytes are given."""
        number = next(self._numbers)
        return Parcel(
            item=number,
            place=place,
            raw=Raw.of(mail(f"p{number}") if raw is None else raw),
            flags=frozenset(flags),
            received_at=received_at,
            token=f"token-{number}",
        )

    def put(self, target: Target, *parcels: Parcel) -> list[Receipt]:
        """Deliver in batches as large as the target takes; all must arrive."""
        outcomes: list[Receipt] = []
        size = target.limits.batch_items
        for start in range(0, len(parcels), size):
            for outcome in target.deliver(parcels[start : start + size]):
                assert isinstance(outcome, Receipt), outcome
                outcomes.append(outcome)
        assert [outcome.item for outcome in outcomes] == [parcel.item for parcel in parcels]
        return outcomes

    def seen(self, target: Target, place: Place, since: Mark | None = None) -> list[Sighting]:
        return list(target.survey(place, since))

    def one(self, target: Target, place: Place) -> Sighting:
        (sighting,) = target.survey(place, None)
        return sighting

    def same(self, target: Target, given: bytes, back: Raw | None) -> bool:
        """Whether what came back is what was given, after the repairs a target may make; where it makes mails anew,
        whether it means the same."""
        assert back is not None
        if not target.limits.exact:
            return list(Facets.of(given).unlike(Facets.of(back.read()))) == []
        return on_wire(back.read())[0] == on_wire(given)[0]

    def flagged(self, flags: Iterable[Flag]) -> frozenset[Flag]:
        """Flags as they count: `\\Recent` is the server's own."""
        return frozenset(flags) - {"\\Recent"}

    def touch(self, store: TargetStore, place: Place, sighting: Sighting) -> None:
        """The owner of the mailbox flags a mail."""
        with store.open() as somebody:
            somebody.amend(place, sighting.ref, sighting, Reflag(add=frozenset({FLAGGED})))

    def take(self, store: TargetStore, place: Place, sighting: Sighting) -> None:
        """The owner of the mailbox deletes a mail."""
        with store.open() as somebody:
            assert somebody.withdraw(place, sighting.ref, sighting) == Withdrawn()

    # -- places and marks ------------------------------------------------------------------------------------------

    def test_the_identity_stays_when_mail_comes_and_the_target_is_opened_again(self, store: TargetStore) -> None:
        with store.open() as target:
            before = target.identity()
            place = self.at(store, target, ("box",))
            target.prepare(place)
            self.put(target, self.parcel(place))
        with store.open() as target:
            assert target.identity().store == before.store

    def test_the_mark_of_a_place_that_is_not_there_is_none_and_makes_nothing(
        self, store: TargetStore, target: Target
    ) -> None:
        place = self.at(store, target, ("absent",))
        assert target.mark(place) is None
        assert target.mark(place) is None

    def test_prepare_twice_keeps_what_is_there(self, target: Target, place: Place) -> None:
        self.put(target, self.parcel(place, flags={SEEN}))
        before, mail_before = target.mark(place), self.seen(target, place)
        assert target.prepare(place) == before
        assert self.seen(target, place) == mail_before

    def test_a_deep_place_is_made_with_all_above_it(self, store: TargetStore, target: Target) -> None:
        place = self.at(store, target, ("2009", "取引先", "山田"))
        mark = target.prepare(place)
        assert mark.count == 0
        self.put(target, self.parcel(place))
        assert len(self.seen(target, place)) == 1

    def test_places_of_any_script_keep_their_own_mail(self, store: TargetStore, target: Target) -> None:
        places = [self.at(store, target, path) for path in self.names]
        raws = [mail(f"in-{number}") for number in range(len(places))]
        for place, raw in zip(places, raws, strict=True):
            target.prepare(place)
            self.put(target, self.parcel(place, raw))
        for place, raw in zip(places, raws, strict=True):
            assert self.same(target, raw, target.fetch(place, self.one(target, place).ref))

    def test_every_place_is_listed_and_can_be_looked_into(self, store: TargetStore, target: Target) -> None:
        made = [self.at(store, target, path) for path in (("box",), ("2009", "取引先"))]
        for place in made:
            target.prepare(place)
        found = list(target.places())
        assert {place.path for place in made} <= {place.path for place in found}
        assert all(place.owner == store.owner and target.mark(place) is not None for place in found)

    def test_the_inbox_is_there_for_mail(self, store: TargetStore, target: Target) -> None:
        place = Place(store.owner, ("INBOX",))
        before = target.prepare(place)
        self.put(target, self.parcel(place))
        after = target.mark(place)
        assert after is not None
        assert after.count == before.count + 1

    def test_marks_grow_with_every_mail_and_keep_their_epoch(self, target: Target, place: Place) -> None:
        last = target.prepare(place)
        for _ in range(3):
            self.put(target, self.parcel(place))
            mark = target.mark(place)
            assert mark is not None
            assert (mark.epoch, mark.count) == (last.epoch, last.count + 1)
            assert mark.next > last.next
            last = mark

    def test_a_number_is_never_given_out_twice(self, target: Target, place: Place) -> None:
        self.put(target, self.parcel(place), self.parcel(place))
        last = self.seen(target, place)[-1]
        if not target.limits.can_withdraw:
            pytest.skip("this target cannot withdraw")
        target.withdraw(place, last.ref, last)
        mark = target.mark(place)
        assert mark is not None
        self.put(target, self.parcel(place))
        assert self.seen(target, place)[-1].number >= mark.next > last.number

    def test_refs_and_marks_are_the_same_when_the_target_is_opened_again(
        self, store: TargetStore, target: Target, place: Place
    ) -> None:
        receipts = self.put(target, *(self.parcel(place) for _ in range(3)))
        mark, sightings = target.mark(place), self.seen(target, place)
        with store.open() as again:
            assert again.mark(place) == mark
            assert self.seen(again, place) == sightings
        told = [receipt.ref for receipt in receipts if receipt.ref is not None]
        assert set(told) <= {sighting.ref for sighting in sightings}

    # -- delivering ------------------------------------------------------------------------------------------------

    def test_what_was_delivered_is_fetched_back(self, target: Target, place: Place) -> None:
        receipts = self.put(target, *(self.parcel(place, raw) for raw in self.samples))
        sightings = self.seen(target, place)
        assert len(sightings) == len(self.samples)
        for raw, receipt, sighting in zip(self.samples, receipts, sightings, strict=True):
            back = target.fetch(place, sighting.ref)
            assert self.same(target, raw, back)
            if target.limits.exact and not receipt.repairs:
                assert back is not None
                assert back.read() == raw

    def test_a_receipt_tells_the_truth_about_what_was_sent(self, target: Target, place: Place) -> None:
        parcels = [self.parcel(place, raw) for raw in self.samples]
        receipts = self.put(target, *parcels)
        for parcel, receipt, sighting in zip(parcels, receipts, self.seen(target, place), strict=True):
            if receipt.ref is not None:
                assert receipt.ref == sighting.ref
            if not target.limits.exact:
                continue
            back = target.fetch(place, sighting.ref)
            assert back is not None
            assert (receipt.sent, receipt.size) == (back.digest, back.size)
            assert receipt.headers == header_digest(split(back.read())[0])
            assert sighting.headers in (None, receipt.headers)
            assert sighting.size == receipt.size
            assert bool(receipt.repairs) == (receipt.sent != parcel.raw.digest)

    def test_each_parcel_has_one_outcome_in_order_and_nothing_comes_of_none(self, target: Target, place: Place) -> None:
        assert list(target.deliver([])) == []
        many = [self.parcel(place) for _ in range(min(2 * target.limits.batch_items, 30))]
        self.put(target, *many)
        found = [sighting.message_id for sighting in self.seen(target, place)]
        assert len(found) == len(set(found)) == len(many)

    def test_two_equal_mails_are_two_mails(self, target: Target, place: Place) -> None:
        raw = mail("twin")
        self.put(target, self.parcel(place, raw), self.parcel(place, raw))
        sightings = self.seen(target, place)
        assert len({sighting.ref for sighting in sightings}) == 2
        assert sightings[0].message_id == sightings[1].message_id

    def test_an_over_large_parcel_is_refused_and_the_next_one_still_goes(self, target: Target, place: Place) -> None:
        limit = target.limits.item_bytes
        if limit is None:
            pytest.skip("this target takes mail of any size")
        large = self.parcel(place, mail("large", b"x" * 998 + b"\r\n") + b"y" * limit)
        first, last = self.parcel(place), self.parcel(place)
        outcomes = []
        size = max(1, target.limits.batch_items)
        parcels = [first, large, last]
        for start in range(0, len(parcels), size):
            outcomes += list(target.deliver(parcels[start : start + size]))
        assert [type(outcome) for outcome in outcomes] == [Receipt, Refused, Receipt]
        assert [outcome.item for outcome in outcomes] == [first.item, large.item, last.item]
        assert len(self.seen(target, place)) == 2

    def test_the_received_time_comes_back_as_the_same_instant(self, target: Target, place: Place) -> None:
        self.put(target, *(self.parcel(place, received_at=at) for at in self.times))
        assert [sighting.received_at for sighting in self.seen(target, place)] == list(self.times)

    def test_flags_and_keywords_arrive_and_what_is_lost_is_said(self, target: Target, place: Place) -> None:
        asked = [frozenset[Flag](), self.flags, self.flags | self.keywords]
        receipts = self.put(target, *(self.parcel(place, flags=flags) for flags in asked))
        for flags, receipt, sighting in zip(asked, receipts, self.seen(target, place), strict=True):
            assert receipt.flags | receipt.lost == flags
            assert not receipt.flags & receipt.lost
            assert self.flagged(sighting.flags) == receipt.flags
            assert receipt.lost.isdisjoint(self.flags | self.keywords)

    def test_delivering_where_no_place_was_made_is_one_of_our_errors_or_works(
        self, store: TargetStore, target: Target
    ) -> None:
        place = self.at(store, target, ("unprepared",))
        with suppress(FolderError, AccountError):
            self.put(target, self.parcel(place))
            assert len(self.seen(target, place)) == 1

    # -- reading back ----------------------------------------------------------------------------------------------

    def test_a_survey_since_a_mark_shows_what_came_after_it(self, target: Target, place: Place) -> None:
        self.put(target, self.parcel(place), self.parcel(place))
        mark = target.mark(place)
        assert self.seen(target, place, mark) == []
        self.put(target, self.parcel(place))
        later = self.seen(target, place, mark)
        assert later == self.seen(target, place)[2:]
        assert mark is not None
        assert all(sighting.number >= mark.next for sighting in later)

    def test_a_survey_is_in_the_order_of_its_numbers(self, target: Target, place: Place) -> None:
        self.put(target, *(self.parcel(place) for _ in range(12)))
        numbers = [sighting.number for sighting in self.seen(target, place)]
        assert numbers == sorted(set(numbers))

    def test_surveying_and_fetching_change_nothing(self, target: Target, place: Place) -> None:
        self.put(target, self.parcel(place), self.parcel(place, flags={SEEN}))
        before, mark = self.seen(target, place), target.mark(place)
        for sighting in before:
            assert target.fetch(place, sighting.ref) is not None
        assert self.seen(target, place) == before
        assert target.mark(place) == mark

    # -- amending and withdrawing ----------------------------------------------------------------------------------

    def test_reflag_sets_and_takes_flags_and_nothing_else(self, target: Target, place: Place) -> None:
        raw = mail("reflag")
        self.put(target, self.parcel(place, raw, flags={SEEN}), self.parcel(place, flags={SEEN}))
        before, neighbour = self.seen(target, place)
        change = Reflag(add=frozenset({FLAGGED}), remove=frozenset({SEEN}))
        done = target.amend(place, before.ref, before, change)
        assert isinstance(done, Amended)
        assert self.flagged(done.flags) == {FLAGGED}
        after, still = self.seen(target, place)
        assert self.flagged(after.flags) == {FLAGGED}
        assert still == neighbour
        assert after.received_at == before.received_at
        assert self.same(target, raw, target.fetch(place, after.ref))

    def test_relocate_moves_a_mail_whole(self, store: TargetStore, target: Target, place: Place) -> None:
        other = self.at(store, target, ("other",))
        target.prepare(other)
        raw = mail("moved")
        self.put(target, self.parcel(place, raw, flags={SEEN}), self.parcel(place))
        before, neighbour = self.seen(target, place)
        done = target.amend(place, before.ref, before, Relocate(other))
        assert isinstance(done, Amended)
        there = self.one(target, other)
        assert done.ref in (None, there.ref)
        assert self.flagged(there.flags) == {SEEN}
        assert there.received_at == before.received_at
        assert self.same(target, raw, target.fetch(other, there.ref))
        assert self.one(target, place) == neighbour

    def test_withdraw_takes_one_mail_and_spares_its_neighbours(self, target: Target, place: Place) -> None:
        if not target.limits.can_withdraw:
            pytest.skip("this target cannot withdraw")
        raw = mail("twin")
        self.put(target, *(self.parcel(place, raw) for _ in range(3)))
        first, second, third = self.seen(target, place)
        assert target.withdraw(place, second.ref, second) == Withdrawn()
        assert self.seen(target, place) == [first, third]
        mark = target.mark(place)
        assert mark is not None
        assert mark.count == 2

    def test_what_a_person_touched_is_neither_amended_nor_withdrawn(
        self, store: TargetStore, target: Target, place: Place
    ) -> None:
        other = self.at(store, target, ("other",))
        target.prepare(other)
        self.put(target, self.parcel(place))
        before = self.one(target, place)
        self.touch(store, place, before)
        now = self.one(target, place)
        assert self.flagged(now.flags) == {FLAGGED}
        attempts = [
            target.amend(place, before.ref, before, Reflag(add=frozenset({SEEN}))),
            target.amend(place, before.ref, before, Relocate(other)),
            target.withdraw(place, before.ref, before),
        ]
        for touched in attempts:
            assert isinstance(touched, Touched)
            assert self.flagged(touched.now.flags) == {FLAGGED}
        assert self.one(target, place) == now

    def test_what_has_gone_is_gone_for_every_question(self, store: TargetStore, target: Target, place: Place) -> None:
        if not target.limits.can_withdraw:
            pytest.skip("this target cannot withdraw")
        other = self.at(store, target, ("other",))
        target.prepare(other)
        self.put(target, self.parcel(place))
        before = self.one(target, place)
        self.take(store, place, before)
        assert target.fetch(place, before.ref) is None
        assert target.amend(place, before.ref, before, Reflag(add=frozenset({SEEN}))) == Gone()
        assert target.amend(place, before.ref, before, Relocate(other)) == Gone()
        assert target.withdraw(place, before.ref, before) == Gone()
        assert self.seen(target, place) == []
