"""Staging -> target, for what belongs to shared inboxes: who may do what there, how far each mail is, and what the
words for that mean. The mails go before it, 対応履歴 mails among them.

Nothing is asked for twice, and what a person has changed at the target since stays theirs (laws.md §8).
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import TypeVar

from migrator.errors import FolderError, Reason, UsageError
from migrator.inboxes import Member, Named, Principal, Right, SharedInbox, Work
from migrator.locale import Language
from migrator.model import Amended, Folder, Path, Place, Unable, Unreadable
from migrator.ports import Holds, Limits, SharedTarget, Target
from migrator.shared.becoming import Became, Entitled, Fidelity, SendAs, WhoIs, entitled, of_work
from migrator.shared.folders import Shelved, shelved
from migrator.shared.history import history
from migrator.shared.legend import Legend
from migrator.shared.mails import IsOwn
from migrator.shared.standing import Standing, standing
from migrator.shared.words import Wording, wording
from migrator.staging import made
from migrator.staging.entitlements import DONE, REFUSED, TOUCHED, Asked, Entitlements
from migrator.staging.intents import STATE, Changed, IntentId, Intents, Outcome, Wish
from migrator.staging.made import HISTORY, Own
from migrator.staging.outbox import Outbox
from migrator.staging.shared import StagedInboxes
from migrator.staging.store import Run, Staging
from migrator.staging.worded import Worded, worded, worded_by
from migrator.steps.rulings import rulings
from migrator.steps.shelve import Movers, shelve, state_places, taken, unshelve
from migrator.steps.withdraw import BATCH, same_epoch

Setback = Callable[[Place, Reason], None]

NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """What is told of the company: whose addresses are its own, by which names people log in at the target, what day it
    is, and from which address 対応履歴 mails come (None: none are written), in which language."""

    is_own: IsOwn
    who_is: WhoIs
    today: datetime
    sender: str | None = None
    lang: Language = "ja"


@dataclass(frozen=True, kw_only=True)
class Known:
    """All that staging knows of one shared inbox: some kilobytes for each of its mails."""

    inbox: SharedInbox
    members: Sequence[Member]
    work: Sequence[Work | Unreadable]
    people: Mapping[str, Principal]
    standing: Standing
    sharing: Sharing
    _wordings: dict[tuple[int | None, bool, bool], Wording] = field(default_factory=dict, compare=False)

    def entitled(self, holds: Holds) -> Entitled:
        how = self.sharing
        return entitled(self.inbox, self.members, self.people, holds.rights, how.who_is, how.today)

    def wording(self, holds: Holds) -> Wording:
        room, states, categories = how = holds.words, not holds.folders, holds.categories
        if how not in self._wordings:
            said = wording(self.standing, self.people, room, states=states, categories=categories)
            self._wordings[how] = said
        return self._wordings[how]

    @cached_property
    def shelved(self) -> Shelved:
        """Which state folder each mail is to lie in, where states are shown by these."""
        return shelved(self.standing, self.sharing.lang)

    def folders(self, holds: Holds) -> dict[tuple[Path, str], str]:
        """The names of these folders, by folder and key at the source; a 対応履歴 mail goes where its conversation's
        last mail goes."""
        if not holds.folders:
            return {}
        mails = self.shelved.mails
        found = {(named.folder, named.key): name for named, name in mails.items()}
        for own, last in self._histories:
            if last in mails:
                found[last.folder, own.key] = mails[last]
        return found

    def becomes(self, holds: Holds) -> Iterator[Became]:
        """What becomes of each fact at a target that holds this much."""
        gets = self.entitled(holds)
        yield from gets.became
        if holds.folders and holds.rights:
            for who in sorted(
                who for who, may in gets.rights.items() if Right.REPLY in may and Right.DELETE not in may
            ):
                why = Reason("shared.cannot-move", who=who)
                yield Became(kind="state by hand", key=who, fidelity=Fidelity.ARCHIVED_ONLY, why=why)
        said, adrift = self.wording(holds), frozenset(self.standing.adrift)
        histories, shown = self.sharing.sender is not None, self.shelved.shown if holds.folders else None
        yield from of_work(self.work, said, self.people, adrift, histories=histories, shown=shown)

    @property
    def histories(self) -> Sequence[Own]:
        """Its 対応履歴 mails, each to lie beside the last mail of its conversation."""
        return [own for own, _ in self._histories]

    @cached_property
    def _histories(self) -> Sequence[tuple[Own, Named]]:
        found: list[tuple[Own, Named]] = []
        sender, lang = self.sharing.sender, self.sharing.lang
        for each in self.standing.conversations if sender else ():
            if mail := history(each, self.inbox, self.people, sender=sender or "", lang=lang):
                key, last = f"{HISTORY}:{self.inbox.key}:{each.key}", each.mails[-1].named
                found.append((Own(key=key, folder=last.folder, raw=mail.raw, at=mail.at), last))
        return found


@dataclass(frozen=True, slots=True)
class Inbox:
    """One shared inbox: read from staging when it is needed and dropped again, for a load of its mail lies between."""

    inbox: SharedInbox
    sharing: Sharing
    staging: Staging = field(repr=False)

    def read(self) -> Known:
        """All of it as it is now."""
        facts, rules = StagedInboxes(self.staging), rulings(self.staging)
        inbox, who = self.inbox, rules.people(facts.principals())
        work = list(rules.work(inbox, facts.work(inbox), who))
        letters, is_own = facts.letters(inbox.account), self.sharing.is_own
        return Known(
            inbox=inbox,
            members=list(rules.members(inbox, facts.members(inbox), who)),
            work=work,
            people=who.all(),
            standing=standing(inbox, letters, work, is_own, rules.joins(inbox)),
            sharing=self.sharing,
        )


def inboxes(staging: Staging, accounts: Collection[str], sharing: Sharing) -> list[Inbox]:
    """The shared inboxes whose mail lies in these accounts."""
    found = StagedInboxes(staging).inboxes()
    return [Inbox(inbox, sharing, staging) for inbox in found if inbox.account.name in accounts]


@dataclass(frozen=True, slots=True)
class Foretold:
    """What becomes of one fact of an inbox; `send_as` is the inbox's whole list, `holds` what its mailbox can hold."""

    inbox: str
    became: Became
    send_as: tuple[SendAs, ...]
    holds: Holds


