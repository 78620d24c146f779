"""Exactly once, however often we are killed: at any transaction and any call of source or target, before and after its
effect, while what was on its way may still arrive, and users move, delete, flag and add mail in between."""

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky

from migrator.errors import UsageError
from migrator.model import Mark, Parcel, Place, Raw, Receipt, Refused, Sighting
from migrator.ports import Limits, Target
from migrator.staging import store, tables
from migrator.staging.outbox import Letter, Outbox
from migrator.staging.sightings import DispatchId, Doubt, Shelf
from migrator.staging.store import Staging
from migrator.steps import guard
from migrator.steps import load as loading
from migrator.steps import settle as settling
from migrator.steps.matching import Pair, Wanted
from migrator.steps.progress import Progress
from migrator.steps.settle import Clock
from tests.killing import Killed, Killer
from tests.roads import Road, mail, road
from tests.servers.postgres import database

FOLDERS = [("受信箱",), ("Inbox",), ("お客様",)]
"""The first two go to one place."""

STEPS = ("extract", "load")

LATE_COMMIT = 30.0
"""Seconds by the clock of these tests, on which nobody waits."""

Opens = Callable[[], AbstractContextManager[Staging]]


class Sandglass:
    """Time that passes only while somebody sleeps, so that nobody has to."""

    def __init__(self) -> None:
        self.at = 1000.0

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


