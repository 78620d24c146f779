"""Which parked senders and lists become rules: those whose mail a server can tell from mail that must stay."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from migrator.errors import Reason
from migrator.mail import split
from migrator.mail.scan import headers
from migrator.mail.streams import stream_of
from migrator.model import Raw
from migrator.rules.subjects import Orders, read
from migrator.staging.approved import Sent
from migrator.text import shown

NEWEST, ORDERS = 5, 100
"""The newest mails of a sender that are looked at: one may say how to unsubscribe; and its newest orders."""

Raws = Callable[[Iterable[str]], Mapping[str, Raw]]
"""Gives raws by their digests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One sender or list whose mail is to be filed."""

    name: str
    """An address, or a List-Id without brackets; in one line, and in lower case."""
    is_list: bool = False
    by_subject: bool = False
    """Only mail whose subject is not that of an order: it sends both."""
    through_lists: bool = False
    """This address also sends through lists, and about that mail nobody decided."""


@dataclass(slots=True)
class Standing:
    """What is known of one parked sender or list."""

    is_list: bool = False
    mails: int = 0
    orders: int = 0
    untold: int = 0
    """Orders whose subject does not say so."""
    guards: Counter[str] = field(default_factory=Counter)
    kept: int = 0
    unjudged: int = 0
    through_lists: int = 0
    newest: deque[str] = field(default_factory=lambda: deque(maxlen=NEWEST))
    newest_orders: deque[str] = field(default_factory=lambda: deque(maxlen=ORDERS))
    """Digests, both."""

    def add(self, mail: Sent, known_by: Orders) -> None:
        """Take one mail of it into account."""
        self.is_list = mail.is_list
        self.mails += 1
        self.newest.append(mail.digest)
        self.kept += mail.kept
        if mail.proposal is None:
            self.unjudged += 1
            return
        guard, signals = mail.proposal
        if guard is not None:
            self.guards[guard] += 1
        if mail.orders or not known_by.asking.isdisjoint(signals):
            self.orders += 1
            self.untold += not known_by.tells(mail.subject)
            self.newest_orders.append(mail.digest)

    def objection(self, name: str) -> Reason | None:
        """Why no server can be trusted with it; None where it can."""
        if not name or shown(name) != name or any(character.isspace() for character in name):
            return Reason("rules.strange-name", sender=name)
        if "*" in name and not self.is_list:
            return Reason("rules.new-each-time", sender=name)
        if not self.mails:
            return Reason("rules.no-mail", sender=name)
        if self.unjudged:
            return Reason("rules.unjudged", sender=name, mails=self.unjudged)
        if self.guards:
            guard, _ = self.guards.most_common(1)[0]
            return Reason("rules.guarded", sender=name, mails=self.guards.total(), guard=guard)
        if self.kept:
            return Reason("rules.kept", sender=name, mails=self.kept)
        if self.untold:
            return Reason("rules.untold", sender=name, mails=self.untold)
        return None


@dataclass(frozen=True, slots=True)
class Chosen:
    """What becomes a rule, and what does not, each with the reason."""

    rules: Sequence[Rule]
    left: Sequence[Reason]
    words: Sequence[str]
    """By which a server knows an order's subject."""


def gather(parked: Iterable[str], sent: Iterable[Sent], orders: Orders) -> Mapping[str, Standing]:
    """What is known of each parked sender or list."""
    standings = {name: Standing() for name in parked}
    for mail in sent:
        if mail.name in standings:
            standings[mail.name].add(mail, orders)
        if mail.is_list and (standing := standings.get(stream_of(mail.sender, None))) is not None:
            standing.through_lists += 1
    return standings


def choose(standings: Mapping[str, Standing], raws: Raws, orders: Orders) -> Chosen:
    """The rules, in the order of their names."""
    rules: list[Rule] = []
    left: list[Reason] = []
    for name, its in sorted(standings.items()):
        objection = its.objection(name) or _misread(name, its, raws, orders)
        if objection is not None:
            left.append(objection)
            continue
        by_subject, through_lists = its.orders > 0, its.through_lists > 0
        rules.append(Rule(name=name, is_list=its.is_list, by_subject=by_subject, through_lists=through_lists))
    return Chosen(rules, left, orders.words)


def _misread(name: str, its: Standing, raws: Raws, orders: Orders) -> Reason | None:
    """Orders whose subject tells us so, and not a server that reads less well."""
    subjects = [_subject(raw) for raw in raws(its.newest_orders).values()] if its.orders else []
    misread = sum(not orders.tells(subject) for subject in subjects)
    return Reason("rules.misread", sender=name, mails=misread) if misread else None


def _subject(raw: Raw) -> str:
    return next((read(value) for field_, value in headers(head(raw)) if field_ == b"subject"), "")


HEAD = 256 * 1024
"""Bytes of a mail in which its header is looked for."""


def head(raw: Raw) -> bytes:
    """The header block."""
    with raw.open() as stream:
        return split(stream.read(HEAD))[0]
