"""`migrator demo`: the whole road on a small store made up on the spot, with everything in this process."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from migrator.cli import console
from migrator.errors import Reason, UsageError
from migrator.locale import _

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
"""


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

    from migrator.demo.store import build
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
    users = dict.fromkeys(planted.accounts, "demo")
    os.environ[PASSWORD] = "demo"
    with imap_server(users) as server:
        text = SETTINGS.format(root=planted.root, port=server.port, password=PASSWORD, heir=planted.accounts[0])
        (here / FILE).write_text(text, encoding="utf-8")
        console.enter(here)
        found = _steps()

    console.say("")
    if kept:
        console.say(_("All of it is in {folder}; ask it: migrator find 見積 --dir {folder}"), folder=str(here))
    if not found:
        raise UsageError(Reason("demo.unexpected"))


def _steps() -> bool:
    """Run the steps as their commands do; whether the ledger closes at the end."""
    from migrator.cli import foretelling, migration
    from migrator.cli import reports as for_people
    from migrator.cli.account import show
    from migrator.cli.progress import progress
    from migrator.cli.shared import SOURCE, STAGING, compare
    from migrator.staging import reports
    from migrator.steps import runner
    from migrator.steps.extract import extract
    from migrator.steps.judge import judge
    from migrator.steps.ledger import ledger

    with migration.opened() as (settings, staging), progress() as report:
        how = migration.loading(settings, "demo", report)
        opener = migration.opener(settings, "demo")
        with migration.source(settings) as source:
            _title(_("2. extract: every file of it into staging"))
            done = extract(source, staging, name="groupware", report=report)
            console.say(
                _("{items} mails staged; {faults} faults, each with its reason, and nobody had to wait for them."),
                items=done.items,
                faults=done.faults,
            )
            for fault in list(reports.faults(staging))[:3]:
                console.say("   {key}: {code}", key=fault["key"], code=fault["reason"].code)
            _title(_("3. judge: what the filter thinks; it withholds nothing"))
            counts = judge(staging, migration.rules(settings), migration.store(settings))
            console.say(
                _("{park} look like newsletters, {hold} want a person's look, {keep} are kept: migrator senders"),
                **{word: counts.get(word, 0) for word in ("keep", "park", "hold")},
            )
            file = for_people.write(settings, staging)
            console.say(_("What a manager reads of the old system: {file}"), file=str(file))
            _title(_("4. load: into the new server, each mail exactly once; states and notes with them"))
            how = replace(how, shared=foretelling.shared_inboxes(settings, staging, None))
            how = foretelling.say_beforehand(settings, staging, how, signed=False)
            loaded = runner.load(staging, opener, how)
            again = runner.load(staging, opener, how)
            console.say(
                _("{loaded} mails loaded; loaded again: {again}."),
                loaded=loaded.get("loaded", 0),
                again=again.get("loaded", 0),
            )
            _title(_("5. verify: read back, byte for byte"))
            seen, _run = runner.verify(staging, opener, how, bodies=1.0)
            console.say(
                _("{checked} mails compared, {identical} identical, {findings} findings."),
                checked=seen.checked,
                identical=seen.identical,
                findings=seen.findings,
            )
            _title(_("6. ledger: the account of both sides"))
            account = ledger(staging, source, opener, target="demo", routes=how.routes, takes=how.takes)
            show(account, as_json=False)
        _title(_("7. shared inboxes: the customers who wait for an answer, by each side alone"))
        unequal = compare(settings, staging, [SOURCE, STAGING, "demo"], as_json=False)
    return account.closed and seen.findings == 0 and not again.get("loaded", 0) and not unequal


def _title(text: str) -> None:
    console.say("")
    console.say("{text}", text=text)
