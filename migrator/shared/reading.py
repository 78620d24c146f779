"""Mails out of a source or a target, as far as shared inboxes need them: headers, dates, and where they lie."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from migrator.inboxes import Letter, Named
from migrator.mail import head_of, received_at
from migrator.model import Account, DateSource, Evidence, Item, Place, Role
from migrator.ports import SharedTarget, Source, Target, nothing_known


def letters_at_source(source: Source, account: Account, until: datetime) -> Iterator[Letter]:
    """Every mail of an account, read anew. `until`: nothing can have been received after it. Raises what it raises."""
    for folder in source.folders(account):
        before: datetime | None = None
        for each in source.items(folder, after=None, known=nothing_known):
            if not isinstance(each, Item):
                continue
            head = head_of(each.raw)
            dated = received_at(head, each.dates, until=until)
            if dated.source != DateSource.NONE:
                before = dated.at
            elif before is not None:  # as in staging: a mail without any date gets that of its neighbour
                dated = Evidence(DateSource.NEIGHBOUR, before)
            yield Letter(
                named=Named(folder.path, each.key),
                head=head,
                received_at=dated.at,
                flags=each.flags,
                role=folder.role,
            )


def letters_at_target(
    target: Target, places: Iterable[Place], roles: Mapping[Place, Role | None] | None = None
) -> Iterator[Letter]:
    """Every mail of these places, as the target gives it now; one that goes while it is read is not told. `roles`: what
    counts for a place instead of its own role."""
    instead = roles or {}
    for place in places:
        for seen in target.survey(place, None):
            raw = target.fetch(place, seen.ref)
            if raw is not None:
                yield Letter(
                    named=Named(place.path, seen.ref),
                    head=head_of(raw),
                    received_at=seen.received_at,
                    flags=seen.flags,
                    role=instead.get(place, place.role),
                )


def words_at_target(target: SharedTarget, places: Iterable[Place]) -> Iterator[tuple[Named, frozenset[str]]]:
    """The words that mails of these places carry."""
    for place in places:
        yield from ((Named(place.path, ref), words) for ref, words in target.states(place))
