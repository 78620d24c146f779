"""Mail written to fool whoever looks at it: no name, header or path reaches a terminal raw, and nothing is lost."""

import json
import os
import pty
import re
import subprocess
import sys
import unicodedata
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Container, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from adapters.files.reading import key_of
from migrator.cli import console, main
from migrator.mail import HEAD, envelope
from migrator.text import storable
from tests.journeys.journey import PROGRAM, Journey, digest
from tests.servers.dovecot import Dovecot

SETTINGS = """
[staging]
url = "{url}"

[source]
adapter = "eml"
root = "old"

[targets.new]
adapter = "eml"
root = "new"
"""

HOSTILE = [
    b"\x1b]0;owned\x07\x1b[2J",
    "請求書\u202egpj.exe".encode(),
    b"[red]boss[bold] [link=x]y :smile: [@click=z]",
    "改行\u2028二行目\u2029\u0085三行目".encode(),
    b"two\nlines\rand\ttabs",
    "\u009b31m\u0090C1".encode(),
    "zero\u200bwidth\ufeff\u2060".encode(),
    "שלום \u2067isolate\u2069".encode(),
    "見積書".encode("cp932"),
    b"\x81\xfe\xff\x80 nothing at all",
    b"{account} {0} %s %(x)s \\x1b \\u202e",
    "tags\U000e0041\U000e007f".encode(),
]
"""Names as directories may have them: any bytes but NUL and `/`."""

WORDS = [*HOSTILE, b"nul\0nul", b"\xed\xa0\x80 a lone surrogate", b"x" * 100_000]


def mails() -> Iterator[bytes]:
    """Each word as it is in every header, and once more where only decoding brings it out."""
    for number, word in enumerate(WORDS):
        folded = word.replace(b"\n", b"\n ").replace(b"\r", b"\r ")
        coded = b"=?utf-8?B?%b?=" % b64encode(word[:2_000])
        for spelled in (folded, coded):
            yield (
                b"".join(
                    b"%b: %b\r\n" % (name, value)
                    for name, value in (
                        (b"Subject", spelled),
                        (b"From", b"%b <a%d@example.co.jp>" % (spelled, number)),
                        (b"To", b'"%b" <%b>' % (spelled, spelled)),
                        (b"Message-ID", b"<%b.%d@example.co.jp>" % (spelled, number)),
                        (b"List-Id", b"%b <%b>" % (spelled, spelled[:50])),
                        (b"Date", b"Mon, 2 Nov 2009 09:00:00 +0900 (%b)" % spelled),
                    )
                )
                + b"\r\ntext\r\n"
            )


@pytest.fixture
def move(tmp_path: Path, staging_url: str) -> Path:
    """A migration folder beside a store whose accounts, folders and files all have hostile names."""
    root = os.fsencode(tmp_path / "old")
    written = list(mails())
    for number, name in enumerate(HOSTILE):
        folder = root + b"/" + name + b"/" + HOSTILE[-1 - number]
        os.makedirs(folder)  # noqa: PTH103 - bytes
        for position, mail in enumerate(written[number :: len(HOSTILE)]):
            Path(os.fsdecode(folder + b"/" + name[:50] + b"%d.eml" % position)).write_bytes(mail)
        Path(os.fsdecode(folder + b"/" + name + b"-empty.eml")).touch()
        Path(os.fsdecode(folder + b"/" + name + b".jpg")).write_bytes(b"\xff\xd8\xff no mail")
    (tmp_path / "migration.toml").write_text(SETTINGS.format(url=staging_url))
    return tmp_path


Run = Callable[..., str]


