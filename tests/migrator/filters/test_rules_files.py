"""A mistake in a file of rules is told with file, line and key; no pattern takes for ever."""

from pathlib import Path

import pytest

from migrator.errors import Reason, UsageError
from migrator.filters.features import Reader
from migrator.filters.ruleset import Ruleset
from migrator.filters.signals import Signal, Signals
from migrator.filters.weights import Weights
from migrator.locale import LANGUAGES, sentence
from tests.migrator.filters.made import RULES

GOOD = """# ours
[[signal]]
id = "ours.word"
family = "text"
where = "body"
any = ['word']
towards = "park"
weight = 0.5
source = "us"
say = { en = "It says so", ja = "そう書かれている" }
"""


def read(tmp_path: Path, text: str) -> Ruleset:
    path = tmp_path / "ours.toml"
    path.write_text(text, encoding="utf-8")
    return Ruleset.read([path])


def refusal(tmp_path: Path, text: str) -> Reason:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, text)
    assert str(caught.value.reason.params["file"]).endswith("ours.toml")
    return caught.value.reason


def test_a_good_file_is_read_after_the_shipped_ones(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD).judge.weights.of["ours.word"] == 0.5


@pytest.mark.parametrize(
    ("was", "is_", "code", "line", "key"),
    [
        ("weight =", "wieght =", "toml.unknown-key", 8, "signal[1].wieght"),
        ('"body"', '"bodies"', "toml.not-one-of", 5, "signal[1].where"),
        ("'word'", r"'(a)\1'", "toml.wrong-value", 6, "signal[1].any[1]"),
        ("'word'", "'a(?=b)'", "toml.wrong-value", 6, "signal[1].any[1]"),
        ("'word'", "'a(?<!b)'", "toml.wrong-value", 6, "signal[1].any[1]"),
        ("'word'", "'a('", "toml.wrong-value", 6, "signal[1].any[1]"),
        ("'word'", "''", "toml.wrong-value", 6, "signal[1].any[1]"),
        ("'word'", "'" + "a" * 2_001 + "'", "toml.wrong-value", 6, "signal[1].any[1]"),
        ("'word'", "'(((a{1000}){1000}){1000})'", "toml.wrong-value", 6, "signal[1].any[1]"),
        ("any = ['word']", "", "toml.wrong-value", 2, "signal[1]"),
        ("weight = 0.5", "weight = -0.5", "toml.wrong-value", 2, "signal[1]"),
        ("weight = 0.5", "weight = nan", "toml.wrong-value", 2, "signal[1]"),
        ("weight = 0.5", "guard = true", "toml.wrong-value", 2, "signal[1]"),
        (', ja = "そう書かれている"', "", "toml.wrong-value", 2, "signal[1]"),
        ('towards = "park"\n', "", "toml.key-missing", 2, "towards"),
    ],
)
def test_a_mistake_is_told_with_line_and_key(
    tmp_path: Path, was: str, is_: str, code: str, line: int, key: str
) -> None:
    assert was in GOOD
    reason = refusal(tmp_path, GOOD.replace(was, is_, 1))
    assert (reason.code, reason.params["line"], reason.params["key"]) == (code, line, key)


@pytest.mark.parametrize("sender", ["*", "*.*", ""])
def test_a_rule_about_everybody_is_refused(tmp_path: Path, sender: str) -> None:
    text = f'[[rule]]\nid = "all"\nsender = "{sender}"\nverdict = "park"\nwhy = "x"\n'
    assert refusal(tmp_path, text).params["key"] == "rule[1].sender"


WEIGHTS = 'bias = 0\nslope = 1\noffset = 0\n[weights]\n"text.offer" = 1.0\n'


@pytest.mark.parametrize(
    ("was", "is_", "code", "line"),
    [
        ('"text.offer"', '"text.ofer"', "filter.weight-unknown", 5),
        ("= 1.0", "= -1.0", "filter.weight-sign", 5),
        ("= 1.0", "= inf", "toml.wrong-value", 5),
        ("slope = 1", "slope = -1", "toml.wrong-value", 2),
        ("slope = 1", "slope = 0", "toml.wrong-value", 2),
    ],
)
def test_weights_that_would_turn_evidence_round_are_refused(
    tmp_path: Path, was: str, is_: str, code: str, line: int
) -> None:
    path = tmp_path / "weights.toml"
    path.write_text(WEIGHTS.replace(was, is_), encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        Weights.read(path, RULES.judge.signals)
    assert (caught.value.reason.code, caught.value.reason.params["line"]) == (code, line)
    for language in LANGUAGES:
        assert str(line) in sentence(caught.value.reason, language)


def test_a_pattern_on_which_others_backtrack_for_ever_is_answered() -> None:
    """2^40 ways to fail: an engine that tried them would not come back, and this test would never end."""
    signal = Signal(
        id="x", family="text", where="body", any=("^(a+)+$",), towards="park", say={"en": "", "ja": ""}, source=""
    )
    assert Reader(Signals((signal,))).read(b"\r\n", b"a" * 50_000 + b"!")[0] == frozenset()
    assert Reader(Signals((signal,))).read(b"\r\n", b"a" * 50_000)[0] == {"x"}