def foretell(
    open_target: Callable[[], AbstractContextManager[Target]],
    shared: Sequence[Inbox],
    homes: Callable[[Limits], Collection[Place]],
) -> Iterator[Foretold]:
    """What would become of every fact of these inboxes in one mailbox, whose mail will be at home in these places. The
    target is only asked what it holds. Raises UsageError where a home of mail would be taken for a state folder."""
    with open_target() as target:
        holds = target.holds() if isinstance(target, SharedTarget) else Holds()
        clash = taken(homes(target.limits)) if holds.folders else None
    if clash is not None:
        raise UsageError(Reason("shared.folder-taken", place="/".join(clash.path), mailbox=clash.owner))
    for each in shared:
        known = each.read()
        send_as = known.entitled(holds).send_as
        yield from (Foretold(each.inbox.key, became, send_as, holds) for became in known.becomes(holds))


def write_histories(staging: Staging, run: Run, shared: Sequence[Inbox]) -> None:
    """Write every 対応履歴 mail that is new or has changed; they go with the mails."""
    for account in dict.fromkeys(each.inbox.account for each in shared):
        mails = [own for each in shared if each.inbox.account == account for own in each.read().histories]
        run.count("histories", made.keep(staging, run, account, HISTORY, mails))


# -- loading ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hand:
    """What the shared part of one mailbox is written with."""

    shelf: Outbox
    intents: Intents
    entitlements: Entitlements
    run: Run
    setback: Setback
    retry: bool = False
    """Ask again for rights that were refused."""

    @property
    def movers(self) -> Movers:
        return Movers(self.shelf, self.intents, self.setback)

    @contextmanager
    def setting_back(self, place: Place) -> Iterator[None]:
        """A place that cannot be worked on is passed over."""
        try:
            yield
        except FolderError as error:
            self.setback(place, error.reason)


