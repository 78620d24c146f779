"""The floors, on real mail: five folds, no sender in two of them, nothing that names somebody (`make bench-filter`)."""

from collections import Counter
from pathlib import Path

import pytest

from migrator.filters.judging import Tier
from migrator.filters.learning import learn
from migrator.filters.signals import Signals
from migrator.filters.weights import Weights
from migrator.model import Verdict
from tests.bench.filtering import PROTECTED, ROOT, Judged, Labelled, corpus, proposals, shipped

Read = tuple[Signals, list[Labelled]]


@pytest.fixture(scope="module")
def corpora_read(corpora: Path) -> Read:
    signals = shipped()
    return signals, corpus(signals)


@pytest.fixture(scope="module")
def corpora_judged(corpora_read: Read) -> Judged:
    return list(zip(corpora_read[1], proposals(*corpora_read), strict=True))


def hits(judged: Judged, verdict: Verdict, *tiers: Tier) -> Counter[str]:
    return Counter(
        mail.label for mail, (found, tier) in judged if found.verdict == verdict and (not tiers or tier in tiers)
    )


def protected(counts: Counter[str]) -> int:
    return sum(counts[label] for label in PROTECTED)


def test_newsletters_are_found_and_what_is_protected_is_not_parked(corpora_judged: Judged) -> None:
    many = Counter(mail.label for mail, _ in corpora_judged)
    parked, held = hits(corpora_judged, Verdict.PARK), hits(corpora_judged, Verdict.HOLD)
    assert parked["M"] >= 0.95 * many["M"]
    assert protected(parked) <= 1
    assert parked["D"] == 0
    assert not any(
        mail.label in PROTECTED and "list.software" in mail.shown and found.verdict == Verdict.PARK
        for mail, (found, _) in corpora_judged
    )
    assert protected(held) <= 0.03 * protected(many)


def test_the_safest_tier_holds_nothing_that_is_protected(corpora_judged: Judged) -> None:
    many = Counter(mail.label for mail, _ in corpora_judged)
    safest = hits(corpora_judged, Verdict.PARK, Tier.SAFEST)
    assert protected(safest) == 0
    assert safest["M"] >= 0.35 * many["M"]


def test_of_a_hundred_mails_at_98_at_least_97_are_marketing(corpora_judged: Judged) -> None:
    sure = [mail.label in "MU" for mail, (found, _) in corpora_judged if not found.guard and (found.score or 0) >= 0.98]
    assert len(sure) > 100
    assert sum(sure) >= 0.97 * len(sure)


def test_the_shipped_weights_are_what_the_corpus_teaches(corpora_read: Read) -> None:
    signals, mails = corpora_read
    learned = learn(signals, [each.example for each in mails])
    shipped = Weights.read(ROOT / "mappings/filters/weights.toml", signals)
    own = {each.id for each in signals.all if each.weight is not None}
    assert {name for name in shipped.of if name not in learned.of} <= own
    for name, weight in learned.of.items():
        assert shipped.of[name] == pytest.approx(weight, abs=0.01), name
    for name in ("bias", "slope", "offset"):
        assert getattr(shipped, name) == pytest.approx(getattr(learned, name), abs=0.01)
