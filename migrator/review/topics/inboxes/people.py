"""Who is meant by the old system's names for people: those it does not list, those who left, those who are two."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from migrator.errors import Reason
from migrator.inboxes import Happened, Principal
from migrator.locale import _
from migrator.model import ItemId
from migrator.review.desk import Desk
from migrator.review.topic import RIGHT, WRONG, Row, Topic, Word
from migrator.review.topics.inboxes.known import SAMPLES, Known, known, samples
from migrator.shared.mails import Way
from migrator.staging.books import rulings_book
from migrator.staging.glances import glances
from migrator.steps import rulings
from migrator.steps.rulings import person_row, unlisted

GONE = Word(rulings.NOBODY, lambda: _("nobody any more"), "calm")


def _rows(desk: Desk) -> Iterator[Row]:
    its = known(desk)
    answers, seen_in = _answers(its)
    alike = Counter(name for each in its.people.values() for name in _names(each))
    seen = glances(desk.staging, {item for items in answers.values() for item in items})
    strangers = map(unlisted, seen_in.keys() - its.people.keys())
    for person in sorted((*its.people.values(), *strangers), key=lambda each: (each.known, not each.left, each.key)):
        items = answers.get(person.key, [])
        wrote = Counter(seen[item].sender for item in items if item in seen)
        twice = [each for each in sorted(_names(person)) if alike[each] > 1]
        yield _row(person, wrote, items, twice, seen_in.get(person.key, set()) or set(its.items))


def _row(
    person: Principal, wrote: Counter[str], items: Sequence[ItemId], twice: Iterable[str], accounts: set[str]
) -> Row:
    often = [address for address, _many in wrote.most_common(3)]
    proposal = (person.address or person.name) if person.known else next(iter(often), "")
    unknown = () if person.known else (Reason("review.person-unknown"),)
    name = person_row(person)
    return Row(
        id=name,
        subject=name,
        title=person.key if person.name in ("", person.key) else f"{person.name} ({person.key})",
        proposal=proposal or None,
        accepts=RIGHT.verdict if proposal and person.known else None,
        confidence=round(wrote[proposal] / wrote.total(), 2) if proposal in wrote else None,
        numbers=(wrote.total(), len(accounts)),
        notes=(Reason("review.left"),) if person.left else (),
        evidence=tuple(Reason("review.answered-as", address=each, many=wrote[each]) for each in often),
        warnings=(*unknown, *(Reason("review.person-twice", name=each) for each in twice)),
        accounts=frozenset(accounts),
        quotes=tuple((item, lambda: _("an answer")) for item in items[-SAMPLES:]),
    )


def _names(person: Principal) -> set[str]:
    """What two rows of one person would share."""
    return {each.casefold() for each in (person.name, person.address) if each}


def _answers(its: Known) -> tuple[dict[str, list[ItemId]], dict[str, set[str]]]:
    """The answers in conversations that each person has in hand; and the accounts in which each is named."""
    found: defaultdict[str, list[ItemId]] = defaultdict(list)
    accounts: defaultdict[str, set[str]] = defaultdict(set)
    for inbox, conversation in its.conversations():
        hands = {state.assignee for state in conversation.states} | {
            event.by for event in conversation.events if event.what in (Happened.REPLIED, Happened.ASSIGNED)
        }
        sent = its.items_of(inbox, (mail for mail in conversation.mails if mail.way == Way.OUT))
        for each in filter(None, hands):
            found[each] += sent
            accounts[each].add(inbox.account.name)
        for each in {note.by for note in conversation.notes if note.by is not None}:
            accounts[each].add(inbox.account.name)
    for key, members in its.members.items():
        for member in members:
            accounts[member.principal].add(its.stands[key].inbox.account.name)
    return found, accounts


PEOPLE = Topic(
    name=rulings.PEOPLE,
    letters="p",
    title=lambda: _("Who is who in shared inboxes"),
    question=lambda: _(
        "Work was assigned to these names. Is this the person? Whoever it really is takes over their work and rights: "
        "write a login, address or name of the list, or the address of somebody else. Those who left, and names that "
        "are wrong, keep what they did and get no rights."
    ),
    unit=lambda: _("name"),
    columns=(lambda: _("answers"), lambda: _("inboxes")),
    words=(RIGHT, WRONG, GONE),
    free=lambda: _("it is somebody else:"),
    facts=_rows,
    book=partial(rulings_book, topic=rulings.PEOPLE),
    starred=True,
    optional=True,
    samples=samples,
)
