"""How well newsletters are told from other mail: five folds, no sender in two of them (`make bench-filter`).

    python -m tests.bench.filtering             the tables, with 95 % bounds, and plain rules beside them
    python -m tests.bench.filtering --train     new weights from the whole corpus, on stdout

M newsletters, U unsolicited advertising, B people and lists, T transactions, D bounces; A (feeds) is not scored.
"""

import csv
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from migrator.filters.features import Reader
from migrator.filters.judging import Judge, Tier
from migrator.filters.learning import Example, folds, learn
from migrator.filters.ruleset import Ruleset
from migrator.filters.signals import Signals
from migrator.filters.streams import Stream
from migrator.mail import Envelope, envelope, split
from migrator.mail.scan import headers
from migrator.mail.streams import stream_of
from migrator.model import Proposal, Verdict

ROOT = Path(__file__).parents[2]

UNASKED = 0.3
"""What a mail of U counts in learning: it is marketing, but not what a company's newsletters look like."""

PROTECTED = ("B", "T", "D")

Judged = Sequence[tuple["Labelled", tuple[Proposal, Tier]]]


@dataclass(frozen=True)
class Labelled:
    """One mail of the corpus."""

    label: str
    origin: str
    envelope: Envelope
    fields: dict[str, str]
    shown: frozenset[str]

    @property
    def stream(self) -> str:
        return stream_of(self.envelope.sender, self.envelope.list_id)

    @property
    def company(self) -> str:
        """What must not stand on both sides: the list, else the sender's domain."""
        return self.envelope.list_id or ".".join(self.envelope.sender.rpartition("@")[2].split(".")[-2:])

    @property
    def example(self) -> Example:
        counts = UNASKED if self.label == "U" else 1.0
        return Example(self.shown, self.stream, self.company, self.label in "MU", counts)


NAMES = ("esp.", "person.free-mail")
"""Signals whose id begins so name services or domains: like rules by sender, they are left out, for some stand in the
corpus and what is known by name proves nothing of strangers."""


def shipped() -> Signals:
    """The shipped signals, but for those that name somebody."""
    every = Ruleset.read().judge.signals
    return replace(every, all=tuple(each for each in every.all if not each.id.startswith(NAMES)))


def corpus(signals: Signals) -> list[Labelled]:
    """The labelled mails, read."""
    folder = Path(os.environ.get("MIGRATOR_CORPORA") or ROOT.parent / "shared/corpora") / "filter"
    reader = Reader(signals)
    found: list[Labelled] = []
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            head, body = split((folder / "mail" / row["file"]).read_bytes())
            fields = {name.decode("latin-1"): value.decode("latin-1").lower() for name, value in headers(head)}
            if row["label"] != "A":
                found.append(Labelled(row["label"], row["origin"], envelope(head), fields, reader.read(head, body)[0]))
    return found


def proposals(signals: Signals, mails: Sequence[Labelled]) -> list[tuple[Proposal, Tier]]:
    """What is proposed for each mail by weights learned from other senders, and its stream's tier."""
    examples = [each.example for each in mails]
    fold = folds(examples)
    found: dict[int, tuple[Proposal, Tier]] = {}
    for number in sorted(set(fold)):
        judge = Judge(
            signals, learn(signals, [each for each, its in zip(examples, fold, strict=True) if its != number])
        )
        here = [at for at, its in enumerate(fold) if its == number]
        streams: dict[str, Stream] = defaultdict(Stream)
        for at in here:
            mail = mails[at]
            stream = streams[mail.stream]
            stream.is_list = mail.envelope.list_id is not None
            score, standing = judge.weights.score(mail.shown), judge.standing(mail.shown, guarded=False)
            stream.add(score, standing, sender=mail.envelope.sender)
        for at in here:
            stream = streams[mails[at].stream]
            proposal = judge.propose(mails[at].shown, (), stream, None, sender=mails[at].envelope.sender)
            found[at] = proposal, judge.tier(stream, proposal.score or 0.0)
    return [found[at] for at in range(len(mails))]


