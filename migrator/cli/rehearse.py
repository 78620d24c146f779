"""The command that walks the whole road against a test target, and tells what the real night will be like."""

import json
import sys
import time
from collections.abc import Collection, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from migrator.cli import console
from migrator.cli.console import Exit
from migrator.cli.progress import progress
from migrator.cli.road import HELPERS, JSON
from migrator.errors import Reason, UsageError
from migrator.locale import _

if TYPE_CHECKING:
    from migrator.ports import Source
    from migrator.reports.rehearsal import Timing
    from migrator.settings import Settings
    from migrator.staging.store import Staging
    from migrator.steps.crew import Crew
    from migrator.steps.load import Loading
    from migrator.steps.progress import Report
    from migrator.steps.rehearse import Chosen, Openers

family = typer.Typer()


@family.command(
    help=_(
        "The whole migration against a test target: extract, judge, load, verify; then a report with what is new since "
        "the last rehearsal, and how long the real cut-over will take. Without a target: into files on this disk."
    ),
    epilog=_("Example: migrator rehearse rehearsal --wipe"),
)
def rehearse(
    target: Annotated[
        str | None, typer.Argument(metavar="[TARGET]", help=_("A target whose role is rehearsal; else files on disk."))
    ] = None,
    wave: Annotated[str | None, typer.Option("--wave", metavar="W", help=_("Only the accounts of this wave."))] = None,
    wipe: Annotated[
        bool, typer.Option("--wipe", help=_("Take back the last rehearsal first, but for what somebody touched."))
    ] = False,
    as_json: JSON = False,
) -> None:
    """Refuses a production target and one with strangers' mail; exit 1 where anything was found."""
    from migrator.cli import migration

    with (
        migration.helpers(HELPERS) as helpers,
        migration.opened() as (settings, staging),
        progress() as report,
        redirect_stdout(sys.stderr if as_json else sys.stdout),  # what the steps tell is no part of the value
    ):
        value, page = rehearsed(settings, staging, report, target, wave=wave, wipe=wipe, helpers=helpers)
    if as_json:
        console.json_value(value)
    else:
        show(value, page)
    if value["found_something"]:
        raise typer.Exit(Exit.FOUND)


def rehearsed(
    settings: "Settings",
    staging: "Staging",
    report: "Report",
    target: str | None = None,
    *,
    wave: str | None = None,
    wipe: bool = False,
    helpers: "Crew | None" = None,
) -> tuple[dict[str, Any], Path]:
    """Walk the whole road; the report, as JSON has it, and the page. Raises UsageError, Outage."""
    from migrator.cli import migration
    from migrator.review.settling import reasons
    from migrator.settings import REHEARSALS
    from migrator.staging.rehearsals import NUMBER, STEP
    from migrator.steps import rehearse as steps

    name = target or REHEARSALS
    steps.refuse_production(settings.target(name))
    accounts = _accounts(settings, wave)
    for reason in reasons(migration.unsettled(settings, staging, accounts)):
        raise UsageError(reason)
    chosen = _ready(settings, staging, name, accounts, report, wipe=wipe)
    its = replace(settings, generations={**settings.generations, name: chosen.generation})
    with (
        staging.run(STEP, chosen.generation, {NUMBER: chosen.number}) as run,
        migration.source(its) as source,
    ):
        walk = _Walk(its, staging, source, name, accounts, report)
        walk.all(helpers)
        value = _told(walk, chosen, wave, run.id)
        run.counts |= {word: many for word, many in value["totals"].items() if many}
    return value, _write(its, value)


def _accounts(settings: "Settings", wave: str | None) -> list[str] | None:
    """The accounts of a wave at the source; None for all. Raises UsageError."""
    from migrator.cli import migration
    from migrator.steps.waves import members

    if wave is None:
        return None
    settings.wave(wave)
    with migration.source(settings) as source:
        found = members(settings.waves, [each.name for each in source.accounts()])[wave]
    if not found:
        raise UsageError(Reason("rehearse.empty-wave", wave=wave))
    return found


def _ready(
    settings: "Settings",
    staging: "Staging",
    name: str,
    accounts: Collection[str] | None,
    report: "Report",
    *,
    wipe: bool,
) -> "Chosen":
    """Wipe the target where that is wanted; it is empty where a generation begins. Raises UsageError."""
    from migrator.cli import migration
    from migrator.cli.back import list_left
    from migrator.staging.rehearsals import bury
    from migrator.steps import rehearse as steps

    openers = migration.opener(settings, name)
    bury(staging)
    if wipe:
        counts, left = steps.withdrawn(staging, openers, migration.loading(settings, name, report))
        list_left(left)
        console.tell(_("{n} mails of the last rehearsal taken back."), n=counts.get("withdrawn", 0))
    chosen = steps.chosen(staging, name, wiped=wipe)
    if chosen.fresh:
        with migration.source(settings) as source:
            names = [each.name for each in source.accounts() if accounts is None or each.name in accounts]
        steps.refuse_strangers(staging, openers, name, migration.routes(settings).mailboxes(names))
    if chosen.again:
        console.tell(_("Rehearsal {n} was stopped; it goes on."), n=chosen.number)
    return chosen