# -- what happens --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Life:
    """One run: at which moment of which step it is killed (a `kind` of moment, or any), whether what was on its way
    then arrives later, and what users do before the next."""

    step: str
    kind: str | None
    at: int
    late: bool
    deeds: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Folder and number of each mail (equal numbers are equal mails), and what becomes of those who move them."""

    mails: tuple[tuple[int, int], ...]
    lives: tuple[Life, ...]
    batch: int
    tokens: bool


DEEDS = st.tuples(st.sampled_from(["move", "back", "own", "delete", "flag", "add"]), st.integers(0, 40))

MOMENTS = st.one_of(
    st.tuples(st.just("load"), st.sampled_from(["deliver", "delivered"]), st.integers(1, 10)),
    st.tuples(st.just("load"), st.just("commit"), st.integers(1, 20)),
    st.tuples(st.just("load"), st.none(), st.integers(1, 90)),
    st.tuples(st.just("extract"), st.none(), st.integers(1, 40)),
)

LIVES = st.builds(
    lambda moment, late, deeds: Life(*moment, late, tuple(deeds)),
    MOMENTS,
    st.booleans(),
    st.lists(DEEDS, max_size=3),
)


def each(mails: list[tuple[int, int, int]]) -> tuple[tuple[int, int], ...]:
    """Folder and number, once for each copy."""
    return tuple((folder, number) for folder, number, copies in mails for _ in range(copies))


STORIES = st.builds(
    Story,
    mails=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(1, 2)), min_size=1, max_size=6).map(
        each
    ),
    lives=st.lists(LIVES, min_size=1, max_size=4).map(tuple),
    batch=st.sampled_from([1, 2, 3, 5]),
    tokens=st.sampled_from([False, False, True]),
)


@dataclass
class Telling:
    """A story as it goes on: the road, its clock, and what users took away."""

    way: Road
    story: Story
    opens: Opens
    glass: Sandglass = field(default_factory=Sandglass)
    took_from: set[tuple[str, ...]] = field(default_factory=set)
    took: set[str] = field(default_factory=set)
    deeds: int = 0

    def __post_init__(self) -> None:
        new = self.way.new
        self.way.routes = type(self.way.routes)({}, {"Inbox": "INBOX"})
        new.limits = Limits(batch_items=self.story.batch, late_commit=LATE_COMMIT, lanes=2)
        new.tokens, new.clock = self.story.tokens, self.glass.now
        for folder, number in self.story.mails:
            self.way.old.add("sato", FOLDERS[folder], mail(str(number)))

    @property
    def staged(self) -> Counter[str]:
        return Counter(Raw.of(mail(str(number))).digest for _, number in self.story.mails)

    def live(self, life: Life | None) -> list[str]:
        """Extract and load in a process that dies at that moment, if it comes to it; the mails it told to be in doubt.

        The database is closed and opened anew for each.
        """
        killers = {step: Killer(None) for step in STEPS}
        if life is not None:
            killers[life.step] = Killer(life.at, life.kind)
        self.way.old.interrupt = killers["extract"].moment
        self.way.new.interrupt = killers["load"].moment
        self.way.new.late = LATE_COMMIT * 0.9 if life is not None and life.late else None
        told: list[str] = []
        try:
            with self.opens() as staging:
                with killers["extract"].watching(staging):
                    self.way.extract(staging)
                with killers["load"].watching(staging):
                    self.load(staging, told)
        except Killed:
            pass
        finally:
            self.way.old.interrupt = self.way.new.interrupt = lambda moment: None
        return told

    def load(self, staging: Staging, told: list[str], **how: object) -> None:
        def report(progress: Progress) -> None:
            if progress.tells is not None and progress.tells.code == "doubt.left":
                told.append(str(progress.tells.params["item"]))

        self.way.load(staging, lanes=2, clock=Clock(self.glass.now, self.glass.sleep), report=report, **how)

    def do(self, deed: str, which: int) -> None:
        """What a user does with one of the mails that lie at the target."""
        self.way.new.arrive()
        if deed == "add":
            self.way.new.add("sato", ("INBOX",), mail(f"a stranger's {which}"))
            return
        lying = [(path, number) for (_, path), box in self.way.new.boxes.items() for number in sorted(box.mails)]
        if not lying:
            return
        path, number = lying[which % len(lying)]
        if deed == "flag":
            self.way.new.flag("sato", path, number, ["\\Flagged"])
            return
        if self.deeds == guard.FEW - 1:  # one more, and the guard takes the mailbox to be another one
            return
        self.deeds += 1
        self.took_from.add(path)
        self.took.add(self.way.new.boxes["sato", path].mails[number].raw.digest)
        if deed == "delete":
            self.way.new.delete("sato", path, number)
            return
        there = {"move": ("お客様",), "own": ("私物",), "back": ("INBOX",)}[deed]
        moved = self.way.new.move("sato", path, number, there)
        if deed == "back":
            self.took_from.add(there)
            self.way.new.move("sato", there, moved, path)

    def told(self) -> "Told":
        """Every life, and the last one to its end."""
        for life in self.story.lives:
            self.live(life)
            for deed in life.deeds:
                self.do(*deed)
        named = self.live(None)
        self.glass.sleep(1000)
        self.way.new.arrive()
        with self.opens() as staging:
            doubts = Shelf(staging, "new", "sato").doubts()
        return Told(doubts, named, Counter(self.way.new.stored))


@dataclass(frozen=True, slots=True)
class Told:
    """How it ended: what is in doubt, which mails were named so, and how often each was stored."""

    doubts: dict[Place, list[Doubt]]
    named: list[str]
    stored: Counter[str]


def law(telling: Telling) -> None:
    """Every mail arrives exactly once, or is in doubt and named; and what is in doubt arrives when a person says so."""
    ended = telling.told()
    all_ = [each for here in ended.doubts.values() for each in here]
    in_doubt = Counter(each.digest for each in all_)
    for digest, number in telling.staged.items():
        assert number - in_doubt[digest] <= ended.stored[digest] <= number
    assert sorted(ended.named) == sorted(str(each.item) for each in all_)
    for place, here in ended.doubts.items():
        assert len(here) <= 2 * telling.story.batch * len(telling.story.lives)
        assert all(place.path in telling.took_from or each.digest in telling.took for each in here)
    with telling.opens() as staging:
        if not any(life.deeds for life in telling.story.lives):
            assert telling.way.verify(staging).findings == 0
            assert telling.way.ledger(staging).complete
        telling.load(staging, [], resend=True)
        assert telling.way.new.stored - ended.stored == in_doubt
        assert telling.way.ledger(staging).totals["loaded"] == len(telling.story.mails)


# -- on both databases -----------------------------------------------------------------------------------------------


@contextmanager
def compiled_once() -> Iterator[None]:
    """One engine a database, which compiles its statements once; closing staging still closes its connections."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "_engine", cache(store._engine))
        yield


