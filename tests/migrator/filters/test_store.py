"""What the store knows protects a mail, and to know more takes no protection away."""

from hypothesis import given
from hypothesis import strategies as st

from migrator.filters.store import BOOK, HANDLED, MARKED, THREAD, WROTE, Store
from migrator.model import FLAGGED

NEWS = "News@shop.example"

facts = st.lists(st.sampled_from([BOOK, HANDLED, THREAD, WROTE]), unique=True)


def protecting(*known: str, artefact: int = 1) -> list[str]:
    """What protects a marked mail of NEWS in a store that knows this."""
    store = Store(["example.co.jp"], ["news@SHOP.example"] if BOOK in known else [])
    if WROTE in known:
        store.wrote("NEWS@shop.example", None, [])
    if THREAD in known:
        store.wrote("", "<ours@example.co.jp>", ["<1@shop.example>"])
    if HANDLED in known:
        store.handled([7])
        store.handled([artefact])
    its = {"sender": NEWS, "folder": ("INBOX",), "role": None, "flags": {FLAGGED}, "health": "ok"}
    return list(store.guards(artefact=1, message_id="<1@shop.example>", answers=[], **its))


@given(facts)
def test_every_fact_protects_and_none_takes_another_away(known: list[str]) -> None:
    assert {MARKED, *known} <= set(protecting(*known))
    assert set(protecting(*known)) >= set(protecting(*known[1:]))


def test_nobody_handles_a_mail_because_its_neighbour_is_handled() -> None:
    assert HANDLED in protecting(HANDLED)
    assert HANDLED not in protecting(HANDLED, artefact=2)
