"""`settle TARGET --yes`, killed at any moment: what is surplus goes, whatever else lies there stays, and receipts are
bound again one to one."""

from collections import Counter
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from migrator.model import ANSWERED, Raw
from migrator.ports import Limits
from tests.killing import Killed, Killer
from tests.migrator.steps.test_exactly_once import QUICK, Opens, copied
from tests.roads import Road, bodies_at, mail, road

FOLDERS = {("受信箱",): ("INBOX",), ("お客様",): ("お客様",)}
PLACES = list(FOLDERS.values())

STRANGER = Raw.of(mail("a stranger's, older than all"))

KILLS = st.lists(st.integers(1, 60), max_size=3)
COPIES = st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["surplus", "surplus", "touched", "moved"])), max_size=6)


def mend(way: Road, opens: Opens, at: int | None) -> list[str]:
    """Settle in a process that dies at this moment, if it comes to it; what was told."""
    killer = Killer(at)
    way.new.interrupt = killer.moment
    try:
        with opens() as staging, killer.watching(staging):
            return way.settle(staging)
    except Killed:
        return []
    finally:
        way.new.interrupt = lambda moment: None


def put_copy(way: Road, which: int, how: str) -> Counter[tuple[str, ...]]:
    """Put another copy of a mail that we loaded beside it; where it has to stay."""
    lying = [
        (path, number)
        for path in PLACES
        for number, mail in sorted(way.new.boxes["sato", path].mails.items())
        if mail.raw.digest != STRANGER.digest and ANSWERED not in mail.flags
    ]
    path, number = lying[which % len(lying)]
    box = way.new.boxes["sato", path]
    digest = box.mails[number].raw.digest
    if how == "moved":  # away and back again: the one and only copy, under a number that no receipt holds
        box.put(box.mails.pop(number))
        return Counter()
    copied = box.put(box.mails[number])
    if how == "surplus":
        return Counter()
    way.new.flag("sato", path, copied, [ANSWERED, *box.mails[number].flags])
    return Counter([(*path, digest)])


def law(
    opens: Opens,
    mails: Sequence[tuple[int, int]],
    copies: Sequence[tuple[int, str]],
    anew: set[int],
    kills: Sequence[int],
    tokens: bool,
) -> None:
    with road() as way:
        way.new.tokens = tokens
        way.new.limits = Limits(batch_items=3, late_commit=0)
        for path in PLACES:
            way.new.add("sato", path, STRANGER)
        for folder, number in mails:
            way.old.add("sato", list(FOLDERS)[folder], mail(str(number)))
        with opens() as staging:
            way.extract(staging)
            way.load(staging)
        loaded = {path: bodies_at(way.new, "sato", *path) for path in PLACES}
        for index in anew:
            way.new.renumber("sato", PLACES[index])
        touched: Counter[tuple[str, ...]] = Counter()
        for which, how in copies:
            touched += put_copy(way, which, how)
        before = {path: bodies_at(way.new, "sato", *path) for path in PLACES}
        for at in kills:
            mend(way, opens, at)
        mend(way, opens, None)
        for index, path in enumerate(PLACES):
            after = bodies_at(way.new, "sato", *path)
            assert loaded[path] <= after <= before[path]
            stays = Counter({digest: times for (*where, digest), times in touched.items() if tuple(where) == path})
            if index not in anew and all(how != "moved" for _, how in copies):
                assert after == loaded[path] + stays
        with opens() as staging:
            if not copies:
                assert way.settle(staging) == []
                assert way.verify(staging, bodies=1.0).findings == 0
                assert way.ledger(staging).closed
            assert way.load(staging)["loaded"] == 0


def test_a_settle_killed_anywhere_takes_back_what_is_surplus_and_nothing_else() -> None:
    with copied() as copy:

        @settings(QUICK, max_examples=40)
        @given(
            mails=st.lists(st.tuples(st.integers(0, 1), st.integers(0, 3)), min_size=1, max_size=6),
            copies=COPIES,
            anew=st.sets(st.integers(0, 1), max_size=1),
            kills=KILLS,
            tokens=st.booleans(),
        )
        def tell(
            mails: list[tuple[int, int]],
            copies: list[tuple[int, str]],
            anew: set[int],
            kills: list[int],
            tokens: bool,
        ) -> None:
            law(copy(), mails, copies, anew, kills, tokens)

        tell()
