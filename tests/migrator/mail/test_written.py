"""However Japan has written it, it says what was meant."""

from datetime import UTC

import pytest

from migrator.japanese import decode
from migrator.mail import attachment_names, envelope, health, split
from migrator.mail.mime import Leaf, leaves
from tests.migrator.mail.written import pathologies

PATHOLOGIES = pathologies()


def read_off(data: bytes) -> dict[str, object]:
    head, body = split(data)
    facts = envelope(head)
    texts = [each for each in leaves(data) if isinstance(each, Leaf)]
    return {
        "subject": facts.subject,
        "from": facts.from_,
        "sender": facts.sender,
        "date": "" if facts.date is None else facts.date.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"),
        "names": attachment_names(data),
        "text": decode(texts[0].data, texts[0].charset).strip(),
        "health": health(head, body, len(data)),
    }


def test_nothing_is_listed_twice() -> None:
    assert len(PATHOLOGIES) == len({case.raw for case in PATHOLOGIES.values()}) >= 120


@pytest.mark.parametrize("name", PATHOLOGIES)
def test_it_says_what_was_meant(name: str) -> None:
    case = PATHOLOGIES[name]
    found = read_off(case.raw)
    assert {fact: found[fact] for fact in case.says} == case.says
