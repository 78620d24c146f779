"""One company sends orders and newsletters: the newsletters are filed, and every order stays in the inbox."""

from base64 import b64encode
from functools import partial

import pytest

from migrator.filters.ruleset import Ruleset
from migrator.filters.store import Store
from migrator.mail import envelope
from migrator.model import Role, Verdict
from migrator.rules import postfix, sieve
from migrator.rules.choosing import Chosen, choose, gather
from migrator.rules.subjects import Orders
from migrator.staging.approved import parked_senders, raws, sent
from migrator.staging.opinions import decide_item, decide_stream
from migrator.staging.store import Staging
from migrator.steps.judge import judge
from tests.migrator.rules.companies import NEWSLETTERS, ORDERS, encoded, newsletter, order
from tests.roads import road
from tests.servers.postfix import Postmap
from tests.servers.sieve import SieveTest

FOLDER = "広告/メールマガジン"
PARKED = sorted({sender.lower() for sender, _ in NEWSLETTERS})
MIXED = "shop@shop.rakuten.co.jp"


def staged(staging: Staging, *mails: bytes) -> None:
    """These mails, staged and judged."""
    with road() as laid:
        laid.old.make("sato", ("INBOX",), Role.INBOX)
        for each in mails:
            laid.old.add("sato", ("INBOX",), each)
        laid.extract(staging)
        judge(staging, Ruleset.read(), Store())


def chosen(staging: Staging, *parked: str) -> Chosen:
    """What becomes of these senders once they are parked."""
    for sender in parked:
        decide_stream(staging, sender, Verdict.PARK, by="suzuki", why="")
    orders = Orders.of(Ruleset.read().judge)
    return choose(gather(parked_senders(staging), sent(staging), orders), partial(raws, staging), orders)


def left(found: Chosen) -> dict[str, object]:
    return {str(reason.params["sender"]): reason.code for reason in found.left}


MAILS = [newsletter(*each) for each in NEWSLETTERS], [order(*each) for each in ORDERS]


def test_every_order_stays_and_every_newsletter_is_filed(staging: Staging, sieve_test: SieveTest) -> None:
    newsletters, orders = MAILS
    staged(staging, *newsletters, *orders)
    found = chosen(staging, *PARKED)
    assert left(found) == {}
    assert [rule.name for rule in found.rules if rule.by_subject] == [MIXED]
    script, made = sieve.script(found, FOLDER)
    assert made == found
    assert [sieve_test.folders(script, each) for each in orders] == [["INBOX"]] * len(orders)
    assert [sieve_test.folders(script, each) for each in newsletters] == [[FOLDER]] * len(newsletters)


def test_an_order_that_a_server_can_hardly_read_stays_too(staging: Staging, sieve_test: SieveTest) -> None:
    newsletters, orders = MAILS
    staged(staging, *newsletters, *orders)
    script, _ = sieve.script(chosen(staging, *PARKED), FOLDER)
    subject = "【店】ご注文の確認"
    for charset in ("iso2022_jp", "cp932", "euc_jp"):
        assert sieve_test.folders(script, order(MIXED, "", Subject=encoded(subject, charset))) == ["INBOX"]
        undeclared = order(MIXED, "", Subject="HERE").replace(b"HERE", subject.encode(charset))
        assert sieve_test.folders(script, undeclared) == ["INBOX"]
    for strange in ("", encoded(subject).replace("utf-8", "x-nobody"), "=?utf-8?B?gsKW?="):
        assert sieve_test.folders(script, order(MIXED, "", Subject=strange)) == ["INBOX"]
    without = order(MIXED, "", Subject="HERE").replace(b"Subject: HERE\r\n", b"")
    assert sieve_test.folders(script, without) == ["INBOX"]


def test_an_answer_from_a_parked_address_stays(staging: Staging, sieve_test: SieveTest) -> None:
    staged(staging, *MAILS[0])
    script, _ = sieve.script(chosen(staging, PARKED[-1]), FOLDER)
    mail = newsletter(PARKED[-1], "Re: おすすめ新商品")
    assert sieve_test.folders(script, mail) == [FOLDER]
    assert sieve_test.folders(script, newsletter(PARKED[-1], "Re: 新商品", In_Reply_To="<1@example.co.jp>")) == [
        "INBOX"
    ]


