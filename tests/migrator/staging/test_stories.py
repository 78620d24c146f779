"""What became of every artefact, each with the decision that it rests on: the same as ledger, find and list say."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings

from migrator.errors import Reason
from migrator.staging import reports, stories
from migrator.staging.states import TAKEN_BACK
from migrator.staging.store import Staging
from tests.migrator.staging.test_deciding import Words, decided, in_force, words  # noqa: F401 - a fixture
from tests.roads import KEEP, mail, road


def told(staging: Staging, *accounts: str) -> list[reports.Line]:
    return list(stories.stories(staging, accounts or ("sato",), "new", KEEP))


@given(said=words)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_the_decision_named_is_the_one_in_force(decided: Staging, said: Words) -> None:  # noqa: F811
    held = in_force(decided, said)
    for each in told(decided):
        named = each["decided"]
        assert (named["verdict"] if named else "keep") == held[int(each["mail"]["item"])]
        assert named is None or named["verdict"] != TAKEN_BACK


def test_every_artefact_has_one_line_that_says_what_find_and_ledger_say(
    staging: Staging, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stories, "PAGE", 3)
    with road() as way:
        for number in range(5):
            way.old.add("sato", ("受信箱",), mail(str(number)))
        way.old.add("sato", ("送信済み",), mail("sent"))
        way.old.add("suzuki", ("受信箱",), mail("another's"))
        way.old.spoil("sato", ("受信箱",), Reason("file.denied", path="x"))
        way.old.litter("sato", ("受信箱",), "lock")
        way.extract(staging)
        way.load(staging)
        way.old.add("sato", ("受信箱",), mail("late"))
        way.extract(staging)
        found = told(staging, "sato")
        account = way.ledger(staging)
    assert {each["account"] for each in found} == {"sato"}
    assert len({(each["folder"], each["key"]) for each in found}) == len(found)
    assert [each["folder"] for each in found] == sorted(
        (each["folder"] for each in found), key=["受信箱", "送信済み"].index
    )
    mine = [row for row in account.rows if row.folder.account.name == "sato"]
    states = Counter(each["state"] for each in found)
    assert states == {"loaded": 6, "fault": 1, "not_mail": 1, "to_do": 1}
    assert all(sum(row.counts[state] for row in mine) == many for state, many in states.items())
    by_item = {line["item"]: line["targets"]["new"] for line in reports.find(staging, "", {"new": KEEP})}
    for each in found:
        if each["mail"]:
            there = by_item[each["mail"]["item"]]
            assert {name: each[name] for name in ("state", "place", "ref", "run")} == there
    because = {each["state"]: each["because"] for each in found if each["because"]}
    assert because == {"fault": Reason("file.denied", path="x"), "not_mail": "lock"}
