"""Which mailboxes a load needs, and who is to be allowed what there; and the script that says it to Exchange."""

import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.exchange import adapter as exchange
from adapters.exchange.config import ExchangeConfig
from adapters.imap import adapter
from adapters.imap.config import ImapConfig
from adapters.microsoft import script
from migrator.model import Mailbox
from migrator.ports import Wanted, Way
from migrator.routes import Routes
from migrator.staging.store import Staging
from migrator.steps.foresee import Foreseen, wanted
from migrator.text import powershell
from tests.desks import two_desks
from tests.roads import Road, road

TOKEN = {"command": ["token"]}


@pytest.fixture
def way() -> Iterator[Road]:
    with road() as laid:
        two_desks(laid.old)
        yield laid


def test_only_who_works_there_still_may_open_an_inbox_whole(way: Road, staging: Staging) -> None:
    way.extract(staging)
    routes = Routes({"sato": "sato.k@example.co.jp", "support": "support@example.co.jp"}, {})
    rows = [
        Foreseen(Mailbox(owner), (owner,), Way(name="x"), 0, 0) for owner in ("support@example.co.jp", "kato", "sales")
    ]
    found = {each.owner: each for each in wanted(staging, routes, rows)}
    assert found["kato"] == Wanted(owner="kato", name="kato")
    support = found["support@example.co.jp"]
    assert (support.shared, support.whole) == (True, ("sato.k@example.co.jp",))
    assert support.send_as == (("sato.k@example.co.jp", None),)
    assert found["sales"].name == "sales"


def test_a_script_is_written_for_exchange_online_alone() -> None:
    assert adapter.script is not None
    mailboxes = [Wanted(owner="support@example.co.jp", name="サポート", shared=True, whole=("sato@example.co.jp",))]
    online = adapter.script(ImapConfig(preset="exchange-online", token=TOKEN), mailboxes)
    assert online is not None
    assert "\nSet-Shared 'support@example.co.jp' 'サポート'\n" in online
    assert "\nSet-Whole 'support@example.co.jp' 'sato@example.co.jp'\n" in online
    assert adapter.script(ImapConfig(host="imap.example.co.jp", password={"env": "X"}), mailboxes) is None


def test_a_person_gets_no_mailbox_made_and_every_mailbox_is_put_on_hold() -> None:
    lines = script([Wanted(owner="sato@example.co.jp", name="佐藤")]).splitlines()
    assert "Set-Hold 'sato@example.co.jp'" in lines
    assert not any(line.startswith("Set-Shared ") for line in lines)


def test_an_inbox_in_a_public_folder_has_that_made_and_given_to_it() -> None:
    section = {"auth": "kerberos", "endpoint": "https://mail.example.co.jp/EWS/Exchange.asmx"}
    config = ExchangeConfig(**section, public={"support": "部署/お客様窓口", "sales@example.co.jp": "営業"})
    mailboxes = [
        Wanted(owner="desk@example.co.jp", name="サポート", account="support", shared=True),
        Wanted(owner="sales@example.co.jp", name="営業", shared=True),
        Wanted(owner="sato@example.co.jp", name="佐藤", account="sato"),
    ]
    assert exchange.script is not None
    said = exchange.script(config, mailboxes)
    assert said is not None
    assert [line for line in said.splitlines() if line.startswith("Set-Public ")] == [
        "Set-Public '部署/お客様窓口' 'desk@example.co.jp'",
        "Set-Public '営業' 'sales@example.co.jp'",
    ]


WORD = re.compile("'((?:[^'\u2018\u2019\u201a\u201b]|(['\u2018\u2019\u201a\u201b])\\2)*)'")


@given(st.text())
def test_no_text_ends_its_string(text: str) -> None:
    """Read as PowerShell's own grammar reads a single-quoted string."""
    assert WORD.fullmatch(powershell(text))


@given(st.text(min_size=1))
def test_no_name_is_a_line_of_the_script(name: str) -> None:
    plain, hostile = (script([Wanted(owner="a@example.co.jp", name=each, shared=True)]) for each in ("x", name))
    assert len(hostile.splitlines()) == len(plain.splitlines())
