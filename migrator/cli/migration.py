"""What the settings name, opened: staging, source, targets, routes and rules."""

import gc
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from migrator import registry
from migrator.cli import console
from migrator.model import Mailbox
from migrator.ports import Source, Target
from migrator.routes import Routes
from migrator.settings import Settings
from migrator.staging.rehearsals import newest, plain
from migrator.staging.store import Staging
from migrator.steps.progress import Report, quiet

if TYPE_CHECKING:  # slow to import, and no command needs both
    from migrator.filters.ruleset import Ruleset
    from migrator.filters.store import Store
    from migrator.review.desk import Desk
    from migrator.review.topic import Row
    from migrator.steps.crew import Crew
    from migrator.steps.load import Loading
    from migrator.steps.pace import Pace
    from migrator.steps.share import Inbox


@contextmanager
def opened() -> Iterator[tuple[Settings, Staging]]:
    """The migration folder's settings and staging."""
    settings = console.settings()
    password = None if settings.staging_password is None else settings.staging_password.reveal()
    with Staging.open(settings.staging_url, blobs=settings.blobs, folder=settings.folder, password=password) as staging:
        yield replace(settings, generations=newest(staging)), staging


@contextmanager
def both() -> Iterator[tuple[Source, Staging]]:
    """Source and staging, for a helper of extract."""
    with opened() as (settings, staging), source(settings) as opened_source:
        yield opened_source, staging


@contextmanager
def helpers(size: int) -> "Iterator[Crew]":
    """Processes for extract, forked once all that they need has been imported: so it is imported once."""
    from migrator.steps.crew import crew
    from migrator.steps.extract import walk_account

    source(console.settings())
    gc.freeze()
    with crew(size, both, walk_account) as forked:
        yield forked


def source(settings: Settings) -> AbstractContextManager[Source]:
    """The source. An adapter imports what opening it needs when it is first asked."""
    open_source = registry.adapter(settings.source.adapter).open_source
    assert open_source is not None, "settings refuse an adapter that is no source"
    return open_source(settings.source.config)


def opener(settings: Settings, target: str) -> Callable[[Mailbox], Callable[[], AbstractContextManager[Target]]]:
    """How to open one mailbox of the target, as often as lanes want it."""
    its = settings.target(target)
    open_target = registry.adapter(its.adapter).open_target
    assert open_target is not None, "settings refuse an adapter that is no target"

    def for_mailbox(mailbox: Mailbox) -> Callable[[], AbstractContextManager[Target]]:
        return lambda: open_target(its.config, mailbox)

    return for_mailbox


def routes(settings: Settings) -> Routes:
    """Where everything goes."""
    return Routes(settings.accounts, settings.folders)


def loading(
    settings: Settings,
    target: str,
    report: Report = quiet,
    *,
    retry: bool = False,
    resend: bool = False,
    existing: str | None = None,
    shared: "Sequence[Inbox]" = (),
    pace: "Pace | None" = None,
) -> "Loading":
    """What a load or verify of this target is told."""
    from migrator.steps.load import Loading
    from migrator.steps.pace import Pace

    its = settings.target(target)
    return Loading(
        target=its.name,
        routes=routes(settings),
        takes=frozenset(verdict.value for verdict in its.takes),
        late_commit=its.late_commit,
        patience=its.patience,
        retry=retry,
        resend=resend,
        existing=existing,
        shared=shared,
        pace=pace or Pace(),
        report=report,
    )


def takes(settings: Settings) -> dict[str, frozenset[str]]:
    """Every target by the name that staging knows, with the verdicts it takes."""
    its = map(settings.target, settings.targets)
    return {each.name: frozenset(verdict.value for verdict in each.takes) for each in its}


def rules(settings: Settings, *, beside: Sequence[Path] = ()) -> "Ruleset":
    """The rules in force: the shipped ones, then the operator's own, then those `beside`."""
    from migrator.filters.ruleset import Ruleset

    return Ruleset.read((*settings.filters.rules, *beside), settings.filters.weights)


def store(settings: Settings) -> "Store":
    """What protects mail beside its bytes: the company's own domains, and its address book."""
    from migrator.filters.book import addresses
    from migrator.filters.store import Store

    book = settings.filters.address_book
    return Store(settings.filters.own_domains, () if book is None else addresses(book))


def desk(settings: Settings, staging: Staging) -> "Desk":
    """What is under review."""
    from migrator.cli.words import said_by
    from migrator.review.desk import Desk

    return Desk(
        staging=staging,
        ruleset=rules(settings),
        routes=routes(settings),
        new_store=lambda: store(settings),
        said_by=said_by,
        own_domains=settings.filters.own_domains,
        foretold={name: foretold(settings, name) for name in settings.targets},
        takes=takes(settings),
    )


def unsettled(
    settings: Settings, staging: Staging, accounts: Collection[str] | None = None
) -> "Mapping[str, Sequence[Row]]":
    """What people have decided about these accounts, or about any, and migration.toml does not say: rows by table."""
    from migrator.review import settling
    from migrator.review.topics import TOPICS

    topics = settling.asked_about(staging, TOPICS)
    return settling.unsettled(desk(settings, staging), topics, accounts) if topics else {}


def foretold(settings: Settings, target: str) -> Path:
    """Where `load` writes what becomes of every fact of shared inboxes at this target."""
    return settings.folder / "reports" / f"shared-{plain(target)}.jsonl"


def only_target(settings: Settings, name: str | None) -> str:
    """The target that is meant: the one named, or the only one there is. Raises UsageError."""
    if name is None and len(settings.targets) == 1:
        return next(iter(settings.targets))
    settings.target(name or "")
    assert name is not None
    return name
