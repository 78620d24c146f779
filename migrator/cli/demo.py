"""`migrator demo`: the whole road on a small store made up on the spot, with everything in this process."""

import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from migrator.cli import console
from migrator.errors import Reason, UsageError
from migrator.locale import _

if TYPE_CHECKING:
    from migrator.ports import Source
    from migrator.settings import Settings
    from migrator.staging.store import Staging
    from migrator.steps.extract import Extracted
    from migrator.steps.progress import Report

family = typer.Typer()

PASSWORD = "MIGRATOR_DEMO_PASSWORD"  # noqa: S105 - where the secret is found, not the secret

SETTINGS = """\
# The demo's settings: migrator demo wrote them. Its IMAP server lives only as long as the demo.

[staging]
url = "sqlite:///staging.db"

[source]
adapter = "groupware"
mapping = "kyoyu-mail"
root = "{root}"

[filters]
own_domains = ["example.co.jp"]

[shared]
history_from = "no-reply@example.co.jp"       # notes and history become mails from here

[targets.demo]
adapter = "imap"
host = "127.0.0.1"
port = {port}
security = "none"
auth = "password"
user = "{{address}}"
password = {{ env = "{password}" }}
role = "rehearsal"
late_commit = 1

[accounts]
"" = "{heir}"                                 # what belongs to nobody goes here

[waves.pilot]
target = "demo"
accounts = ["{heir}", "support"]
"""

LATE = 3
"""Mails that come while the migration goes on."""


@family.command(
    help=_("Make a small legacy groupware, migrate it into an embedded IMAP server, verify, and show the ledger."),
    epilog=_("Example: migrator demo"),
)
def demo(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help=_("Keep everything here; else it is thrown away."))
    ] = None,
) -> None:
    """Walk every step once, telling what each does; exit 0 when it ends as it should."""
    with _place(folder) as here:
        _walk(here, kept=folder is not None)


@contextmanager
def _place(folder: Path | None) -> Iterator[Path]:
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="migrator-demo-") as made:
            yield Path(made)
        return
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(Reason("demo.folder-used", path=str(folder)))
    folder.mkdir(parents=True, exist_ok=True)
    yield folder.absolute()


def _walk(here: Path, *, kept: bool) -> None:
    import os

    from migrator.demo.store import build, late
    from migrator.settings import FILE, private
    from migrator.testing.imap_server import imap_server

    _title(_("1. A legacy groupware: one file a mail, index in CP932, no manual"))
    private(here)
    planted = build(here / "old-server")
    console.say(
        _("{mails} mails, {accounts} accounts, {folders} folders; {faults} yield nothing, {strays} files are no mail."),
        mails=len(planted.mails),
        accounts=len(planted.accounts),
        folders=planted.folders,
        faults=planted.faults,
        strays=planted.not_mail,
    )
    arrive = late(planted.root, planted.accounts[0], LATE)
    users = dict.fromkeys(planted.accounts, "demo")
    os.environ[PASSWORD] = "demo"
    with imap_server(users) as server:
        text = SETTINGS.format(root=planted.root, port=server.port, password=PASSWORD, heir=planted.accounts[0])
        (here / FILE).write_text(text, encoding="utf-8")
        console.enter(here)
        found = _steps(arrive)

    console.say("")
    if kept:
        console.say(_("All of it is in {folder}; ask it: migrator find 見積 --dir {folder}"), folder=str(here))
    if not found:
        raise UsageError(Reason("demo.unexpected"))


def _steps(arrive: Callable[[], None]) -> bool:
    """Walk the road as the commands do; whether the ledger closes at the end, and nobody is forgotten."""
    from migrator.cli import migration
    from migrator.cli.progress import progress
    from migrator.cli.shared import SOURCE, STAGING, compare
    from migrator.cli.waves import list_

    with migration.opened() as (settings, staging), progress() as report:
        with migration.source(settings) as source:
            walk = _Walk(settings, staging, source, report)
            walk.read()
            walk.rehearse()
            sound = walk.load() and walk.take_back(arrive)
            _title(_("8. verify and ledger: read back byte for byte, and the account of both sides"))
            sound = walk.closes() and sound
        _title(_("9. the wave: how far it is, and what stands against its next step"))
        list_()
        _title(_("10. shared inboxes: the customers who wait for an answer, by each side alone"))
        return not compare(settings, staging, [SOURCE, STAGING, "demo"], as_json=False) and sound