@pytest.fixture
def run(move: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    """A command in the folder; all it said, which must be harmless and may be no traceback."""

    def command(*words: str, lang: str = "en", code: Container[int] = (0, 1)) -> str:
        ended = main(["--dir", str(move), "--lang", lang, *words])
        out, err = capfdbinary.readouterr()
        for said in (out, err):
            harmless(said.decode("utf-8"))
        assert b"Traceback" not in err, err.decode()
        assert ended in code, (words, ended, err.decode())
        return out.decode()

    return command


def harmless(said: str) -> None:
    """Only line ends may move a cursor; nothing reorders or hides."""
    for char in set(said) - {"\n", "\u200c", "\u200d"}:
        assert unicodedata.category(char) not in {"Cc", "Cs", "Cf", "Zl", "Zp"}, f"U+{ord(char):04X}"


def lines(said: str) -> list[Any]:
    return [json.loads(line) for line in said.splitlines()]


def test_every_command_shows_hostile_text_harmlessly_and_json_loses_nothing(run: Run, move: Path) -> None:
    run("extract", code={1})
    run("judge", code={0})
    run("check", "new")
    run("load", "new", "--dry-run", code={0})
    run("load", "new")
    staged = lines(run("list", "--json", code={0}))
    assert len(staged) == 2 * len(WORDS)
    written = {storable(envelope(mail[:HEAD]).subject) for mail in mails()}
    assert {line["subject"] for line in staged} == written
    for lang in ("en", "ja"):
        for command in ("list", "list --not-mail", "faults", "status", "runs", "ledger", "verify new"):
            words = command.split()
            run(*words, lang=lang)
            shown = run(*words, "--json", lang=lang)
            assert lines(shown) if words[0] in ("list", "faults") else json.loads(shown)
        for line in staged[:: len(WORDS) // 4]:
            run("explain", line["item"], lang=lang, code={0})
            told = json.loads(run("explain", line["item"], "--json", lang=lang, code={0}))
            assert told["subject"] == line["subject"]
    others = lines(run("faults", "--json")) + lines(run("list", "--not-mail", "--json"))
    keys = {line["key"] for line in staged + others}
    names = {os.fsencode(name) for _, _, files in os.walk(os.fsencode(move / "old")) for name in files}
    assert keys == {key_of(name) for name in names}
    totals = json.loads(run("ledger", "--json"))["totals"]
    assert (totals["found"], totals["unexplained_source"]) == (len(names), 0)
    assert totals["loaded"] + totals["refused"] == len(staged)


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_hostile_words_on_the_command_line_are_told_and_shown_harmlessly(run: Run, lang: str) -> None:
    run("extract", code={1})
    for word in (os.fsdecode(b"".join(HOSTILE[each::3])) for each in range(3)):
        run("find", "--", word, lang=lang, code={0})
        run("decide", "--why", word, "--", "1", "keep", lang=lang, code={0})
        for words in (
            ["decide", "--", word, "park"],
            ["decide", "1", "--", word],
            ["extract", "--account", word],
            ["load", "--account", word, "--", word],
            ["load", "new", "--retry", word],
            ["verify", "new", "--bodies", word],
            ["confirm", "--", "target", word],
            ["--", word],
            ["status", "--dir", word],
        ):
            run(*words, lang=lang, code={2})
    for number in ("99999999999999999999", "0", "-1", "x"):
        run("explain", "--", number, lang=lang, code={2})
    assert len(json.loads(run("explain", "1", "--json", lang=lang, code={0}))["decisions"]) == 3


@pytest.mark.dovecot
def test_hostile_mail_in_hostile_folders_arrives_on_an_imap_server(tmp_path: Path, dovecot_maildir: Dovecot) -> None:
    """Names that no server takes are made legal and told apart; the bytes are what they were."""
    written = list(mails())
    for number, name in enumerate(HOSTILE):
        folder = tmp_path / "old" / "sato" / os.fsdecode(name)
        folder.mkdir(parents=True)
        for position, mail in enumerate(written[number :: len(HOSTILE)]):
            (folder / os.fsdecode(b"%d %b.eml" % (position, name))).write_bytes(mail)
    source = {"adapter": "eml", "root": tmp_path / "old"}
    journey = Journey(tmp_path / "move", dovecot_maildir, source, {"sato": dovecot_maildir.account()})
    journey.run("extract")
    journey.run("load", "new")
    assert journey.arrived() == Counter(map(digest, written))
    assert journey.json("verify", "new", "--bodies", "all")["findings"] == []
    assert journey.json("ledger", "new")["closed"]
    names = {name for name, _ in journey.places(journey.accounts["sato"])}
    assert len(names) >= len(HOSTILE)
    harmless("".join(names))


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    """A small hostile store of one account."""
    folder = tmp_path / "old" / os.fsdecode(HOSTILE[0] + HOSTILE[1]) / os.fsdecode(HOSTILE[3])
    folder.mkdir(parents=True)
    for number, mail in enumerate(mails()):
        (folder / f"{number}.eml").write_bytes(mail)
    (tmp_path / "migration.toml").write_text(SETTINGS.format(url="sqlite:///staging.db"))
    return tmp_path


def in_terminal(folder: Path, *words: str, lang: str = "en") -> str:
    """All that a command says where both its outputs are a terminal."""
    ours, theirs = pty.openpty()
    environment = os.environ | {"MIGRATOR_LANG": lang, "TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *words], cwd=folder, env=environment, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        said = b""
        with suppress(OSError):  # EIO: the other side is closed
            while part := os.read(ours, 65536):
                said += part
    os.close(ours)
    assert process.returncode in (0, 1), said
    return said.decode()


def test_progress_on_a_terminal_moves_no_cursor_by_a_mails_words(demo: Path) -> None:
    seen = ""
    for words in (["extract"], ["load", "new"], ["verify", "new"]):
        said = in_terminal(demo, *words)
        assert "\x1b[?25l" in said, "no progress line was drawn"
        seen += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", said)
    harmless(seen)
    assert "owned" in seen


def test_a_reader_that_goes_away_is_no_defect(demo: Path) -> None:
    in_terminal(demo, "extract")
    command = [sys.executable, "-c", PROGRAM, "list", "--json"]
    with subprocess.Popen(command, cwd=demo, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert (process.stderr.read(), process.wait()) == (b"", 141)


def test_results_that_do_not_fit_on_their_disk_are_told(demo: Path) -> None:
    in_terminal(demo, "extract")
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-c", PROGRAM, "list"]
        done = subprocess.run(command, cwd=demo, stdout=full, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, b"Traceback" in done.stderr) == (75, False)
    assert b"[cli.output-failed]" in done.stderr


def test_a_defect_shows_no_mail_and_fools_no_terminal(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    text, subject = os.fsdecode(HOSTILE[0]), "the subject " + "of a mail"

    def step() -> int:
        try:
            raise ValueError(f"unexpected {text}\nDETAIL: Failing row contains ({subject})")
        except ValueError as error:
            raise RuntimeError(text) from error

    assert console.run(step) == 70
    said = capfdbinary.readouterr().err.decode()
    harmless(said)
    assert "owned" in said
    assert subject not in said


def test_a_defect_in_a_helper_of_extract_is_told_as_any_other(demo: Path) -> None:
    program = f"""
import adapters.files.trees as trees
def items(*_, **__):
    raise ValueError({HOSTILE[0]!r}.decode() + "\\nDETAIL: (the subject of a mail)")
trees.FileSource.items = items
{PROGRAM}"""
    done = subprocess.run([sys.executable, "-c", program, "extract"], cwd=demo, capture_output=True, check=False)
    said = done.stderr.decode()
    assert done.returncode == 70
    harmless(said)
    assert "ValueError: \\x1b]0;owned" in said
    assert "the subject" not in said


def test_what_libraries_log_or_warn_of_is_told_harmlessly(demo: Path) -> None:
    word = (HOSTILE[0] + HOSTILE[1]).decode()
    program = f"""
import logging, threading, warnings
import migrator.staging.reports as reports
def listing(*_, **__):
    logging.getLogger("strange").warning({word!r})
    warnings.warn({word!r}, RuntimeWarning)
    def die(): raise ValueError({word!r})
    thread = threading.Thread(target=die); thread.start(); thread.join()
    return []
reports.listing = listing
{PROGRAM}"""
    done = subprocess.run([sys.executable, "-c", program, "list"], cwd=demo, capture_output=True, check=False)
    said = done.stderr.decode()
    assert done.returncode == 0
    harmless(said)
    assert said.count("owned") >= 3