def plain_rules() -> Iterator[tuple[str, Callable[[Labelled], bool]]]:
    """What scripts usually do."""
    words = ("newsletter", "news@", "noreply", "no-reply", "info@", "mag@")
    yield "List-Unsubscribe present", lambda mail: "list-unsubscribe" in mail.fields
    yield "List-Unsubscribe by http", lambda mail: "http" in mail.fields.get("list-unsubscribe", "")
    yield "Precedence bulk or junk", lambda mail: mail.fields.get("precedence", "") in ("bulk", "junk")
    yield "Feedback-ID present", lambda mail: "feedback-id" in mail.fields
    yield "newsletter or noreply address", lambda mail: any(word in mail.envelope.sender.lower() for word in words)
    yield "unsubscribe wording", lambda mail: "text.unsubscribe" in mail.shown
    yield (
        "unsubscribe wording, no reply, no list",
        lambda mail: (
            "text.unsubscribe" in mail.shown
            and mail.shown.isdisjoint({"thread.reply", "thread.subject", "list.software"})
        ),
    )


def upper(wrong: int, of: int) -> float:
    """The 95 % upper bound of a rate (Clopper and Pearson 1934); 3/n for none (rule of three)."""
    from scipy.stats import beta

    return float(beta.ppf(0.95, wrong + 1, of - wrong)) if wrong < of else 1.0


def main() -> None:
    """Print the tables, or new weights."""
    signals = shipped()
    mails = corpus(signals)
    if "--train" in sys.argv:
        sys.stdout.write("# Learned by `make train`. What speaks for keeping never weighs more than 0.\n")
        sys.stdout.write(learn(signals, [each.example for each in mails]).text)
        return
    many = Counter(mail.label for mail in mails)
    say(f"{len(mails)} mails: " + ", ".join(f"{label} {many[label]}" for label in "MUBTD"))
    say(f"\n{'rule':40} {'M':>6} {'U':>6} {'protected':>9}")
    for name, rule in plain_rules():
        say(rates(name, many, Counter(mail.label for mail in mails if rule(mail))))
    judged = list(zip(mails, proposals(signals, mails), strict=True))
    for title, verdict in (("proposed for parking", Verdict.PARK), ("proposed to hold", Verdict.HOLD)):
        hit = Counter(mail.label for mail, (proposal, _) in judged if proposal.verdict == verdict)
        say(rates(title, many, hit))
    parked = [(mail, tier) for mail, (proposal, tier) in judged if proposal.verdict == Verdict.PARK]
    say(rates("safest tier", many, Counter(mail.label for mail, tier in parked if tier == Tier.SAFEST)))
    by_origin(judged)
    calibration(judged)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def rates(title: str, many: Counter[str], hit: Counter[str]) -> str:
    """A line of the table: the share of M, of U and of the protected mails that a rule hits."""
    wrong, of = (sum(counts[label] for label in PROTECTED) for counts in (hit, many))
    shares = f"{hit['M'] / many['M']:6.1%} {hit['U'] / many['U']:6.1%} {wrong / of:9.2%}"
    detail = ", ".join(f"{label} {hit[label]}" for label in PROTECTED)
    return f"{title:40} {shares}   {wrong} of {of} (95 %: under {upper(wrong, of):.2%}): {detail}"


def by_origin(judged: Judged) -> None:
    """The table by where the mails come from."""
    say(f"\n{'origin':16} {'label':5} {'mails':>6} {'park':>6} {'hold':>6}")
    table = Counter((mail.origin, mail.label, proposal.verdict) for mail, (proposal, _) in judged)
    for origin, label in sorted({(mail.origin, mail.label) for mail, _ in judged}):
        keep, park, hold = (table[origin, label, verdict] for verdict in (Verdict.KEEP, Verdict.PARK, Verdict.HOLD))
        say(f"{origin:16} {label:5} {keep + park + hold:6} {park:6} {hold:6}")


def calibration(judged: Judged) -> None:
    """How sure it was, and how often that was right, of mails without a guard."""
    say("\nsure of marketing    mails   are marketing")
    free = [(mail, proposal.score or 0) for mail, (proposal, _) in judged if proposal.guard is None]
    for low, high in ((0.0, 0.1), (0.1, 0.5), (0.5, 0.9), (0.9, 0.98), (0.98, 1.01)):
        those = [mail.label in "MU" for mail, sure in free if low <= sure < high]
        if those:
            say(f"{low:6.2f} to {min(high, 1):4.2f}       {len(those):5}   {sum(those) / len(those):6.1%}")


if __name__ == "__main__":
    main()
