"""What migration.toml says, checked: which systems, which accounts, which folders, and where the secrets are."""

import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from migrator import registry
from migrator.errors import Reason, UsageError
from migrator.model import Verdict
from migrator.ports import Adapter
from migrator.secret import Secret
from migrator.toml import Toml, Where

FILE = "migration.toml"

REHEARSALS = "rehearsals"
"""The target of a rehearsal that names none: a maildir archive of this name in the migration folder."""

GENERATION = "#"
"""Between a target's name and the number of a rehearsal: each has a ledger of its own (`rehearsal#3`)."""


# -- the file, as it is written --------------------------------------------------------------------------------------


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StagingSection(_Section):
    """Where staging lies."""

    url: str = "sqlite:///staging.db"
    password: Secret | None = None
    blobs: str = "database"


class FiltersSection(_Section):
    """What the filters know beyond the shipped rules. Paths are absolute once loaded."""

    own_domains: tuple[str, ...] = ()
    rules: tuple[Path, ...] = ()
    address_book: Path | None = None
    weights: Path | None = None
    auto: Literal["none", "safest"] = "none"


class SharedSection(_Section):
    """What is written for shared inboxes. Without `history_from` no 対応履歴 mails are."""

    history_from: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$")
    """An address of the company that takes no answers."""
    history_language: Literal["ja", "en"] | None = None
    """By default the operator's own."""


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError("no such time zone; one is called Asia/Tokyo") from error
    return name


_DAY, _HOUR = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)", "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_HOURS = re.compile(rf"(?:{_DAY}(?:-{_DAY})? )?{_HOUR}-{_HOUR}")


def _hours(text: str) -> str:
    if not _HOURS.fullmatch(text):
        raise ValueError('write "08:00-19:00", or with days "Mon-Fri 08:00-19:00"')
    return text


class Pacing(_Section):
    """How much may be asked of a target at a time, and when nothing."""

    lanes: int | None = Field(default=None, ge=1)
    """Connections at the same time, over all mailboxes."""
    mails_per_minute: int | None = Field(default=None, ge=1)
    mb_per_minute: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    quiet: Annotated[str, AfterValidator(_hours)] | None = None
    """Hours in which nothing is sent: "08:00-19:00", "Mon-Fri 08:00-19:00"."""
    zone: Annotated[str, AfterValidator(_known_zone)] | None = None
    """Of those hours; by default this machine's."""


class Wave(Pacing):
    """Accounts that move together: names or globs."""

    accounts: tuple[str, ...]
    target: str | None = None
    """Where it moves for good; not needed where there is one production target."""


class Reviewer(_Section):
    """Who may open the review page, and what of it: the accounts whose subjects they may see."""

    secret: Secret
    role: Literal["see", "decide", "sign"] = "decide"
    """Each may also what stands before it."""
    accounts: tuple[str, ...] = ()
    """Names or globs."""


class ReviewSection(_Section):
    """Who reviews, and what the page needs to be reached from other desks. Paths are absolute once loaded."""

    reviewers: dict[str, Reviewer] = {}
    certificate: Path | None = None
    key: Path | None = None
    hosts: tuple[str, ...] = ()
    """Names under which browsers may ask for the page, beside the address that it listens on."""


class _SourceKeys(_Section):
    """The engine's own keys in a system's section; all others belong to its adapter."""

    adapter: str


class _TargetKeys(_SourceKeys, Pacing):
    role: Literal["rehearsal", "production"] = "production"
    takes: frozenset[Verdict] = frozenset({Verdict.KEEP})
    late_commit: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    patience: float = Field(default=300, ge=0, allow_inf_nan=False)
    at_once: int | None = Field(default=None, ge=1)


Keys = TypeVar("Keys", bound=_SourceKeys)
Value = TypeVar("Value")


class _Document(_Section):
    staging: StagingSection = StagingSection()
    source: dict[str, Any]
    filters: FiltersSection = FiltersSection()
    shared: SharedSection = SharedSection()
    folders: dict[str, str] = {}
    targets: dict[str, dict[str, Any]] = {}
    accounts: dict[str, str] = {}
    waves: dict[str, Wave] = {}
    review: ReviewSection = ReviewSection()


