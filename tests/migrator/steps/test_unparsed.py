"""A mail that nobody could read in time is staged and loaded like any other."""

from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from migrator.filters.features import Reader
from migrator.filters.ruleset import Ruleset
from migrator.filters.store import Store
from migrator.mail import Health, fingerprint, meaning, split
from migrator.mail.bounded import Bounded, Pool
from migrator.mail.letter import facts, unparsed
from migrator.model import Raw
from migrator.staging.reports import listing, status
from migrator.staging.store import Staging
from migrator.steps import intake
from migrator.steps import judge as judging
from tests.roads import bodies_at, mail, road


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Readers that have a hundredth of a second for each mail."""
    letters = Pool(lambda: Bounded(facts, unparsed, seconds=0.01))
    fingerprints: Pool[bytes, str | None] = Pool(lambda: Bounded(fingerprint, unread, seconds=0.01))
    monkeypatch.setattr(intake, "LETTERS", letters)
    monkeypatch.setattr(meaning, "FINGERPRINTS", fingerprints)
    yield
    letters.end()
    fingerprints.end()


def unread(data: bytes) -> None:
    """No fingerprint."""


def long(subject: str, *, blanks: str = "") -> bytes:
    """40 MB of base64, and blanks behind them that mean nothing."""
    return mail(subject, b64encode(bytes(30 * 2**20)).decode() + blanks, Content_Transfer_Encoding="base64")


@pytest.mark.usefixtures("impatient")
def test_a_mail_that_takes_too_long_to_read_is_loaded_byte_for_byte_and_so_are_its_neighbours(tmp_path: Path) -> None:
    raws = [mail("before"), long("long"), mail("after")]
    with road() as way, Staging.open("sqlite:///staging.db", folder=tmp_path) as staging:
        for raw in raws:
            way.old.add("sato", ("box",), raw)
        assert way.extract(staging).clean
        health = status(staging, {})["health"]
        assert {each: count for each, count in health.items() if count} == {"ok": 2, "unparsed": 1}
        assert set(health) == set(Health)
        way.load(staging)
        assert bodies_at(way.new, "sato", "box") == Counter(Raw.of(raw).digest for raw in raws)
        assert way.ledger(staging).closed


@pytest.mark.usefixtures("impatient")
def test_verify_does_not_say_of_what_nobody_could_read_in_time_that_it_means_the_same(
    tmp_path: Path,
) -> None:
    with road() as way, Staging.open("sqlite:///staging.db", folder=tmp_path) as staging:
        for subject in ("long", "short"):
            way.old.add("sato", ("box",), long(subject) if subject == "long" else mail(subject))
        way.extract(staging)
        way.load(staging)
        way.new.edit("sato", ("box",), 1, long("long", blanks="  \r\n"))
        way.new.edit("sato", ("box",), 2, mail("short", "text  \r\n"))
        done = way.verify(staging)
        assert (done.bodies, done.equivalent, done.findings) == (2, 1, 2)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("limit", [meaning.LARGE, 1000])
def test_settle_knows_what_nobody_could_read_in_time_by_what_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(meaning, "LARGE", limit)
    with road() as way, Staging.open("sqlite:///staging.db", folder=tmp_path) as staging:
        way.new.tokens = False
        way.old.add("sato", ("box",), long("long"))
        way.extract(staging)
        way.killed_load(staging, "delivered")
        way.new.edit("sato", ("box",), 1, b"X-Scanned: yes\r\n" + long("long"))
        assert way.load(staging)["recalled"] == 0
        assert len(way.new.mails("sato", ("box",))) == 1


JIS = b"Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n" + b"\x1b$B$" * 2**17
"""Half a megabyte of nothing but escapes: 0.2 s and 40 MB."""


@pytest.mark.parametrize("limit", [{"seconds": 0.02}, {"memory": 2**20}])
def test_judge_keeps_what_nobody_could_read_in_time_and_judges_its_neighbours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: dict[str, float]
) -> None:
    monkeypatch.setattr(judging, "bounded", partial(judging.bounded, **limit))
    hard = b"From: shop@shop.example\r\nMessage-ID: <hard@x>\r\nPrecedence: bulk\r\n" + JIS
    with road() as way, Staging.open("sqlite:///staging.db", folder=tmp_path) as staging:
        for raw in (mail("before"), hard, mail("after")):
            way.old.add("sato", ("box",), raw)
        way.extract(staging)
        judging.judge(staging, Ruleset.read(), Store())
        shown = {line["message_id"]: line["rules"] for line in listing(staging)}
    assert shown["<hard@x>"] == ["unreadable"]
    assert shown["<before@example.co.jp>"] == shown["<after@example.co.jp>"] != ["unreadable"]


def test_judge_reads_in_another_process_what_it_reads_here() -> None:
    mails = [JIS, mail("small", "件名" * 30_000)]
    reader = Reader(Ruleset.read().judge.signals)
    with judging.bounded(reader) as bounded:
        assert [each.shown for each in bounded.read(mails)] == [reader.read(*split(each))[0] for each in mails]
