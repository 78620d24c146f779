"""How commands speak and end."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.cli import console
from migrator.cli.progress import Meter
from migrator.errors import AccountError, FolderError, Outage, Reason, UsageError
from migrator.model import Verdict
from migrator.steps.progress import Progress

REASON = Reason("secret.env-missing", name="GW_PASSWORD")


def raising(error: BaseException) -> Callable[[], int]:
    def step() -> int:
        raise error

    return step


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError(REASON), 2),
        (FolderError(REASON), 1),
        (AccountError(REASON), 1),
        (Outage(REASON), 75),
        (KeyboardInterrupt(), 130),
        (ZeroDivisionError("x"), 70),
        (AssertionError(), 70),
    ],
)
def test_each_way_to_end_has_its_exit_code(error: BaseException, code: int) -> None:
    assert console.run(raising(error)) == code


@pytest.mark.parametrize(("ended", "code"), [(None, 0), (0, 0), (1, 1)])
def test_a_command_that_ends_by_itself_says_how(ended: int | None, code: int) -> None:
    assert console.run(lambda: ended) == code


def test_an_error_of_ours_is_one_line_with_its_code_and_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    console.run(raising(UsageError(REASON)))
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "GW_PASSWORD" in err
    assert err.endswith("[secret.env-missing]\n")


def test_a_bug_shows_its_traceback_without_locals_or_passwords(capsys: pytest.CaptureFixture[str]) -> None:
    def step() -> int:
        local_secret = "canary-in-a-local"
        raise RuntimeError(f"no route to postgresql://me:canary-in-a-url@db/gw, {len(local_secret)}")

    assert console.run(step) == 70
    err = capsys.readouterr().err
    assert "test_console.py" in err
    assert "postgresql://me:***@db/gw" in err
    assert "canary-in-a-url@" not in err
    assert "local_secret = 'canary" not in err
    assert "[cli.bug]" in err


def test_a_name_the_terminal_cannot_write_is_escaped_and_nothing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    ascii_only = TextIOWrapper(BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", ascii_only)
    console.say("{folder}", folder="受信箱")
    ascii_only.flush()
    assert ascii_only.buffer.getvalue() == b"\\u53d7\\u4fe1\\u7bb1\n"


def test_json_is_utf_8_whatever_the_terminal_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    eucjp = TextIOWrapper(BytesIO(), encoding="euc_jp")
    monkeypatch.setattr(sys, "stdout", eucjp)
    console.json_line({"folder": "受信箱"})
    eucjp.flush()
    assert json.loads(eucjp.buffer.getvalue().decode("utf-8")) == {"folder": "受信箱"}


@dataclass(frozen=True)
class Row:
    item: int
    decision: Verdict
    at: datetime
    flags: frozenset[str]
    reason: Reason
    path: Path
    also: tuple[str, ...] = ()
    nothing: None = None


def test_json_knows_our_nouns(capsys: pytest.CaptureFixture[str]) -> None:
    at = datetime(2026, 11, 24, 5, 6, 7, tzinfo=UTC)
    console.json_line(Row(1, Verdict.PARK, at, frozenset({"b", "a"}), REASON, Path("x/y"), ("z",)))
    assert json.loads(capsys.readouterr().out) == {
        "item": 1,
        "decision": "park",
        "at": "2026-11-24T05:06:07+00:00",
        "flags": ["a", "b"],
        "reason": {
            "code": "secret.env-missing",
            "params": {"name": "GW_PASSWORD"},
            "text": "The environment variable GW_PASSWORD, which should hold a secret, is not set. "
            "Set it and run the command again.",
        },
        "path": "x/y",
        "also": ["z"],
        "nothing": None,
    }


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(value=values)
def test_one_value_is_one_line_of_valid_utf_8(value: object) -> None:
    kept, sys.stdout = sys.stdout, TextIOWrapper(BytesIO(), encoding="utf-8")
    try:
        console.json_line(value)
        sys.stdout.flush()
        written = sys.stdout.buffer.getvalue()
    finally:
        sys.stdout = kept
    assert written.count(b"\n") == 1
    json.loads(written.decode("utf-8"))


def test_bytes_have_no_json() -> None:
    with pytest.raises(TypeError):
        console.plain({"raw": b"x"})


def test_a_table_lines_up_japanese_and_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    console.table(["folder", "mails"], [["受信箱", 12345], ["Sent\n", 7], [None, 0]])
    assert capsys.readouterr().out.splitlines() == [
        "folder     mails",
        "受信箱    12,345",
        "Sent\\x0a       7",
        "-              0",
    ]


def test_the_meter_says_how_much_how_fast_and_how_much_longer() -> None:
    now = [100.0]
    meter = Meter(clock=lambda: now[0])
    assert meter.line() == ""
    meter.add(Progress(step="load", account="sato", expected=4_000))
    now[0] = 110.0
    meter.add(Progress(step="load", account="sato", path=("受信箱", "2009"), items=1_000, bytes=50_000_000))
    line = meter.line()
    assert "1,000 of 4,000 mails" in line
    assert "100 a second" in line
    assert "5.0 MB" in line
    assert "0:30 left" in line
    assert "受信箱/2009" in line


def test_a_meter_that_knows_no_end_promises_none() -> None:
    now = [0.0]
    meter = Meter(clock=lambda: now[0])
    now[0] = 2.0
    meter.add(Progress(step="extract", account="sato", items=10))
    assert "left" not in meter.line()
    assert "5 a second" in meter.line()


def test_a_new_step_is_measured_by_itself() -> None:
    now = [0.0]
    meter = Meter(clock=lambda: now[0])
    meter.add(Progress(step="load", account="sato", items=900, expected=900))
    now[0] = 100.0
    meter.add(Progress(step="verify", account="sato", expected=900))
    now[0] = 101.0
    meter.add(Progress(step="verify", account="sato", items=90))
    assert "90 of 900 mails, 90 a second" in meter.line()
