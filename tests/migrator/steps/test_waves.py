"""Waves: who is in which, how far each is, and what a person's word does to a load that runs."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from migrator.errors import Reason, UsageError
from migrator.routes import Routes
from migrator.settings import Settings, Wave, load
from migrator.staging import waves as staged
from migrator.staging.store import Staging
from migrator.steps import runner, waves
from migrator.steps.pace import Pace
from migrator.steps.settle import Clock
from migrator.steps.undo import Loads
from migrator.steps.waves import Stage
from tests.roads import Road, mail, road

WAVES = """
[source]
adapter = "memory"
world = "{name}-old"

[targets.test]
adapter = "memory"
world = "{name}-test"
role = "rehearsal"

[targets.new]
adapter = "memory"
world = "{name}-new"

[waves.first]
accounts = ["sato", "s-*"]

[waves.second]
accounts = ["kato"]
"""


@pytest.fixture
def way() -> Iterator[Road]:
    with road() as laid:
        for account in ("sato", "s-1", "kato", "mori"):
            for number in range(3):
                laid.old.add(account, ("INBOX",), mail(f"{account}-{number}"))
        yield laid


@pytest.fixture
def settings(way: Road, tmp_path: Path) -> Settings:
    folder = tmp_path / "move"
    folder.mkdir()
    (folder / "migration.toml").write_text(WAVES.format(name=way.name))
    return load(folder)


def loaded(way: Road, staging: Staging, accounts: list[str] | None, **how: object) -> None:
    to = replace(way, name=f"{way.name}-test") if how.get("target") == "test" else way
    runner.load(staging, to.opener, way.loading(**how), accounts=accounts)


def stage(way: Road, settings: Settings, staging: Staging, wave: str = "first") -> Stage:
    return waves.standing(settings, staging, way.routes, wave).stage


def code(raised: "pytest.ExceptionInfo[UsageError]") -> str:
    return raised.value.reason.code


# -- who is in which -------------------------------------------------------------------------------------------------


def test_accounts_are_in_one_wave_by_name_or_glob_or_in_none() -> None:
    named = {"a": Wave(accounts=("sato", "s-*")), "b": Wave(accounts=("kato",))}
    assert waves.members(named, ["kato", "mori", "s-1", "sato"]) == {
        None: ["mori"],
        "a": ["s-1", "sato"],
        "b": ["kato"],
    }


def test_an_account_in_two_waves_stops_everything_and_both_are_named() -> None:
    with pytest.raises(UsageError) as raised:
        waves.members({"a": Wave(accounts=("sato",)), "b": Wave(accounts=("s*",))}, ["sato"])
    assert raised.value.reason == Reason("wave.account-in-two", account="sato", one="a", other="b")


def test_an_account_in_no_wave_is_loaded_by_none_and_stays_to_do(
    way: Road, settings: Settings, staging: Staging
) -> None:
    way.extract(staging)
    for wave in settings.waves:
        accounts, _ = waves.to_load(settings, staging, "new", wave, None)
        loaded(way, staging, accounts)
    assert {row.folder.account.name for row in way.ledger(staging).rows if row.counts["to_do"]} == {"mori"}


# -- how far it is ---------------------------------------------------------------------------------------------------


def test_how_far_a_wave_is_is_asked_of_staging(way: Road, settings: Settings, staging: Staging) -> None:
    first = ["s-1", "sato"]
    way.extract(staging)
    assert stage(way, settings, staging) == Stage.PLANNED
    loaded(way, staging, ["sato"], target="test")
    assert stage(way, settings, staging) == Stage.PLANNED
    loaded(way, staging, first, target="test")
    assert stage(way, settings, staging) == Stage.REHEARSED
    loaded(way, staging, ["sato"])
    assert stage(way, settings, staging) == Stage.LOADING
    loaded(way, staging, first)
    assert stage(way, settings, staging) == Stage.DELTA
    way.old.add("sato", ("INBOX",), mail("late"))
    way.extract(staging)
    assert stage(way, settings, staging) == Stage.DELTA
    assert stage(way, settings, staging, "second") == Stage.PLANNED
    owners = {"sato", "s-1"}
    runs = tuple(staged.loads_of(staging, "new", owners))
    runner.undo(staging, way.opener, way.loading(), Loads(runs, first, owners))
    assert stage(way, settings, staging) == Stage.LOADING


def test_a_killed_load_leaves_its_wave_loading(way: Road, settings: Settings, staging: Staging) -> None:
    for account in ("kato", "mori", "s-1"):
        del way.old.boxes[account, ("INBOX",)]
    way.extract(staging)
    way.killed_load(staging, "delivered")
    assert stage(way, settings, staging) == Stage.LOADING
    loaded(way, staging, None)
    assert stage(way, settings, staging) == Stage.DELTA


def test_the_newest_word_is_taken_back_and_the_one_below_it_stands(staging: Staging) -> None:
    for act in ("pause", "resume", "cutover", "pause"):
        staged.say(staging, "first", act)
    its = staged.said(staging)["first"]
    assert (its.paused is not None, its.cut_over is not None) == (True, True)
    staged.say(staging, "first", "resume")
    its = staged.said(staging)["first"]
    assert (its.paused, its.cut_over is not None) == (None, True)
    for act in ("resume", "resume"):
        staged.say(staging, "first", act)
    assert staged.said(staging)["first"] == staged.NOTHING


# -- what a word does ------------------------------------------------------------------------------------------------


def test_a_pause_stops_a_running_load_after_the_batch_in_hand_and_resume_brings_the_rest(
    way: Road, settings: Settings, staging: Staging
) -> None:
    for number in range(300):
        way.old.add("sato", ("INBOX",), mail(f"more-{number}"))
    way.extract(staging)
    seen = 0

    def pause(moment: str) -> None:
        nonlocal seen
        seen += moment == "delivered"
        if seen == 5 and moment == "delivered":
            staged.say(staging, "first", staged.PAUSE)

    mine = waves.touched(settings, staging, "new", ["sato"])
    hasty = Clock(now=count().__next__)  # a person's word is asked for once a second
    pace = Pace(word=lambda: waves.paused(staging, mine), clock=hasty)
    way.new.interrupt = pause
    try:
        with pytest.raises(UsageError) as raised:
            loaded(way, staging, ["sato"], pace=pace)
    finally:
        way.new.interrupt = lambda moment: None
    assert code(raised) == "wave.paused"
    assert 0 < len(way.new.mails("sato", ("INBOX",))) < 303
    assert waves.paused(staging, waves.touched(settings, staging, "new", ["kato"])) is None
    assert waves.touched(settings, staging, "test", ["sato"]) == []
    with pytest.raises(UsageError):
        loaded(way, staging, ["sato"], pace=Pace(word=lambda: waves.paused(staging, mine)))
    staged.say(staging, "first", staged.RESUME)
    loaded(way, staging, ["sato"], pace=Pace(word=lambda: waves.paused(staging, mine)))
    assert len(way.new.mails("sato", ("INBOX",))) == 303
    assert way.ledger(staging).totals["in_doubt"] == 0


def test_a_wave_that_is_cut_over_is_left_out_by_plain_runs_and_reached_by_its_name(
    way: Road, settings: Settings, staging: Staging
) -> None:
    way.extract(staging)
    every = ["kato", "mori", "s-1", "sato"]
    assert waves.to_extract(settings, staging, every, None, None) == (None, [])
    staged.say(staging, "first", staged.CUTOVER)
    told = [Reason("wave.left-out", wave="first", n=2)]
    assert waves.to_extract(settings, staging, every, None, None) == (["kato", "mori"], told)
    assert waves.to_load(settings, staging, "new", None, None) == (["kato", "mori"], told)
    assert waves.to_load(settings, staging, "test", None, None) == (None, [])
    assert waves.to_extract(settings, staging, every, "first", None)[0] == ["s-1", "sato"]
    assert waves.to_load(settings, staging, "new", "first", None)[0] == ["s-1", "sato"]
    for refused in (
        lambda: waves.to_extract(settings, staging, every, None, ["sato"]),
        lambda: waves.to_load(settings, staging, "new", None, ["sato"]),
    ):
        with pytest.raises(UsageError) as raised:
            refused()
        assert code(raised) == "wave.frozen"
    staged.say(staging, "first", staged.COMPLETE)
    with pytest.raises(UsageError) as raised:
        waves.to_load(settings, staging, "new", "first", None)
    assert code(raised) == "wave.signed"


def test_who_has_left_is_told_of_and_who_never_was_stops_an_extract_of_the_wave(
    way: Road, settings: Settings, staging: Staging
) -> None:
    way.extract(staging)
    accounts, told = waves.to_extract(settings, staging, ["kato", "s-1"], "first", None)
    assert accounts == ["s-1"]
    assert told == [Reason("wave.account-left", wave="first", account="sato")]
    with pytest.raises(UsageError) as raised:
        waves.to_extract(
            replace(settings, waves={"first": Wave(accounts=("sato", "nobody"))}), staging, ["sato"], "first", None
        )
    assert code(raised) == "wave.no-such-account"


def test_an_account_that_the_source_names_no_more_keeps_the_ledger_closed(
    way: Road, settings: Settings, staging: Staging
) -> None:
    way.extract(staging)
    loaded(way, staging, None)
    del way.old.boxes["mori", ("INBOX",)]
    way.extract(staging)
    account = way.ledger(staging)
    assert (account.closed, account.left, account.totals["loaded"]) == (True, ("mori",), 12)


# -- going back ------------------------------------------------------------------------------------------------------


def test_undo_of_a_wave_takes_back_all_its_loads_and_nothing_of_others(
    way: Road, settings: Settings, staging: Staging
) -> None:
    way.extract(staging)
    loaded(way, staging, None)
    way.old.add("sato", ("INBOX",), mail("late"))
    way.extract(staging)
    loaded(way, staging, ["s-1", "sato"])
    owners = {"s-1", "sato"}
    runs = staged.loads_of(staging, "new", owners)
    assert len(runs) == 2
    counts, left = runner.undo(staging, way.opener, way.loading(), Loads(tuple(runs), ["s-1", "sato"], owners))
    assert (counts["withdrawn"], left) == (7, [])
    assert {owner: len(way.new.mails(owner, ("INBOX",))) for owner in ("sato", "s-1", "kato", "mori")} == {
        "sato": 0,
        "s-1": 0,
        "kato": 3,
        "mori": 3,
    }


def test_undo_of_a_wave_spares_another_waves_mail_in_the_same_mailbox(way: Road, staging: Staging) -> None:
    way.routes = Routes({"sato": "both", "kato": "both"}, {})
    way.extract(staging)
    loaded(way, staging, None)
    runs = tuple(staged.loads_of(staging, "new", {"both"}))
    counts, _ = runner.undo(staging, way.opener, way.loading(), Loads(runs, ["sato"], {"both"}))
    assert counts["withdrawn"] == 3
    assert len(way.new.mails("both", ("INBOX",))) == 3