def share(hand: Hand, target: Target, shared: Sequence[Inbox], homes: Mapping[Folder, Place]) -> None:
    """Give the places of those inboxes that are at home here their rights and legends, and their mails their words. A
    place that cannot be worked on is a setback. Raises Outage."""
    accounts = {each.inbox.account for each in shared} & {folder.account for folder in homes}
    if not accounts or not isinstance(target, SharedTarget):
        return
    holds = target.holds()
    for account in sorted(accounts, key=lambda each: each.name):
        due = _due([each for each in shared if each.inbox.account == account], holds)
        rights = {who: may for who, may in due.rights.items() if who != hand.shelf.owner}  # who may do all in it anyway
        places = list(dict.fromkeys(place for folder, place in homes.items() if folder.account == account))
        shelve(hand.movers, target, account.name, homes, due.folders)
        below = state_places(hand.shelf.places(), places)
        for place in below:
            with hand.setting_back(place):
                _inherit(hand, target, place)
        for place in [*places, *below]:
            with hand.setting_back(place):
                _give_all(hand, target, place, rights)
                if holds.legend and target.legend(place) != due.legend:
                    target.publish(place, due.legend)
        closed: set[Place] = set()
        for page in worded(hand.shelf, account.name):
            wanted = [(each, due.words.get(each.named, NONE), each.asked) for each in page]
            wrong = [each for each in wanted if each[1] != each[2] and each[0].place not in closed]
            _word(hand, target, wrong, closed)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Due:
    """What the places and mails of an account are to get of its shared inboxes: all that is kept of these meanwhile."""

    rights: Mapping[str, frozenset[Right]]
    words: Mapping[Named, frozenset[str]]
    folders: Mapping[tuple[Path, str], str]
    legend: str


def _due(shared: Sequence[Inbox], holds: Holds) -> _Due:
    rights: list[Mapping[str, frozenset[Right]]] = []
    said: list[Wording] = []
    shown: list[Shelved] = []
    folders: dict[tuple[Path, str], str] = {}
    for each in shared:
        known = each.read()
        rights.append(known.entitled(holds).rights)
        said.append(known.wording(holds))
        if holds.folders:
            shown.append(known.shelved)
            folders |= known.folders(holds)
    return _Due(
        rights=_together(rights),
        words=_together([each.words for each in said]),
        folders=folders,
        legend=_legend([each.legend for each in said], shown),
    )


def unshare(hand: Hand, target: Target, of_run: int) -> None:
    """Take back the rights and words that a run gave, but for what a person has changed since. Raises Outage."""
    if not isinstance(target, SharedTarget):
        return
    _word(hand, target, [(each, each.was, each.asked) for each in worded_by(hand.shelf, of_run)], set())
    unshelve(hand.movers, target, of_run)
    for place, given in hand.entitlements.given_by(of_run).items():
        with hand.setting_back(place):
            for each in given:
                _take_back(hand, target, place, each)


Key = TypeVar("Key")
Value = TypeVar("Value")


def _together(parts: Sequence[Mapping[Key, frozenset[Value]]]) -> dict[Key, frozenset[Value]]:
    """What several inboxes in the same places say of the same person or mail: all of it."""
    whole: dict[Key, frozenset[Value]] = {}
    for part in parts:
        for key, values in part.items():
            whole[key] = whole[key] | values if key in whole else values
    return whole


# -- rights ----------------------------------------------------------------------------------------------------------


def _give_all(hand: Hand, target: SharedTarget, place: Place, wanted: Mapping[str, frozenset[Right]]) -> None:
    asked = hand.entitlements.asked(place)
    for who in sorted({*wanted, *asked}):
        rights, before = wanted.get(who, frozenset()), asked.get(who)
        again = hand.retry and before is not None and before.kind == REFUSED
        if again or rights != (before.rights if before else frozenset()):
            _give(hand, target, place, who, rights, before)


def _inherit(hand: Hand, target: SharedTarget, place: Place) -> None:
    """What a server has given a new state folder because the place above has it of us (Dovecot does) is of us, too."""
    above = replace(place, path=place.path[:-1], role=None)
    given, asked = hand.entitlements.asked(above), hand.entitlements.asked(place)
    if asked or not any(each.stands for each in given.values()):
        return
    for who, held in target.rights(place).items():
        if who in given and given[who].stands and given[who].word == held.word:
            number, _ = hand.entitlements.begin(place, who, given[who].rights, given[who].was)
            hand.entitlements.end(number, DONE, held.word)