def test_postfix_marks_newsletters_and_leaves_out_who_sends_both(staging: Staging, postmap: Postmap) -> None:
    newsletters, orders = MAILS
    staged(staging, *newsletters, *orders)
    table, made = postfix.script(chosen(staging, *PARKED))
    assert left(made) == {MIXED: "rules.one-header"}
    for mail in (*newsletters, *orders):
        its = envelope(mail)
        wanted = "PREPEND X-Migrator-Parked: sender" if its.sender.lower() in set(PARKED) - {MIXED} else ""
        assert postmap(table, f"From: {encoded('お店')} <{its.sender}>") == wanted


NEWS = "news@shop.example"


def news(**headers: str) -> bytes:
    return newsletter(NEWS, "今週のおすすめ新商品とセール情報", **headers)


@pytest.mark.parametrize(
    ("odd", "code"),
    [
        (news(In_Reply_To="<1@example.co.jp>", Subject="Re: hello"), "rules.guarded"),
        (order(NEWS, "ありがとうございます"), "rules.untold"),
        (order(NEWS, "", Subject=f"{encoded('ＲＥＣＥＩＰＴ')}"), "rules.untold"),
    ],
)
def test_one_odd_mail_leaves_a_sender_out(odd: bytes, code: str, staging: Staging) -> None:
    staged(staging, news(), news(), odd)
    found = chosen(staging, NEWS)
    assert (found.rules, left(found)) == ([], {NEWS: code})


def test_an_order_cut_between_two_encoded_words_leaves_its_sender_out(staging: Staging) -> None:
    subject = "【店】ご注文の確認".encode("iso2022_jp")
    words = [f"=?iso-2022-jp?B?{b64encode(part).decode()}?=" for part in (subject[:13], subject[13:])]
    staged(staging, news(), order(NEWS, "", Subject="\r\n ".join(words)))
    assert left(chosen(staging, NEWS)) == {NEWS: "rules.misread"}


def test_a_mail_that_a_person_kept_leaves_its_sender_out(staging: Staging) -> None:
    staged(staging, news(), news())
    decide_item(staging, 1, Verdict.KEEP, by="sato", why="wanted")
    assert left(chosen(staging, NEWS)) == {NEWS: "rules.kept"}


def test_a_mail_that_nobody_judged_leaves_its_sender_out(staging: Staging) -> None:
    with road() as laid:
        laid.old.add("sato", ("INBOX",), news())
        laid.extract(staging)
        assert left(chosen(staging, NEWS)) == {NEWS: "rules.unjudged"}


def test_only_the_newest_word_on_a_whole_sender_counts(staging: Staging) -> None:
    staged(staging, news())
    assert [rule.name for rule in chosen(staging, NEWS).rules] == [NEWS]
    decide_stream(staging, NEWS, Verdict.KEEP, by="sato", why="")
    assert chosen(staging).rules == chosen(staging).left == []


def test_an_address_and_the_lists_it_sends_through_are_told_apart(
    staging: Staging, sieve_test: SieveTest, postmap: Postmap
) -> None:
    through = news(List_Id="A list <sale.shop.example>")
    staged(staging, news(), through)
    by_address = chosen(staging, NEWS)
    script, _ = sieve.script(by_address, FOLDER)
    assert [sieve_test.folders(script, each) for each in (news(), through)] == [[FOLDER], ["INBOX"]]
    assert left(postfix.script(by_address)[1]) == {NEWS: "rules.one-header"}
    decide_stream(staging, NEWS, Verdict.KEEP, by="sato", why="")
    by_list = chosen(staging, "sale.shop.example")
    script, _ = sieve.script(by_list, FOLDER)
    assert [sieve_test.folders(script, each) for each in (news(), through)] == [["INBOX"], [FOLDER]]
    table, _ = postfix.script(by_list)
    assert postmap(table, "List-Id: A list <sale.shop.example>") == "PREPEND X-Migrator-Parked: list"
    assert postmap(table, "List-Id: sale.shop.example") == "PREPEND X-Migrator-Parked: list"
    assert postmap(table, "List-Id: <big.sale.shop.example>") == ""
