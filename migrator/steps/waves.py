"""Waves: which accounts move together, how far each wave is, and what stands against its next step.

A wave's state is asked of staging: planned, rehearsed, loading, delta. What people say stands above it: cut over,
signed; and paused beside it. A wave that is cut over is *frozen*: only who names it (`--wave`) extracts or loads its
accounts; once it is signed, nobody does.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from migrator.errors import Reason, UsageError
from migrator.routes import Routes
from migrator.settings import Settings, Wave
from migrator.staging import waves as staged
from migrator.staging.loads import paces
from migrator.staging.reports import accounts_staged
from migrator.staging.states import State
from migrator.staging.store import Staging
from migrator.staging.waves import Counts, Said
from migrator.steps.foresee import Takes, takes_for


class Stage(StrEnum):
    """How far a wave is; the last that is true."""

    PLANNED = "planned"
    REHEARSED = "rehearsed"
    LOADING = "loading"
    DELTA = "delta"
    CUT_OVER = "cut-over"
    SIGNED = "signed"


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that stands against a wave: why, and what to do; `stops` where nothing is loaded before that."""

    why: Reason
    stops: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One wave, as `wave list` shows it."""

    name: str
    target: str
    accounts: tuple[str, ...]
    stage: Stage
    said: Said
    counts: Counts
    takes: Takes | None
    """Seconds for what is to do; None while no load there was large enough to tell."""
    against: tuple[Condition, ...] = ()


# -- who is in which -------------------------------------------------------------------------------------------------


def members(waves: Mapping[str, Wave], accounts: Iterable[str]) -> dict[str | None, list[str]]:
    """These accounts by wave; None has those that are in no wave. Raises UsageError for one that is in two."""
    found: dict[str | None, list[str]] = {None: [], **{name: [] for name in waves}}
    belongs = {name: _matcher(wave.accounts) for name, wave in waves.items()}
    for account in accounts:
        mine = [name for name, matches in belongs.items() if matches(account)]
        if len(mine) > 1:
            raise UsageError(Reason("wave.account-in-two", account=account, one=mine[0], other=mine[1]))
        found[mine[0] if mine else None].append(account)
    return found


def _matcher(patterns: Collection[str]) -> Callable[[str], bool]:
    """Whether an account is meant by these names and globs; of names there may be thousands."""
    names, globs = frozenset(patterns), [each for each in patterns if not {*"*?["}.isdisjoint(each)]
    return lambda account: account in names or any(fnmatchcase(account, each) for each in globs)


def touched(settings: Settings, staging: Staging, target: str, accounts: Collection[str] | None) -> list[str]:
    """The waves of these accounts (None: of all) that go to this target."""
    if not settings.waves:
        return []
    mine = members(settings.waves, accounts_staged(staging, accounts))
    return [wave for wave in settings.waves if mine[wave] and settings.target_of(wave) == target]


def of_wave(settings: Settings, wave: str, accounts: Iterable[str]) -> list[str]:
    """Those of these accounts that are in the wave. Raises UsageError where there are none."""
    settings.wave(wave)
    mine = members(settings.waves, accounts)[wave]
    if not mine:
        raise UsageError(Reason("wave.empty", wave=wave))
    return mine


def owners_of(routes: Routes, accounts: Iterable[str]) -> set[str]:
    """Their mailboxes at the target."""
    return {mailbox.owner for mailbox in routes.mailboxes(accounts)}


def nowhere(settings: Settings, wave: str, accounts: Collection[str]) -> list[str]:
    """The names under a wave that are no account's."""
    known = frozenset(accounts)
    return [
        each
        for each in settings.wave(wave).accounts
        if each not in known and not any(fnmatchcase(name, each) for name in known)
    ]


# -- what may be worked on -------------------------------------------------------------------------------------------


def to_extract(
    settings: Settings, staging: Staging, at_source: Collection[str], wave: str | None, accounts: Collection[str] | None
) -> tuple[list[str] | None, list[Reason]]:
    """The accounts that this extract reads (None: every one), and what to tell of those that it leaves out.

    Raises UsageError for a wave that is signed, and for an account by name whose wave is cut over.
    """
    known = {*at_source, *accounts_staged(staging)}
    if wave is not None:
        mine = of_wave(settings, wave, sorted(known))
        not_signed(staging, wave)
        gone = [name for name in mine if name not in at_source]
        told = [Reason("wave.account-left", wave=wave, account=name) for name in gone]
        if missing := nowhere(settings, wave, known):
            raise UsageError(Reason("wave.no-such-account", wave=wave, account=missing[0]))
        return [name for name in mine if name in at_source], told
    frozen = _frozen(settings, staging, None, accounts or at_source)
    if accounts is not None:
        _refuse(frozen)
        return list(accounts), []
    if not any(frozen.values()):
        return None, []
    left_out = {name for names in frozen.values() for name in names}
    return [name for name in at_source if name not in left_out], _left_out(frozen)