@dataclass
class _Walk:
    """One walk over the road, with what each step met."""

    settings: "Settings"
    staging: "Staging"
    source: "Source"
    target: str
    accounts: list[str] | None
    report: "Report"
    steps: list["Timing"] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    findings: list[dict[str, Any]] = field(default_factory=list)
    read_by: int = 0

    @property
    def openers(self) -> "Openers":
        from migrator.cli import migration

        return migration.opener(self.settings, self.target)

    def loading(self) -> "Loading":
        """What may lie there already is ours: it was looked at."""
        from migrator.cli import migration

        return migration.loading(self.settings, self.target, self.report, existing="send")

    def all(self, helpers: "Crew | None") -> None:
        """Extract, judge, load, verify."""
        self.extract(helpers)
        self.judge()
        self.load()
        self.verify()

    def done(self, step: str, began: float, mails: int, size: int = 0) -> None:
        from migrator.reports.rehearsal import Timing

        seconds = time.monotonic() - began
        self.steps.append(Timing(step, round(seconds, 2), mails, size))
        console.tell(_("{step}: {n} mails in {seconds} s"), step=step, n=mails, seconds=round(seconds, 1))

    def extract(self, helpers: "Crew | None") -> None:
        from migrator.staging.rehearsals import newest_run
        from migrator.steps.extract import extract as step

        began, name = time.monotonic(), self.settings.source.adapter
        done = step(self.source, self.staging, name=name, accounts=self.accounts, helpers=helpers, report=self.report)
        self.read_by = newest_run(self.staging)
        self.counts |= {"unreadable": done.faults + done.shared_faults, "setbacks": done.setbacks}
        self.done("extract", began, done.items + done.unchanged, done.bytes)

    def judge(self) -> None:
        from migrator.cli import migration
        from migrator.steps.judge import judge as step

        began, settings = time.monotonic(), self.settings
        automatic = settings.filters.auto == "safest"
        rules, store = migration.rules(settings), migration.store(settings)
        self.done("judge", began, sum(step(self.staging, rules, store, self.report, auto=automatic).values()))

    def load(self) -> None:
        """What of shared inboxes will be nowhere needs no signature here: it is told."""
        from migrator.cli import foretelling
        from migrator.steps import runner

        began, how = time.monotonic(), self.loading()
        how = replace(how, shared=foretelling.shared_inboxes(self.settings, self.staging, self.accounts))
        how = foretelling.say_beforehand(self.settings, self.staging, how, signed=True)
        counts = runner.load(self.staging, self.openers, how, accounts=self.accounts)
        words = ("loaded", "refused", "in_doubt", "amended", "signed_lost", "granted")
        self.counts |= {word: counts.get(word, 0) for word in words}
        self.counts["setbacks"] += counts.get("setbacks", 0)
        self.done("load", began, counts.get("loaded", 0))

    def verify(self) -> None:
        from migrator.staging.reports import findings
        from migrator.steps import runner

        began = time.monotonic()
        seen, run = runner.verify(self.staging, self.openers, self.loading(), accounts=self.accounts)
        self.findings = list(findings(self.staging, run))
        self.counts["setbacks"] += seen.setbacks
        self.done("verify", began, seen.checked)


