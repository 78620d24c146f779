"""A mail's received time is read from the best evidence there is, and is never the time of our run (laws.md §5)."""

import os
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters import files, groupware
from migrator.demo.store import build
from migrator.model import DateSource
from migrator.ports import Adapter
from migrator.staging import reports
from migrator.staging.store import Staging
from migrator.steps.extract import extract
from tests.journeys.journey import Journey
from tests.servers.dovecot import Dovecot

THEN = "Tue, 02 Jan 2001 12:34:56 +0900"
AT = datetime(2001, 1, 2, 3, 34, 56, tzinfo=UTC)


def staged(adapter: Adapter, folder: Path, **config: Any) -> list[dict[str, Any]]:
    """All that one source gives, staged, as `list` tells it."""
    assert adapter.open_source is not None
    (folder / "staging.db").unlink(missing_ok=True)
    with (
        Staging.open("sqlite:///staging.db", folder=folder) as staging,
        adapter.open_source(adapter.config.model_validate(config)) as source,
    ):
        extract(source, staging, name="old")
        return list(reports.listing(staging))


def write(path: Path, *head: str, mtime: float | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in ("Subject: hello", *head)) + "\ntext\n")
    if mtime is not None:
        os.utime(path, (mtime, mtime))
    return path


def test_every_source_of_dates_is_read_by_an_adapter(tmp_path: Path) -> None:
    root = tmp_path / "old" / "sato"
    received = f"Received: from a by b; {THEN}"
    write(root / "a" / "1.eml", received, "Date: Mon, 1 Jan 2001 00:00:00 +0900")
    write(root / "a" / "2.eml", f"Date: {THEN}")
    write(root / "a" / "3.eml")
    write(root / "b" / "20010102-123456_0001.eml")
    write(root / "c" / "0001.eml", "Date: yesterday")
    found = {(line["folder"], line["key"]): line for line in staged(files.eml, tmp_path, root=tmp_path / "old")}
    told = {key: (line["date_source"], datetime.fromisoformat(line["date"])) for key, line in found.items()}
    assert told == {
        ("a", "1.eml"): ("received", AT),
        ("a", "2.eml"): ("date", AT),
        ("a", "3.eml"): ("neighbour", AT),
        ("b", "20010102-123456_0001.eml"): ("file-name", AT),
        ("c", "0001.eml"): ("none", datetime(1980, 1, 1, tzinfo=UTC)),
    }
    (tmp_path / "spool" / "sato").mkdir(parents=True)
    mbox = "From a@example.co.jp Tue Jan  2 12:34:56 2001\nSubject: hello\n\ntext\n\n"
    (tmp_path / "spool" / "sato" / "inbox").write_text(mbox)
    write(tmp_path / "maildir" / "sato" / "cur" / "978406496.M1P1.mail:2,S")
    write(tmp_path / "maildir" / "sato" / "cur" / "20010102123456123.copied:2,S")
    spool = staged(files.mbox, tmp_path, root=tmp_path / "spool")
    spool += staged(files.maildir, tmp_path, root=tmp_path / "maildir")
    assert [line["date_source"] for line in spool] == ["spool", "file-name", "spool"]
    assert {datetime.fromisoformat(line["date"]) for line in spool} == {AT}
    store = build(tmp_path / "groupware")
    for path in store.mails:  # the demo's mails were all received from somewhere
        mail = store.root / path
        mail.write_bytes(re.sub(rb"(?m)^Received:.*\n(?:[ \t].*\n)*", b"", mail.read_bytes()))
    legacy = staged(groupware.adapter, tmp_path, mapping="kyoyu-mail", root=store.root)
    every = {line["date_source"] for line in (*found.values(), *spool, *legacy)}
    assert every == {str(source) for source in DateSource}