# -- what the engine uses --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSettings:
    """The source: its adapter's name and that adapter's own config."""

    adapter: str
    config: BaseModel


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSettings:
    """A target: its adapter's name and config, and what the engine wants of it."""

    name: str
    """By which staging knows it: its own, or that of a rehearsal."""
    adapter: str
    config: BaseModel
    role: Literal["rehearsal", "production"] = "production"
    takes: frozenset[Verdict] = frozenset({Verdict.KEEP})
    late_commit: float | None = None
    """Seconds, laws.md §1.3; None = the adapter's own."""
    patience: float = 300
    """Seconds for which an outage of one mailbox is waited out in all."""
    at_once: int | None = None
    """Mailboxes that a fleet works on at the same time, all hosts together."""
    pacing: Pacing = field(default_factory=Pacing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """A migration folder's settings. No secret value is in here, and every path is absolute."""

    folder: Path
    staging_url: str
    staging_password: Secret | None
    blobs: Literal["database"] | Path
    source: SourceSettings
    targets: Mapping[str, TargetSettings]
    filters: FiltersSection
    shared: SharedSection
    folders: Mapping[str, str]
    accounts: Mapping[str, str]
    waves: Mapping[str, Wave]
    review: ReviewSection
    generations: Mapping[str, str] = field(default_factory=dict)
    """The newest rehearsal of each target that has seen one: it is what the target's name means."""

    def target(self, name: str) -> TargetSettings:
        """The target of that name, or one of its rehearsals (`rehearsal#3`). Raises UsageError that names those there
        are."""
        plain, rehearsed, _ = name.partition(GENERATION)
        its = _archive(self.folder) if plain == REHEARSALS else self.targets.get(plain)
        if its is None or (rehearsed and its.role != "rehearsal"):
            raise UsageError(Reason("settings.no-target", name=name, known=", ".join(sorted(self.targets)) or "-"))
        return replace(its, name=name if rehearsed else self.generations.get(plain, plain))

    def wave(self, name: str) -> Wave:
        """The wave of that name. Raises UsageError that names those there are."""
        if name not in self.waves:
            raise UsageError(Reason("settings.no-wave", name=name, known=", ".join(sorted(self.waves)) or "-"))
        return self.waves[name]

    def target_of(self, wave: str) -> str:
        """The target to which a wave moves for good. Raises UsageError where nobody has said it."""
        named = self.wave(wave).target
        production = [name for name, its in self.targets.items() if its.role == "production"]
        if named is None and len(production) != 1:
            raise UsageError(Reason("settings.wave-target", wave=wave, known=", ".join(production) or "-"))
        name = production[0] if named is None else named
        self.target(name)
        return name


def _archive(folder: Path) -> TargetSettings:
    """The archive of rehearsals that name no target. It takes what a new server would."""
    config = registry.adapter("maildir").config.model_validate({"root": folder / REHEARSALS})
    return TargetSettings(name=REHEARSALS, adapter="maildir", config=config, role="rehearsal")


def load(folder: Path) -> Settings:
    """Read the folder's migration.toml. Raises UsageError, which names the line of the first mistake."""
    folder = folder.absolute()
    path = folder / FILE
    if not path.exists():
        raise UsageError(Reason("settings.absent", folder=str(folder)))
    file = Toml(path)
    _refuse_passwords(file, file.data, ())
    document = file.read(_Document, folder=folder)
    source = _source(file, document.source, folder)
    targets = {name: _target(file, name, section, folder) for name, section in document.targets.items()}
    staging = document.staging
    settings = Settings(
        folder=folder,
        staging_url=_absolute_url(staging.url, folder),
        staging_password=_absolute(staging.password, folder),
        blobs="database" if staging.blobs == "database" else folder / staging.blobs,
        source=source,
        targets=targets,
        filters=_absolute(document.filters, folder),
        shared=_of_the_company(file, document),
        folders=document.folders,
        accounts=document.accounts,
        waves=document.waves,
        review=_absolute(document.review, folder),
    )
    _refuse_commands_of_others(file, settings)
    return settings


def _of_the_company(file: Toml, document: _Document) -> SharedSection:
    """A mail of ours that came from outside would count as a customer's: its sender has one of our own domains."""
    sender, domains = document.shared.history_from, document.filters.own_domains
    if sender is not None and sender.rpartition("@")[2].lower() not in {each.lower() for each in domains}:
        raise UsageError(Reason("settings.history-from-outside", **file.at(("shared", "history_from"))))
    return document.shared


def _source(file: Toml, section: Mapping[str, Any], folder: Path) -> SourceSettings:
    keys, adapter, config = _system(file, section, ("source",), _SourceKeys, folder)
    if adapter.open_source is None:
        raise UsageError(Reason("settings.adapter-no-source", **file.at(("source", "adapter")), adapter=keys.adapter))
    return SourceSettings(adapter=keys.adapter, config=config)


def _target(file: Toml, name: str, section: Mapping[str, Any], folder: Path) -> TargetSettings:
    at = ("targets", name)
    if GENERATION in name or name == REHEARSALS:
        raise UsageError(Reason("settings.target-name", **file.at(at), name=name))
    keys, adapter, config = _system(file, section, at, _TargetKeys, folder)
    if adapter.open_target is None:
        raise UsageError(Reason("settings.adapter-no-target", **file.at((*at, "adapter")), adapter=keys.adapter))
    return TargetSettings(
        name=name,
        adapter=keys.adapter,
        config=config,
        role=keys.role,
        takes=keys.takes,
        late_commit=keys.late_commit,
        patience=keys.patience,
        at_once=keys.at_once,
        pacing=Pacing(**{name: getattr(keys, name) for name in Pacing.model_fields}),
    )


def _system(
    file: Toml, section: Mapping[str, Any], at: Where, keys: type[Keys], folder: Path
) -> tuple[Keys, Adapter, BaseModel]:
    """One system's section, split between the engine and the adapter it names."""
    ours = {key: value for key, value in section.items() if key in keys.model_fields}
    theirs = {key: value for key, value in section.items() if key not in keys.model_fields}
    engine = file.read(keys, ours, at=at)
    adapter = registry.adapter(engine.adapter)
    config = file.read(adapter.config, theirs, at=at, also=keys.model_fields, folder=folder)
    return engine, adapter, _absolute(config, folder)


# -- paths -----------------------------------------------------------------------------------------------------------


def _absolute(value: Value, folder: Path) -> Value:
    """The same value with every path in it, however deep, taken from the migration folder."""
    rebuilt: Value = _rebuilt(value, lambda path: folder / path.expanduser())
    return rebuilt


def _rebuilt(value: Any, place: Callable[[Path], Path]) -> Any:
    if isinstance(value, Path):
        return place(value)
    if isinstance(value, Secret):
        return _placed(value, place)
    if isinstance(value, BaseModel):
        return value.model_copy(update={name: _rebuilt(inner, place) for name, inner in value})
    if isinstance(value, dict):
        return {key: _rebuilt(inner, place) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_rebuilt(inner, place) for inner in value)
    return value


def _placed(secret: Secret, place: Callable[[Path], Path]) -> Secret:
    """A secret's file, or its command where that is named by a path (a bare name is looked for on PATH)."""
    if secret.file is not None:
        return Secret(file=str(place(Path(secret.file))))
    if secret.command and "/" in secret.command[0]:
        return Secret(command=(str(place(Path(secret.command[0]))), *secret.command[1:]))
    return secret


def _absolute_url(url: str, folder: Path) -> str:
    """An SQLite URL names its file from the migration folder; other URLs stay."""
    scheme, found, path = url.partition(":///")
    if found and scheme.split("+")[0] == "sqlite" and path and not path.startswith((":memory:", "file:")):
        return f"{scheme}:///{folder / path}"
    return url


def private(folder: Path) -> bool:
    """Shut a migration folder and our files in it to everybody else, and with them whatever this process will write;
    whether the folder stood open.

    Raises UsageError where it belongs to somebody else and stands open. Staging shuts what is its own.
    """
    os.umask(0o077)
    ours = [folder, *(folder / name for name in (FILE, "mappings", "reports"))]
    opened = _open_to_others(folder)
    if opened:
        ours += [path for name in ("mappings", "reports") for path in (folder / name).rglob("*")]
    for path in filter(_open_to_others, ours):
        try:
            path.chmod(stat.S_IMODE(path.stat().st_mode) & 0o700)
        except PermissionError as error:
            raise UsageError(Reason("settings.folder-open-to-others", folder=str(path))) from error
    return opened


def _open_to_others(path: Path) -> bool:
    return path.exists() and not path.is_symlink() and bool(stat.S_IMODE(path.stat().st_mode) & 0o077)


# -- secrets ---------------------------------------------------------------------------------------------------------

_IN_AUTHORITY = re.compile(r"""(?i)\b([a-z][a-z0-9+.-]*://[^\s/:@'"]*:)[^\s'"]*@""")
_IN_QUERY = re.compile(r"""(?i)([?&;][^=&;\s]*(?:passw|pwd|secret|token)[^=&;\s]*=)[^\s&'"]+""")


def masked(text: str) -> str:
    """The text, with the password of every URL in it replaced by ***."""
    return _IN_QUERY.sub(r"\1***", _IN_AUTHORITY.sub(r"\1***@", text))


def _refuse_passwords(file: Toml, value: Any, where: Where) -> None:
    if isinstance(value, str) and masked(value) != value:
        raise UsageError(Reason("settings.password-in-url", **file.at(where)))
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in inside:
        _refuse_passwords(file, inner, (*where, step))


def _refuse_commands_of_others(file: Toml, settings: Settings) -> None:
    """A command in migration.toml is run as us: then nobody else may be able to write it there."""
    configs = [settings.source.config, *(target.config for target in settings.targets.values())]
    if not any(secret.command for secret in _secrets([settings.staging_password, configs, settings.review])):
        return
    for path in (file.path, settings.folder):
        status = path.stat()
        if status.st_uid not in (0, os.geteuid()) or stat.S_IMODE(status.st_mode) & 0o022:
            raise UsageError(Reason("settings.command-open-to-others", path=str(path)))


def _secrets(value: Any) -> Iterator[Secret]:
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, BaseModel):
        for _, inner in value:
            yield from _secrets(inner)
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _secrets(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _secrets(inner)
