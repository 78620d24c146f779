"""Evidence -> proposal: features once, then what the rules think of every mail and of what its sender sends.

Nothing is withheld by it. Where a proposal is what it was, nothing is written.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial

from migrator import log
from migrator.filters.features import Reader
from migrator.filters.judging import Tier
from migrator.filters.ruleset import Ruleset
from migrator.filters.store import Store
from migrator.filters.streams import Stream
from migrator.mail import envelope, split
from migrator.mail.bounded import MEMORY, SECONDS, Bounded
from migrator.mail.streams import StreamKey
from migrator.model import Proposal, Raw, Verdict
from migrator.staging.evidence import Evidence, Features, evidence, keep, unread, written
from migrator.staging.noted import note_items
from migrator.staging.opinions import decide_by_itself, propose
from migrator.staging.shared import handled_artefacts
from migrator.staging.store import Run, Staging
from migrator.steps.progress import Progress, Report, quiet

Page = list[tuple[Evidence, Proposal]]

ANSWERS = 20
"""Message-IDs that a mail answers of which so many are kept: the newest."""


def judge(
    staging: Staging, ruleset: Ruleset, store: Store, report: Report = quiet, *, auto: bool = False
) -> Mapping[str, int]:
    """Propose keep, park or hold for each mail; how many of each. `auto`: the safest are parked without a person, until
    one says otherwise.
    """
    counts: Counter[str] = Counter()
    with staging.run("judge") as run:
        look(staging, ruleset, report)
        learn_facts(staging, ruleset, store)
        streams = gather(staging, ruleset, store)
        for page in judged(staging, streams):
            changed = [(its.item, proposal) for its, proposal in page if _is_new(its, proposal)]
            propose(staging, run, ruleset.digest, changed)
            decide_by_itself(staging, dict(_by_itself(streams, page, auto=auto)), why=ruleset.digest)
            counts.update(proposal.verdict for _, proposal in page)
            _log(staging, run, page)
            report(Progress(step="judge", account=page[-1][0].account, items=len(page)))
        for verdict, many in counts.items():
            run.count(verdict, many)
    return counts


def _log(staging: Staging, run: Run, page: Page) -> None:
    if log.heard(log.INFO):
        for its, proposal in page:
            run.log.saw(its.account, its.folder, **{proposal.verdict: 1})
        note_items(staging, run, [(its.item, {"became": proposal.verdict}) for its, proposal in page])


def look(staging: Staging, ruleset: Ruleset, report: Report = quiet) -> None:
    """Read the features of every mail that these signals have not been looked for in."""
    signals = ruleset.judge.signals
    with bounded(Reader(signals)) as reader:
        for raws in unread(staging, signals.digest):
            found = reader.read([_beginning(raw) for raw in raws.values()])
            keep(staging, signals.digest, dict(zip(raws, found, strict=True)))
            report(Progress(step="judge", account="", items=len(raws), bytes=sum(raw.size for raw in raws.values())))


def bounded(reader: Reader, *, seconds: float = SECONDS, memory: int = MEMORY) -> Bounded[bytes, Features]:
    """One that reads features within the limits. A mail that takes too long or too much memory is unreadable."""
    unread = partial(_unread, reader.unreadable)
    return Bounded(partial(_features, reader), unread, seconds=seconds, memory=memory, safe=SAFE)


def _unread(shown: frozenset[str], mail: bytes) -> Features:
    return Features(shown)


def _beginning(raw: Raw) -> bytes:
    with raw.open() as stream:
        return stream.read(READ)


def _features(reader: Reader, mail: bytes) -> Features:
    head, body = split(mail)
    its = envelope(head)
    answers = dict.fromkeys((*((its.in_reply_to,) if its.in_reply_to else ()), *reversed(its.references)))
    return Features(*reader.read(head, body), tuple(answers)[:ANSWERS])


READ = 2**20
"""Bytes of a mail that are looked at."""
SAFE = 2**16
"""Bytes of a mail that is read here: even what takes the square of its length ends then. It is most of them."""


@dataclass(frozen=True)
class Streams:
    """What every sender and list has sent, and the facts that protect mail."""

    ruleset: Ruleset
    store: Store
    of: dict[StreamKey, Stream]

    def stream(self, its: Evidence) -> Stream:
        """The stream of a mail."""
        return self.of[its.stream]


def what_if(
    staging: Staging, now: Ruleset, then: Ruleset, store: Store, report: Report = quiet
) -> Mapping[tuple[str, str, str], int]:
    """How many mails of each sender or list would be judged otherwise, and how. Proposes nothing."""
    changes: Counter[tuple[str, str, str]] = Counter()
    for each in (now, then):
        look(staging, each, report)
    learn_facts(staging, now, store)
    both = [judged(staging, gather(staging, each, store)) for each in (now, then)]
    for before, after in zip(*both, strict=True):
        for (its, was), (_, would) in zip(before, after, strict=True):
            if was.verdict != would.verdict:
                changes[its.stream, was.verdict, would.verdict] += 1
    return changes


def learn_facts(staging: Staging, ruleset: Ruleset, store: Store) -> None:
    """Tell the store what the company wrote, and what somebody handles in a shared inbox."""
    for mail in written(staging, ruleset.judge.signals.digest, store.domains):
        store.wrote(mail.recipients, mail.message_id, mail.answers)
    store.handled(handled_artefacts(staging))


def gather(staging: Staging, ruleset: Ruleset, store: Store) -> Streams:
    """What each stream comes to: one look at all features."""
    signals = ruleset.judge.signals.digest
    streams = Streams(ruleset, store, defaultdict(Stream))
    judge = ruleset.judge
    standing = lru_cache(100_000)(judge.standing)
    for its in _each(staging, signals):
        stream = streams.of[its.stream]
        stream.is_list = its.list_id is not None
        shown = _shown(its.shown)
        stands = standing(shown, guarded=bool(_guards(store, its)))
        stream.add(judge.weighed(shown)[0], stands, sender=its.sender, account=its.account, text=its.alike)
    return streams


def judged(staging: Staging, streams: Streams) -> Iterator[Page]:
    """What is thought of every mail, a page at a time. Writes nothing."""
    for page in evidence(staging, streams.ruleset.judge.signals.digest):
        yield [(its, _proposal(streams, its)) for its in page]


def _by_itself(streams: Streams, page: Page, *, auto: bool) -> Iterator[tuple[int, Verdict]]:
    """What `auto` says of these mails that it has not said of them."""
    for its, proposal in page:
        parks = auto and proposal.verdict == Verdict.PARK and _tier(streams, its, proposal) == Tier.SAFEST
        if parks != (its.auto == Verdict.PARK):
            yield its.artefact, Verdict.PARK if parks else Verdict.KEEP


def _tier(streams: Streams, its: Evidence, proposal: Proposal) -> Tier:
    return streams.ruleset.judge.tier(streams.stream(its), proposal.score or 0.0)


def _proposal(streams: Streams, its: Evidence) -> Proposal:
    stream = streams.stream(its)
    rule = streams.ruleset.senders.of(its.sender, its.list_id)
    return streams.ruleset.judge.propose(
        _shown(its.shown), _guards(streams.store, its), stream, rule, sender=its.sender, text=its.alike
    )


def _guards(store: Store, its: Evidence) -> list[str]:
    found = store.guards(
        artefact=its.artefact,
        sender=its.sender,
        folder=its.folder,
        role=its.role,
        flags=its.flags,
        health=its.health,
        message_id=its.message_id,
        answers=its.answers,
    )
    return list(found)


def _each(staging: Staging, signals: str) -> Iterable[Evidence]:
    return (its for page in evidence(staging, signals) for its in page)


@lru_cache(100_000)
def _shown(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _is_new(its: Evidence, proposal: Proposal) -> bool:
    return its.proposal is None or its.proposal != (proposal.verdict, proposal.guard, proposal.orders)
