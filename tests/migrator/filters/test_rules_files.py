"""A mistake in a file of rules is told with file, line and key; no pattern takes for ever."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.errors import Reason, UsageError
from migrator.filters.features import Reader
from migrator.filters.ruleset import Ruleset
from migrator.filters.senders import SenderRule, SenderRules
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


def by_sender(sender: str) -> str:
    return f'[[rule]]\nid = "ours"\nsender = "{sender}"\nverdict = "park"\nwhy = "x"\n'


WIDE = [
    "*",
    "*.*",
    "*@*",
    "*@",
    "@",
    "@shop.example",
    "news@*",
    "*@*.example",
    "news@*.jp*",
    "*@*.shop.example",
    "*.jp",
]


@pytest.mark.parametrize("sender", WIDE)
def test_a_rule_about_everybody_is_refused_by_name_and_line(tmp_path: Path, sender: str) -> None:
    reason = refusal(tmp_path, by_sender(sender))
    assert reason.code == "filter.sender-too-wide"
    assert (reason.params["line"], reason.params["rule"], reason.params["sender"]) == (3, "ours", sender)


def test_a_rule_about_nobody_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, by_sender("")).params["key"] == "rule[1].sender"


@pytest.mark.parametrize(
    ("sender", "about", "others"),
    [
        ("News@Shop.example", ["news@shop.example", "NEWS@shop.example"], ["xnews@shop.example", "news@shop.examplex"]),
        ("*@mag.shop.example", ["a@mag.shop.example"], ["a@shop.example", "a@x.mag.shop.example"]),
        ("news@*.shop.example", ["news@a.shop.example"], ["news@shop.example", "sale@a.shop.example"]),
        ("news?[ab]@shop.example", ["news?[ab]@shop.example"], ["newsxa@shop.example"]),
    ],
)
def test_a_rule_is_about_whole_addresses_in_any_case(
    tmp_path: Path, sender: str, about: list[str], others: list[str]
) -> None:
    [*_, rule] = read(tmp_path, by_sender(sender)).senders.all
    assert [rule.matches(each, None) for each in (*about, *others)] == [True] * len(about) + [False] * len(others)


def test_a_rule_without_an_at_is_about_lists_and_no_address_that_ends_like_one(tmp_path: Path) -> None:
    [*_, rule] = read(tmp_path, by_sender("*.shop.example")).senders.all
    assert rule.matches("a@b.example", "Mag.Shop.example")
    assert not rule.matches("order@mag.shop.example", None)


NAMES = st.sampled_from(["news@a.example", "News@A.example", "*@a.example", "n*@a.example", "a.example", "*.a.example"])


@given(st.lists(NAMES, max_size=6), st.sampled_from(["news@A.example", "sale@a.example", "a.example"]), st.booleans())
def test_the_last_rule_that_is_about_a_mail_counts(patterns: list[str], name: str, is_list: bool) -> None:
    rules = [SenderRule(id=str(at), sender=each, verdict="keep", why="") for at, each in enumerate(patterns)]
    named = ("x@b.example", name) if is_list else (name, None)
    last = next((rule for rule in reversed(rules) if rule.matches(*named)), None)
    assert SenderRules(rules).of(*named) == last


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