@dataclass
class _Walk:
    """The demo's walk over the road, telling what each step does."""

    settings: "Settings"
    staging: "Staging"
    source: "Source"
    report: "Report"
    told: bool = False
    """What becomes of the facts of shared inboxes."""

    def read(self) -> None:
        """Extract and judge, and what a manager reads of it."""
        from migrator.cli import migration
        from migrator.cli import reports as for_people
        from migrator.staging import reports
        from migrator.steps.judge import judge

        _title(_("2. extract: every file of it into staging"))
        done = self._extract()
        console.say(
            _("{items} mails staged; {faults} faults, each with its reason, and nobody had to wait for them."),
            items=done.items,
            faults=done.faults,
        )
        for fault in list(reports.faults(self.staging))[:3]:
            console.say("   {key}: {code}", key=fault["key"], code=fault["reason"].code)
        _title(_("3. judge: what the filter thinks; it withholds nothing"))
        counts = judge(self.staging, migration.rules(self.settings), migration.store(self.settings))
        console.say(
            _("{park} look like newsletters, {hold} want a person's look, {keep} are kept: migrator senders"),
            **{word: counts.get(word, 0) for word in ("keep", "park", "hold")},
        )
        file = for_people.write(self.settings, self.staging)
        console.say(_("What a manager reads of the old system: {file}"), file=str(file))

    def rehearse(self) -> None:
        from migrator.cli.rehearse import rehearsed, show

        _title(_("4. rehearse: the whole move into files on this disk, and what the night will be like"))
        show(*rehearsed(self.settings, self.staging, self.report))

    def load(self) -> bool:
        """The wave, then everybody; whether a second load has nothing to do."""
        _title(_("5. load: the pilot wave, then all into the new server, each mail exactly once; states and notes too"))
        pilot, rest, again = (self._load(accounts) for accounts in (self.settings.waves["pilot"].accounts, None, None))
        console.say(
            _("{pilot} mails of the pilot loaded, then {loaded}; loaded again: {again}."),
            pilot=pilot,
            loaded=rest,
            again=again,
        )
        return not again

    def take_back(self, arrive: Callable[[], None]) -> bool:
        """Mail that comes meanwhile is carried after, taken back as a trial, and carried again."""
        from migrator.cli import migration
        from migrator.staging import reports
        from migrator.steps import runner
        from migrator.steps.undo import Loads

        _title(_("6. delta: mail that came meanwhile, and nothing else"))
        arrive()
        new, loaded = self._extract().items, self._load()
        console.say(
            _("{new} new mails staged, {loaded} loaded; what is marked as deleted stays behind."),
            new=new,
            loaded=loaded,
        )
        _title(_("7. undo: what that one load put is taken back, and loaded again"))
        run = max(int(each["run"]) for each in reports.runs(self.staging) if each["step"] == "load")
        opener, how = migration.opener(self.settings, "demo"), migration.loading(self.settings, "demo", self.report)
        counts, left = runner.undo(self.staging, opener, how, Loads((run,)))
        back, again = counts.get("withdrawn", 0), self._load()
        console.say(_("{back} taken back, {left} left; {again} loaded again."), back=back, left=len(left), again=again)
        return new >= loaded == back == again > 0 and not left

    def closes(self) -> bool:
        """Whether nothing is found and the ledger closes."""
        from migrator.cli import migration
        from migrator.cli.account import show
        from migrator.steps import runner
        from migrator.steps.ledger import ledger

        how, opener = migration.loading(self.settings, "demo", self.report), migration.opener(self.settings, "demo")
        seen, _run = runner.verify(self.staging, opener, how, bodies=1.0)
        console.say(
            _("{checked} mails compared, {identical} identical, {findings} findings."),
            checked=seen.checked,
            identical=seen.identical,
            findings=seen.findings,
        )
        account = ledger(self.staging, self.source, opener, target="demo", routes=how.routes, takes=how.takes)
        show(account, as_json=False)
        return account.closed and seen.findings == 0

    def _extract(self) -> "Extracted":
        from migrator.steps.extract import extract

        return extract(self.source, self.staging, name="groupware", report=self.report)

    def _load(self, accounts: Collection[str] | None = None) -> int:
        """How many mails went."""
        from migrator.cli import foretelling, migration
        from migrator.steps import runner

        how = migration.loading(self.settings, "demo", self.report)
        how = replace(how, shared=foretelling.shared_inboxes(self.settings, self.staging, accounts))
        if accounts is None and not self.told:
            how = foretelling.say_beforehand(self.settings, self.staging, how, signed=False)
            self.told = True
        counts = runner.load(self.staging, migration.opener(self.settings, "demo"), how, accounts=accounts)
        return counts.get("loaded", 0)


def _title(text: str) -> None:
    console.say("")
    console.say("{text}", text=text)