HEADS = {
    "received": f"Received: from a by b; {THEN}",
    "date": f"Date: {THEN}",
    "future": "Date: Tue, 02 Jan 2080 12:34:56 +0900",
    "broken": "Date: no date at all",
    "unset": "Date: Thu, 1 Jan 1970 00:00:00 +0000",
    "none": "X-None: 1",
}
NAMES = {
    "plain": "{}.eml",
    "dated": "20010102-123456_{}.eml",
    "long": "20260231999_{}.eml",
    "tomorrow": "20800102_{}.eml",
}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=15)
@given(
    mails=st.lists(st.tuples(st.sampled_from(sorted(HEADS)), st.sampled_from(sorted(NAMES))), min_size=1, max_size=8)
)
def test_no_mail_is_dated_by_the_run(mails: list[tuple[str, str]], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Files made this very second, whatever their heads and names say: the file system's clock is no evidence."""
    folder = tmp_path_factory.mktemp("dates")
    began = datetime.now(UTC) - timedelta(seconds=5)
    for number, (head, name) in enumerate(mails):
        write(folder / "eml" / "sato" / "in" / NAMES[name].format(number), HEADS[head])
        write(folder / "mh" / "sato" / "in" / str(number + 1), HEADS[head])
        write(folder / "maildir" / "sato" / "cur" / f"copied.{NAMES[name].format(number)}:2,S", HEADS[head])
    with (folder / "mbox").open("w") as spool:
        for head, _ in mails:
            spool.write(f"From - no date\nSubject: hello\n{HEADS[head]}\n\ntext\n\n")
    (folder / "spool" / "sato").mkdir(parents=True)
    (folder / "mbox").rename(folder / "spool" / "sato" / "in")
    for adapter, root in ((files.eml, "eml"), (files.mh, "mh"), (files.maildir, "maildir"), (files.mbox, "spool")):
        lines = staged(adapter, folder, root=folder / root)
        assert lines
        for line in lines:
            at = datetime.fromisoformat(line["date"])
            assert at in (AT, datetime(1980, 1, 1, tzinfo=UTC)), (root, line["date_source"], at)
            assert not began <= at
            assert (line["date_source"] == "none") == (at.year == 1980)


def test_evidence_of_today_is_believed(tmp_path: Path) -> None:
    today = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
    write(tmp_path / "old" / "sato" / "in" / "1.eml", f"Date: {today:%a, %d %b %Y %H:%M:%S +0000}")
    (line,) = staged(files.eml, tmp_path, root=tmp_path / "old")
    assert (line["date_source"], datetime.fromisoformat(line["date"])) == ("date", today)


@pytest.mark.dovecot
def test_no_received_time_read_back_lies_inside_the_run(dovecot_maildir: Dovecot, tmp_path: Path) -> None:
    inbox = tmp_path / "old" / "sato" / "INBOX"
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    for number, head in enumerate((*HEADS.values(), f"Date: {tomorrow:%a, %d %b %Y %H:%M:%S +0000}")):
        write(inbox / f"{number}.eml", head, f"Message-ID: <{number}@example.co.jp>")
        write(inbox.parent / "undated" / f"{number}.eml", f"Message-ID: <u{number}@example.co.jp>")
    journey = Journey(
        tmp_path / "move",
        dovecot_maildir,
        {"adapter": "eml", "root": tmp_path / "old"},
        {"sato": dovecot_maildir.account()},
    )
    began = time.time() - 5
    journey.run("extract")
    journey.run("load", "new")
    assert journey.json("verify", "new")["findings"] == []
    back = list(_internal_dates(journey))
    assert len(back) == 2 * len(HEADS) + 2
    assert sorted(back) == sorted(datetime.fromisoformat(line["date"]) for line in journey.lines("list"))
    assert not any(at.timestamp() >= began for at in back)


def _internal_dates(journey: Journey) -> Iterator[datetime]:
    for _, said, _ in journey.mails(journey.accounts["sato"]):
        found = re.search(rb'INTERNALDATE "([^"]+)"', said)
        assert found
        yield datetime.strptime(found[1].decode().strip(), "%d-%b-%Y %H:%M:%S %z")
