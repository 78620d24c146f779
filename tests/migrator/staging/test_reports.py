"""Where is mail X? Asked in the words people have."""

from datetime import UTC, datetime

import pytest

from migrator.staging.reports import find
from migrator.staging.store import Staging
from tests.roads import KEEP, mail, road


@pytest.mark.parametrize(
    ("words", "subjects"),
    [
        ("<100%@example.co.jp>", {"100%"}),
        ("100%", {"100%"}),
        ("1_0", {"1_0"}),
        ("SATO@example", {"100%", "1_0", "見積"}),
        ("見積", {"見積"}),
        ("受信箱", set()),
        ("2011-03-18", {"見積"}),
        ("2011-03-17", set()),
        ("nothing", set()),
    ],
)
def test_a_mail_is_found_by_what_people_remember_of_it(staging: Staging, words: str, subjects: set[str]) -> None:
    with road() as way:
        noon = datetime(2011, 3, 18, 12, tzinfo=UTC)
        for subject in ("100%", "1_0"):
            way.old.add("sato", ("受信箱",), mail(subject))
        way.old.add("sato", ("受信箱",), mail("見積"), received_at=noon)
        way.extract(staging)
        way.load(staging)
        found = list(find(staging, words, {"new": KEEP}))
    assert {line["subject"] for line in found} == subjects
    assert all(line["targets"]["new"]["state"] == "loaded" for line in found)
    assert all(line["targets"]["new"]["place"] == "INBOX" for line in found)
