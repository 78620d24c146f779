"""Stores that only a mapping describes, into a real Dovecot: every mail arrives, and the ledger closes."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from migrator.mail import on_wire
from migrator.model import DELETED, SEEN
from migrator.testing import SourceContract, mail
from tests.adapters.groupware.examples import eudora, maildir, mbox_sqlite, mh
from tests.adapters.groupware.makers import aipo, becky
from tests.adapters.groupware.products import GroupSession, OpenWebMail, PhProjekt, Product
from tests.adapters.groupware.test_acceptance import SplitStore
from tests.adapters.groupware.test_products import WRITTEN
from tests.journeys.journey import Journey, digest, tree
from tests.servers.dovecot import Dovecot


def split(root: Path) -> list[bytes]:
    """Header and body in two files of records, months in archives, users in DBF."""
    store = SplitStore(root)
    raws = [mail(f"m{number}") for number in range(6)]
    for number, raw in enumerate(raws):
        store.add(
            ("sato", "suzuki")[number // 3], ("受信箱", "お客様"), raw, frozenset({SEEN}), SourceContract.received_at
        )
    return raws


def openwebmail(root: Path) -> list[bytes]:
    """What was moved into another folder is still where it was, with a mark, and arrives once."""
    store, at = OpenWebMail(root), SourceContract.received_at
    raws = [mail(f"m{number}").replace(b"\r\n", b"\n") for number in range(4)]
    for number, raw in enumerate(raws):
        path = (("INBOX",), ("客先", "2009"))[number % 2]
        store.add(("sato", "suzuki")[number // 2], path, raw, frozenset(), at)
    store.add("sato", ("sent-mail",), raws[0], frozenset({DELETED}), at)
    return raws


def columns(root: Path, product: type[Product]) -> list[bytes]:
    """Mails out of columns, as they were put into them."""
    store = product(root)
    for number, raw in enumerate(WRITTEN):
        store.add(("sato", "suzuki")[number // 3], ("客先",), raw, frozenset({SEEN}), SourceContract.received_at)
    return [*WRITTEN]


STORES: dict[str, tuple[Callable[[Path], list[bytes]], tuple[str, ...], int]] = {
    "becky": (becky, ("12ab", "99cd"), 0),
    "aipo-mysql": (partial(aipo, dialect="mysql"), ("sato", "suzuki"), 2),
    "aipo-postgresql": (partial(aipo, dialect="postgresql"), ("sato", "suzuki"), 2),
    "eudora": (eudora, ("sato",), 0),
    "openwebmail": (openwebmail, ("sato", "suzuki"), 0),
    "groupsession": (partial(columns, product=GroupSession), ("sato", "suzuki"), 0),
    "phprojekt": (partial(columns, product=PhProjekt), ("sato", "suzuki"), 0),
    "example-maildir": (maildir, ("sato", "suzuki"), 0),
    "example-mh": (mh, ("sato", "suzuki"), 0),
    "example-mbox-sqlite": (mbox_sqlite, ("sato", "suzuki"), 1),
    "example-split-records": (split, ("sato", "suzuki"), 0),
}
"""Maker, accounts, and how much of it yields no mail."""


@pytest.mark.dovecot
@pytest.mark.parametrize("name", STORES)
def test_every_mail_of_the_store_arrives_and_the_ledger_closes(
    name: str, dovecot_maildir: Dovecot, tmp_path: Path
) -> None:
    make, owners, faults = STORES[name]
    root = tmp_path / "old"
    raws = make(root)
    before = tree(root)
    source = {"adapter": "groupware", "mapping": name, "root": root}
    accounts = {owner: dovecot_maildir.account() for owner in owners}
    journey = Journey(tmp_path / "move", dovecot_maildir, source, accounts)
    journey.run("extract", code=1 if faults else 0)
    journey.run("load", "new")
    assert journey.arrived() == Counter(digest(on_wire(raw)[0]) for raw in raws)
    assert journey.json("verify", "new", "--bodies", "all")["findings"] == []
    ledger = journey.json("ledger", "new")
    assert ledger["closed"]
    assert (ledger["totals"]["loaded"], ledger["totals"]["fault"]) == (len(raws), faults)
    assert tree(root) == before
