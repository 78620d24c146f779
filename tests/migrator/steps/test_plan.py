"""What a load would do is told beforehand, and nothing is touched for it."""

from migrator.model import Place
from migrator.ports import Limits
from migrator.staging.store import Staging
from migrator.steps.plan import plan
from tests.roads import KEEP, mail, road


def test_a_plan_counts_what_would_go_where_and_names_the_folders_that_must_be_renamed(staging: Staging) -> None:
    with road() as way:
        way.new.limits = Limits(forbidden=frozenset(":"), item_bytes=1_000)
        way.old.add("sato", ("見積:2009",), mail("one"))
        way.old.add("sato", ("見積:2009",), mail("two", body="x" * 2_000))
        way.old.add("sato", ("受信箱",), mail("three"))
        way.extract(staging)
        planned = {each.place: each for each in plan(staging, way.opener, target="new", routes=way.routes, takes=KEEP)}
        there = planned[Place("sato", ("見積：2009",))]
        assert (there.items, there.too_large, there.new) == (2, 1, True)
        assert [folder.path for folder in there.renamed] == [("見積:2009",)]
        assert [each.renamed for place, each in planned.items() if place != there.place] == [()]
        assert not any(path for (owner, path) in way.new.boxes if owner == "sato" and path != ("INBOX",))