def _give(
    hand: Hand, target: SharedTarget, place: Place, who: str, rights: frozenset[Right], before: Asked | None
) -> None:
    """Take back what we gave for other rights, and give these; where a person has changed them since, neither."""
    free = before is None or not before.stands or _take_back(hand, target, place, before)
    if not rights:
        return
    now = target.rights(place).get(who)
    number, was = hand.entitlements.begin(place, who, rights, now.word if now else "")
    if not free:
        hand.entitlements.end(number, TOUCHED, was)
        return
    answer = target.grant(place, who, rights)
    if isinstance(answer, Unable):
        hand.entitlements.end(number, REFUSED, was, answer.reason)
        hand.setback(place, answer.reason)
        return
    hand.entitlements.end(number, DONE, answer.word)
    hand.run.count("granted")
    if not rights <= answer.rights:
        hand.setback(place, Reason("shared.rights-differ", place="/".join(place.path), who=who, word=answer.word))


def _take_back(hand: Hand, target: SharedTarget, place: Place, given: Asked) -> bool:
    number, _ = hand.entitlements.begin(place, given.who, frozenset(), given.word)
    back = target.revoke(place, given.who, given.word, given.was)
    hand.entitlements.end(number, DONE if back else TOUCHED, given.was if back else "")
    hand.run.count("revoked" if back else "rights_left")
    return back


# -- words -----------------------------------------------------------------------------------------------------------


def _legend(legends: Sequence[Legend], folders: Sequence[Shelved]) -> str:
    return Legend(
        states={word: meant for each in legends for word, meant in each.states.items()},
        people={word: key for each in legends for word, key in each.people.items()},
        tags={word: name for each in legends for word, name in each.tags.items()},
        folders={name: meant for each in folders for name, meant in each.names.items()},
    ).text()


Rewording = tuple[Worded, frozenset[str], frozenset[str]]
"""A mail, the words it is to have, and those it was last to have."""


def _word(hand: Hand, target: Target, wrong: Sequence[Rewording], closed: set[Place]) -> None:
    """Give these mails their words; `closed` gets the places that cannot be worked on."""
    assert isinstance(target, SharedTarget)
    by_place: dict[Place, list[Rewording]] = {}
    for each in wrong:
        by_place.setdefault(each[0].place, []).append(each)
    for place, here in by_place.items():
        with hand.setting_back(place):
            closed.add(place)
            same_epoch(hand.shelf, target, place, [each.mail for each, _, _ in here])
            unable: list[Unable] = []
            for at in range(0, len(here), BATCH):
                unable += _word_batch(hand, target, place, here[at : at + BATCH])
            if unable:
                raise FolderError(unable[0].reason)
            closed.discard(place)


def _word_batch(hand: Hand, target: SharedTarget, place: Place, batch: Sequence[Rewording]) -> list[Unable]:
    """Those that the place cannot hold."""
    wishes = [
        Wish(
            dispatch=each.mail.dispatch,
            expected=each.mail.expected,
            detail={"state": sorted(state), "was": sorted(was)},
        )
        for each, state, was in batch
    ]
    outcomes: list[tuple[IntentId, Outcome]] = []
    try:
        for begun, (each, state, was) in zip(hand.intents.begin(STATE, wishes), batch, strict=True):
            outcome = target.set_state(place, each.mail.expected.ref, state, was)
            if isinstance(outcome, Amended):
                outcomes.append((begun.intent, _changed(each, place, outcome, state, was)))
            else:
                outcomes.append((begun.intent, outcome))
    finally:
        hand.intents.end(outcomes)
    return [outcome for _, outcome in outcomes if isinstance(outcome, Unable)]


def _changed(each: Worded, place: Place, now: Amended, state: frozenset[str], was: frozenset[str]) -> Changed:
    """Ours are the flags that it would have if nobody had touched it."""
    ours = (each.mail.flags - was) | state
    return Changed(place, Amended(each.mail.ref, ours), theirs=(now.flags - {"\\Recent"}) ^ ours)