def to_load(
    settings: Settings, staging: Staging, target: str, wave: str | None, accounts: Collection[str] | None
) -> tuple[list[str] | None, list[Reason]]:
    """The same for a load to this target. Raises UsageError where a wave of these accounts is paused."""
    every = accounts_staged(staging, accounts)
    if wave is not None:
        mine = of_wave(settings, wave, every)
        not_signed(staging, wave)
        return mine, []
    frozen = _frozen(settings, staging, target, every)
    if accounts is not None:
        _refuse(frozen)
        return every, []
    left_out = {name for names in frozen.values() for name in names}
    return ([name for name in every if name not in left_out] if left_out else None), _left_out(frozen)


def paused(staging: Staging, waves: Collection[str]) -> Reason | None:
    """Why nothing is sent for these waves at the moment: a person has paused one of them."""
    if waves:
        said = staged.said(staging)
        for wave in waves:
            if its := said.get(wave, staged.NOTHING).paused:
                return Reason("wave.paused", wave=wave, by=its.by, since=_when(its))
    return None


def _frozen(
    settings: Settings, staging: Staging, target: str | None, accounts: Collection[str]
) -> dict[str, list[str]]:
    """Those of these accounts whose wave is cut over (to this target), by wave."""
    said = staged.said(staging)
    over = [
        wave
        for wave in settings.waves
        if said.get(wave, staged.NOTHING).cut_over and target in (None, settings.target_of(wave))
    ]
    if not over:
        return {}
    mine = members(settings.waves, accounts)
    return {wave: mine[wave] for wave in over if mine[wave]}


def _refuse(frozen: Mapping[str, list[str]]) -> None:
    for wave, names in frozen.items():
        raise UsageError(Reason("wave.frozen", wave=wave, account=names[0]))


def _left_out(frozen: Mapping[str, list[str]]) -> list[Reason]:
    return [Reason("wave.left-out", wave=wave, n=len(names)) for wave, names in frozen.items()]


def not_signed(staging: Staging, wave: str) -> None:
    """Raises UsageError where a person has signed the wave off."""
    if its := staged.said(staging).get(wave, staged.NOTHING).signed:
        raise UsageError(Reason("wave.signed", wave=wave, by=its.by, since=_when(its)))


def _when(act: staged.Act) -> str:
    return act.at.astimezone().isoformat(sep=" ", timespec="minutes")


# -- how far it is ---------------------------------------------------------------------------------------------------


def standing(settings: Settings, staging: Staging, routes: Routes, name: str) -> Standing:
    """One wave. Raises UsageError for an account in two waves, and where nobody has said where the wave goes."""
    target, every = settings.target_of(name), accounts_staged(staging)
    mine = members(settings.waves, every)[name]
    owners = owners_of(routes, mine)
    takes = frozenset(verdict.value for verdict in settings.target(target).takes)
    counts = staged.counts(staging, target, takes, mine, owners)
    said = staged.said(staging).get(name, staged.NOTHING)
    return Standing(
        name=name,
        target=target,
        accounts=tuple(mine),
        stage=_stage(settings, staging, target, owners, counts, said),
        said=said,
        counts=counts,
        takes=takes_for(paces(staging, target), counts[State.TO_DO], counts.waiting),
        against=tuple(_against(settings, name, every, said, counts)),
    )


def _stage(
    settings: Settings, staging: Staging, target: str, owners: Collection[str], counts: Counts, said: Said
) -> Stage:
    if said.signed:
        return Stage.SIGNED
    if said.cut_over:
        return Stage.CUT_OVER
    by_target = staged.begun(staging)
    begun = by_target.get(target, set())
    if owners and begun.issuperset(owners):
        return Stage.LOADING if counts.late or counts[State.IN_DOUBT] else Stage.DELTA
    if not begun.isdisjoint(owners):
        return Stage.LOADING
    seen = set[str]().union(*(mine for name, mine in by_target.items() if _is_rehearsal(settings, name)))
    return Stage.REHEARSED if owners and seen.issuperset(owners) else Stage.PLANNED


def _is_rehearsal(settings: Settings, target: str) -> bool:
    """Of a target by the name that staging knows: one rehearsal of several is called `name#3`."""
    its = settings.targets.get(target)
    return "#" in target if its is None else its.role == "rehearsal"


def _against(
    settings: Settings, name: str, accounts: Collection[str], said: Said, counts: Counts
) -> Iterator[Condition]:
    """What staging itself has to object."""
    for each in nowhere(settings, name, accounts):
        yield Condition(Reason("wave.no-such-account", wave=name, account=each), stops=True)
    if its := said.paused:
        yield Condition(Reason("wave.paused", wave=name, by=its.by, since=_when(its)), stops=True)
    for state, code in _LEFT.items():
        if counts[state]:
            yield Condition(Reason(code, wave=name, n=counts[state]), stops=False)


_LEFT = {
    State.IN_DOUBT: "wave.in-doubt",
    State.HELD: "wave.held",
    State.REFUSED: "wave.refused",
    State.FAULT: "wave.faults",
}
