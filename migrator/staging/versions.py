"""Older versions of mail that lie at a target beside their successors (laws.md §2)."""

from sqlalchemy import ColumnElement, and_, exists, literal, or_, select

from migrator.model import Place
from migrator.staging.intents import WITHDRAW
from migrator.staging.sightings import Delivered, DispatchId, Shelf
from migrator.staging.states import is_made, last_presence, loaded, placed
from migrator.staging.tables import intent, item, outcome


def overtaken(shelf: Shelf) -> dict[Place, list[Delivered]]:
    """What is to be taken back: versions whose successor has arrived, and mails of our own making that nobody needs any
    more. Not what we did not put, and not what people had touched when we came for it before."""
    here = placed()
    touched = exists(
        select(literal(1))
        .where(intent.c.dispatch_id == here.c.dispatch_id, intent.c.kind == WITHDRAW)
        .join(outcome, outcome.c.intent_id == intent.c.id)
        .where(outcome.c.kind == "touched")
    )
    return shelf.in_force(and_(or_(_older(shelf), _retired()), here.c.how != "adopted", ~touched))


def stale(shelf: Shelf) -> set[DispatchId]:
    """Everything that lies there though its successor does, too."""
    return {each.dispatch for mails in shelf.in_force(_older(shelf)).values() for each in mails}


def _older(shelf: Shelf) -> ColumnElement[bool]:
    newer = item.alias("newer")
    return exists(
        select(literal(1)).where(
            newer.c.artefact_id == item.c.artefact_id, newer.c.id > item.c.id, loaded(newer.c.id, shelf.target)
        )
    )


def _retired() -> ColumnElement[bool]:
    return and_(is_made(item.c.artefact_id), last_presence(item.c.artefact_id).is_(False))
