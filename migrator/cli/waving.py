"""What the commands of the road ask of waves: whose mail is meant, how fast it may go, and what stands against it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from migrator.cli import console, migration
from migrator.errors import Reason, UsageError
from migrator.model import Place
from migrator.ports import Source, Way
from migrator.settings import Settings
from migrator.staging import waves as staged
from migrator.staging.reports import accounts_staged
from migrator.staging.store import Staging
from migrator.steps import waves
from migrator.steps.pace import Pace
from migrator.steps.waves import Condition, Standing

if TYPE_CHECKING:
    from migrator.staging.entitlements import Asked
    from migrator.steps.undo import Loads

Accounts = Collection[str] | None


# -- whose mail ------------------------------------------------------------------------------------------------------


def to_extract(
    settings: Settings, staging: Staging, source: Source, wave: str | None, accounts: Accounts
) -> list[str] | None:
    """The accounts to be read; None: all of them. Raises UsageError."""
    _one_way(wave, accounts)
    if not settings.waves and wave is None:
        return None if accounts is None else list(accounts)
    named = [account.name for account in source.accounts()]
    return _told(waves.to_extract(settings, staging, named, wave, accounts))


def to_load(
    settings: Settings, staging: Staging, target: str, wave: str | None, accounts: Accounts, *, act: bool
) -> list[str] | None:
    """The accounts to be loaded; None: all of them. Raises UsageError where something stands against their wave."""
    _one_way(wave, accounts)
    settings.target(target)
    chosen = _told(waves.to_load(settings, staging, target, wave, accounts))
    if wave is not None and settings.target_of(wave) == target:
        stops = [each.why for each in ready(settings, staging, wave).against if each.stops]
        for reason in stops if len(stops) > 1 or not act else ():
            console.explain(reason)
        if stops and act:
            raise UsageError(stops[0] if len(stops) == 1 else Reason("wave.not-ready", wave=wave, n=len(stops)))
    return chosen


def to_look(settings: Settings, staging: Staging, wave: str | None, accounts: Accounts) -> list[str] | None:
    """The accounts to be looked at; None: all of them. Raises UsageError."""
    _one_way(wave, accounts)
    if wave is not None:
        return waves.of_wave(settings, wave, accounts_staged(staging))
    return None if accounts is None else list(accounts)


def to_undo(settings: Settings, staging: Staging, run: int | None, wave: str | None) -> tuple[str, "Loads"]:
    """The target, and the loads that are to be taken back there. Raises UsageError."""
    from migrator.staging.loads import target_of_load
    from migrator.steps.undo import Loads

    if (run is None) == (wave is None):
        raise UsageError(Reason("undo.what"))
    if run is not None:
        return target_of_load(staging, run), Loads((run,))
    assert wave is not None
    target, accounts = settings.target_of(wave), waves.of_wave(settings, wave, accounts_staged(staging))
    waves.not_signed(staging, wave)
    owners = waves.owners_of(migration.routes(settings), accounts)
    return target, Loads(tuple(staged.loads_of(staging, target, owners)), accounts, owners)


def given_by(staging: Staging, loads: "Loads") -> Mapping[Place, Sequence["Asked"]]:
    """The rights that people have by these loads."""
    from migrator.staging import entitlements

    found: dict[Place, list[Asked]] = {}
    for run in loads.runs:
        for place, given in entitlements.given_by(staging, run).items():
            if loads.owners is None or place.owner in loads.owners:
                found.setdefault(place, []).extend(given)
    return found


def _one_way(wave: str | None, accounts: Accounts) -> None:
    if wave is not None and accounts:
        raise UsageError(Reason("wave.or-account"))


def _told(found: tuple[list[str] | None, list[Reason]]) -> list[str] | None:
    for reason in found[1]:
        console.explain(reason)
    return found[0]


def mistakes(settings: Settings, at_source: Collection[str]) -> Iterator[Reason]:
    """What is wrong with the waves as migration.toml has them."""
    try:
        waves.members(settings.waves, at_source)
    except UsageError as error:
        yield error.reason
    for wave in settings.waves:
        try:
            settings.target_of(wave)
        except UsageError as error:
            yield error.reason
        for name in waves.nowhere(settings, wave, at_source) if at_source else ():
            yield Reason("wave.no-such-account", wave=wave, account=name)


# -- how fast --------------------------------------------------------------------------------------------------------


def pace(settings: Settings, staging: Staging, target: str, accounts: Accounts) -> Pace:
    """What a load of these accounts to this target keeps to: the target's own measure, and that of their waves."""
    touched = waves.touched(settings, staging, target, accounts)
    return Pace(
        keeps=[settings.target(target).pacing, *(settings.waves[name] for name in touched)],
        word=lambda: waves.paused(staging, touched),
    )


# -- what stands against it ------------------------------------------------------------------------------------------


def ready(settings: Settings, staging: Staging, wave: str) -> Standing:
    """One wave with all that stands against it, by staging and by what people have decided and signed."""
    from migrator.review import ready
    from migrator.review.desk import by_name
    from migrator.review.topics import TOPICS

    its = waves.standing(settings, staging, migration.routes(settings), wave)
    if its.said.signed or not its.accounts:
        return its
    desk, topics = migration.desk(settings, staging), by_name(TOPICS)
    people = [
        *ready.unsigned(desk, topics, ready.mapped(topics), its.accounts),
        *ready.undecided(desk, topics, its.accounts),
    ]
    return replace(its, against=(*its.against, *(Condition(why, stops=True) for why in people)))


def looked(settings: Settings, staging: Staging, its: Standing) -> Standing:
    """The same, with what the target and the old store have to say; that only tells."""
    found = [*_at_target(settings, staging, its), *unanswered(settings, staging, its)]
    return replace(its, against=(*its.against, *(Condition(why, stops=False) for why in found)))


def _at_target(settings: Settings, staging: Staging, its: Standing) -> Iterator[Reason]:
    from migrator.cli.foreseeing import findings
    from migrator.steps.check import check_target
    from migrator.steps.foresee import foresee

    routes, opener = migration.routes(settings), migration.opener(settings, its.target)
    yield from check_target(its.target, routes, list(its.accounts), opener)
    rows = foresee(
        staging,
        opener,
        target=its.target,
        way=Way(name=settings.target(its.target).adapter),
        routes=routes,
        takes=settings.target(its.target).takes,
        accounts=its.accounts,
    )
    yield from findings(its.target, [refusal for row in rows for refusal in row.refusals])


def unanswered(settings: Settings, staging: Staging, its: Standing) -> list[Reason]:
    """What differs between the views of who waits in this wave's shared inboxes."""
    from migrator.cli import shared
    from migrator.staging.shared import StagedInboxes

    if not any(inbox.account.name in its.accounts for inbox in StagedInboxes(staging).inboxes()):
        return []
    owners = waves.owners_of(migration.routes(settings), its.accounts)
    loaded = [its.target] if owners <= staging.known_mailboxes(its.target) else []
    return shared.differences(settings, staging, [shared.SOURCE, shared.STAGING, *loaded], its.accounts)[1]