def _told(walk: _Walk, chosen: "Chosen", wave: str | None, run: int) -> dict[str, Any]:
    """The whole report, as JSON has it, with the differences from the last rehearsal and the forecast."""
    from collections import Counter

    import migrator
    from migrator.reports import rehearsal as reports
    from migrator.reports.forecast import Amount, forecast
    from migrator.settings import REHEARSALS
    from migrator.staging.reports import bytes_staged
    from migrator.staging.since import bytes_at
    from migrator.staging.store import now
    from migrator.steps.ledger import ledger
    from migrator.steps.rehearse import homes

    how, staging = walk.loading(), walk.staging
    account = ledger(staging, walk.source, walk.openers, target=how.target, routes=how.routes, takes=how.takes)
    rows = [(each.folder, each.counts) for each in account.rows]
    value: dict[str, Any] = {
        "rehearsal": chosen.number,
        "target": walk.target,
        "generation": chosen.generation,
        "goes_on": not chosen.fresh,
        "taken_up": chosen.again,
        "adapter": walk.settings.target(walk.target).adapter,
        "wave": wave,
        "run": str(run),
        "read_by": walk.read_by,
        "ended": now().isoformat(timespec="seconds"),
        "version": migrator.__version__,
        "counts": walk.counts,
        "steps": walk.steps,
        "findings": dict(Counter(each["kind"] for each in walk.findings)),
    }
    accounts, places = walk.accounts, homes(staging, walk.openers, how, walk.accounts)
    value |= reports.told(staging, target=how.target, takes=how.takes, accounts=accounts, rows=rows, places=places)
    value["closed"] = reports.is_closed(value["totals"])
    last = _last(walk.settings, value)
    value["differences"] = reports.differences(staging, value, last)
    totals = value["totals"]
    goes = sum(totals.get(word, 0) for word in ("loaded", "to_do", "in_doubt", "refused"))
    store = Amount(totals.get("found", 0), bytes_staged(staging))
    value["forecast"] = reports.foretold(
        forecast(staging, how.target, store=store, goes=Amount(goes, bytes_at(staging, how.target)))
    )
    value["shows_not"] = reports.ON_DISK if walk.target == REHEARSALS else reports.ON_A_SERVER
    met = any(walk.counts[word] for word in ("refused", "in_doubt", "setbacks", "unreadable"))
    value["found_something"] = met or bool(walk.findings) or not value["closed"]
    plain: dict[str, Any] = console.plain(value)
    return plain


def _last(settings: "Settings", value: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the last rehearsal of this target and wave said; None where there is none, or nobody can read it."""
    for number in range(value["rehearsal"] - 1, 0, -1):
        try:
            text = (settings.folder / "reports" / f"rehearsal-{number}.json").read_text(encoding="utf-8")
            found: dict[str, Any] = json.loads(text)
        except (OSError, ValueError):
            continue
        if (found.get("target"), found.get("wave")) == (value["target"], value["wave"]):
            return found
    return None


def _write(settings: "Settings", value: Mapping[str, Any]) -> Path:
    """`reports/rehearsal-N.json` and `.html`; where the page lies. Raises UsageError."""
    from migrator.reports.page import rehearsal_page

    folder = settings.folder / "reports"
    page = folder / f"rehearsal-{value['rehearsal']}.html"
    try:
        folder.mkdir(exist_ok=True)
        text = json.dumps(value, ensure_ascii=False, indent=1)
        page.with_suffix(".json").write_text(text, encoding="utf-8")
        page.write_text(rehearsal_page(value), encoding="utf-8")
    except OSError as error:
        raise UsageError(Reason("sheet.unwritable", file=str(page), answer=error.strerror)) from error
    return page


def show(value: Mapping[str, Any], page: Path) -> None:
    """What of it fits a terminal of 80 columns."""
    from migrator.cli.shared import WIDTH, wrapped

    totals, changed = value["totals"], value["differences"]
    console.say(
        _("Rehearsal {n} ({generation}): {found} found, {loaded} loaded, {refused} refused, {broken} unreadable."),
        n=value["rehearsal"],
        generation=value["generation"],
        broken=totals.get("fault", 0),
        **{word: totals.get(word, 0) for word in ("found", "loaded", "refused")},
    )
    console.say(_("The ledger closes.") if value["closed"] else _("The ledger does NOT close: migrator ledger"))
    for word, many in value["findings"].items():
        console.say("  {word}: {n}", word=word, n=many)
    if changed is None:
        console.say(_("There is no earlier rehearsal to compare with."))
    else:
        console.say(
            _("Since rehearsal {since}: {new} new, {rewritten} rewritten, {flags} flags, {moved} moved, {gone} gone;"),
            **{word: changed[word] for word in ("since", "new", "rewritten", "flags", "moved", "gone")},
        )
        console.say(
            _("Newly {broken} broken, {refused} refused, {parked} senders parked; {folders} folders go elsewhere."),
            broken=len(changed["newly_broken"]),
            refused=len(changed["newly_refused"]),
            parked=len(changed["newly_parked"]),
            folders=len(changed["mapping"]),
        )
    _show_forecast(value["forecast"])
    for reason in value["shows_not"]:
        for number, line in enumerate(wrapped(reason["text"], WIDTH - 2)):
            console.say("{mark} {line}", mark=" " if number else "-", line=line)
    console.say(_("The rehearsal's report: {file}"), file=str(page))


def _show_forecast(forecast: Mapping[str, Any]) -> None:
    from migrator.reports.page import clock, step_words

    words = step_words()
    console.table(
        (_("cut-over night"), _("about"), _("least"), _("most"), _("seen")),
        (
            (
                words[each["step"]],
                *(clock(each[word]) if each["seen"] else "?" for word in ("likely", "least", "most")),
                each["seen"],
            )
            for each in (*forecast["window"], forecast["window_whole"])
        ),
    )