@contextmanager
def copied() -> Iterator[Callable[[], Opens]]:
    """Empty SQLite stagings, one after the other, each a copy; where there is room for files in memory, there."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name, compiled_once():
        home = Path(name)
        with Staging.open("sqlite:///empty.db", folder=home):
            pass

        def copy() -> Opens:
            for old in home.glob("staging.db*"):
                old.unlink()
            shutil.copy(home / "empty.db", home / "staging.db")
            return lambda: Staging.open("sqlite:///staging.db", folder=home)

        yield copy


@contextmanager
def on_sqlite() -> Iterator[Callable[[Story], None]]:
    """Tell stories, each with an empty database."""
    with copied() as copy:

        def tell(story: Story) -> None:
            with road() as way:
                law(Telling(way, story, copy()))

        yield tell


@contextmanager
def on_postgresql(server: Path, template: str) -> Iterator[Callable[[Story], None]]:
    """Tell stories, each with the database emptied."""
    everything = ", ".join(f'"{table.name}"' for table in tables.metadata.sorted_tables)
    with database(server, template) as url, compiled_once():

        def tell(story: Story) -> None:
            with psycopg.connect(url.replace("+psycopg", "")) as connection:
                connection.execute(f"TRUNCATE {everything} RESTART IDENTITY CASCADE")
            with road() as way:
                law(Telling(way, story, lambda: Staging.open(url)))

        yield tell


QUICK = settings(suppress_health_check=list(HealthCheck))

MORE = 40 if os.environ.get("MIGRATOR_TORTURE") else 1


@pytest.mark.timeout(7200)
def test_every_mail_arrives_exactly_once_however_often_we_are_killed() -> None:
    with on_sqlite() as tell:
        settings(QUICK, max_examples=50 * MORE)(given(STORIES)(tell))()


@pytest.mark.timeout(7200)
def test_every_mail_arrives_exactly_once_on_postgresql(postgres_server: Path, postgres_empty_staging: str) -> None:
    with on_postgresql(postgres_server, postgres_empty_staging) as tell:
        settings(QUICK, max_examples=10 * MORE)(given(STORIES)(tell))()


# -- would we notice? ------------------------------------------------------------------------------------------------

Patch = pytest.MonkeyPatch


def never_settle(patch: Patch) -> None:
    patch.setattr(loading, "settle_doubts", lambda outbox, *_: outbox.doubts())


def settle_without_waiting(patch: Patch) -> None:
    patch.setattr(settling.Wait, "pass_", lambda _: None)


def never_recall(patch: Patch) -> None:
    patch.setattr(Outbox, "recall", lambda *_: None)


def ignore_claims(patch: Patch) -> None:
    patch.setattr(Shelf, "claimed", lambda *_: set())


def let_one_sighting_settle_two(patch: Patch) -> None:
    right = settling.match

    def wrong(target: Target, place: Place, wanted: Sequence[Wanted], seen: Iterable[Sighting]) -> list[Pair]:
        found = list(right(target, place, wanted, seen))
        paired = {each.dispatch for each, _ in found}
        equal = {each.digests: sighting for each, sighting in found}
        return found + [
            (each, equal[each.digests]) for each in wanted if each.dispatch not in paired and each.digests in equal
        ]

    patch.setattr(settling, "match", wrong)


def dispatch_after_sending(patch: Patch) -> None:
    dispatch, answer = Outbox.dispatch, Outbox.answer
    sent: dict[DispatchId, tuple[Place, Mark, Letter]] = {}
    numbers = count(-1, -1)

    def dispatch_nothing(
        outbox: Outbox, place: Place, mark: Mark, letters: Sequence[Letter]
    ) -> list[tuple[DispatchId, Parcel]]:
        parcels = []
        for letter in letters:
            number = next(numbers)
            sent[number] = place, mark, letter
            parcel = Parcel(
                item=letter.item,
                place=place,
                raw=letter.raw,
                flags=letter.flags,
                received_at=letter.received_at,
                token=outbox.token(number),
            )
            parcels.append((number, parcel))
        return parcels

    def dispatch_and_answer(outbox: Outbox, outcomes: Iterable[tuple[DispatchId, Receipt | Refused]]) -> None:
        for number, outcome in list(outcomes):
            place, mark, letter = sent[number]
            ((really, _),) = dispatch(outbox, place, mark, [letter])
            answer(outbox, [(really, outcome)])

    patch.setattr(Outbox, "dispatch", dispatch_nothing)
    patch.setattr(Outbox, "answer", dispatch_and_answer)


BUGS = [
    never_settle,
    settle_without_waiting,
    never_recall,
    ignore_claims,
    let_one_sighting_settle_two,
    dispatch_after_sending,
]


@pytest.mark.parametrize("bug", BUGS)
def test_the_law_notices_who_would_break_it(bug: Callable[[Patch], None]) -> None:
    once = settings(QUICK, max_examples=200, derandomize=True, database=None, phases=[Phase.generate])
    with on_sqlite() as tell, pytest.MonkeyPatch.context() as patch:
        bug(patch)
        with pytest.raises((AssertionError, UsageError, Flaky)):
            once(given(STORIES)(tell))()
