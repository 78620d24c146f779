"""One company, many streams: orders and people are kept, advertising is proposed for parking. All mails are made."""

from base64 import b64encode

import pytest

from migrator.model import Verdict
from tests.migrator.filters.made import OFFER, ORDER, QUESTION, mail, proposed, shown
from tests.migrator.mail.written import euc, jis, word

KEPT = {
    "Rakuten's order": ("order@rakuten.co.jp", "【楽天市場】注文内容ご確認（自動配信メール）", ORDER),
    "Rakuten's checkout": ("order@checkout.rakuten.co.jp", "ご注文の確認", ORDER),
    "an order to a seller": ("order-confirm@mail.rms.rakuten.co.jp", "【楽天市場】受注のお知らせ", ORDER),
    "a question to a seller": ("ichiba-inquiry@rakuten.co.jp", "商品についてのお問い合わせ", QUESTION),
    "Amazon's order": ("auto-confirm@amazon.co.jp", "Amazon.co.jpでのご注文", ORDER),
    "Amazon's shipping": ("shipment-tracking@amazon.co.jp", "ご注文の商品が発送されました", ORDER),
    "Yahoo!'s order": ("shopping-order-master@mail.yahoo.co.jp", "ご注文の確認", ORDER),
    "Yahoo!'s question": ("shopping-proorder-master@mail.yahoo.co.jp", "お問い合わせがありました", QUESTION),
    "Yahoo!'s auction": ("auction-master@mail.yahoo.co.jp", "落札のお知らせ", ORDER),
    "a shop's order": ("amiami@shop.rakuten.co.jp", "[amiami] ご注文確認案内", ORDER),
    "a shop's shipping": ("amiami@shop.rakuten.co.jp", "商品発送のお知らせ", ORDER),
    "a shop's invoice": ("amiami@shop.rakuten.co.jp", "請求書のご案内", ORDER),
    "an order that advertises": ("amiami@shop.rakuten.co.jp", "ご注文確認案内", ORDER + OFFER),
    "a customer": ("taro@yahoo.co.jp", "椅子について", QUESTION),
    "a customer at a carrier": ("hanako@ybb.ne.jp", "椅子について", QUESTION),
}

PARKED = {
    "Rakuten's newsletter": ("point-g@emagazine.rakuten.co.jp", "【楽天】今週のポイント10倍ニュース", OFFER),
    "Rakuten's point mail": ("info@pointmail.rakuten.co.jp", "クリックでポイントプレゼント★", OFFER),
    "Amazon's offers": ("store-news@amazon.co.jp", "今週のおすすめ商品", OFFER),
    "Yahoo!'s coupon": ("auction-coupon-master@mail.yahoo.co.jp", "【クーポン】期間限定のお得な特典", OFFER),
    "Yahoo!'s newsclip": ("shopping-newsclip-master@mail.yahoo.co.jp", "今週のセール特集", OFFER),
    "a shop's newsletter": ("amiami@shop.rakuten.co.jp", "【限定セール】新発売アイテム★今週号", OFFER),
}


@pytest.mark.parametrize("name", KEPT)
def test_orders_bills_and_people_are_kept(name: str) -> None:
    found = proposed(mail(*KEPT[name]))
    assert found.verdict == Verdict.KEEP, (found.score, found.rules)


@pytest.mark.parametrize("name", KEPT)
def test_and_in_a_stream_of_newsletters_too(name: str) -> None:
    raw = mail(*KEPT[name])
    flood = [mail(KEPT[name][0], f"【限定セール】今週号 vol.{number}", OFFER) for number in range(20)]
    found = proposed(raw, *flood)
    assert found.verdict == Verdict.KEEP, (found.score, found.rules)


@pytest.mark.parametrize("name", PARKED)
def test_newsletters_coupons_and_point_mail_are_proposed_for_parking(name: str) -> None:
    found = proposed(mail(*PARKED[name]))
    assert found.verdict == Verdict.PARK, (found.score, found.rules)


def test_a_warning_from_an_address_that_advertises_is_held_for_a_person() -> None:
    raw = mail("store-news@amazon.co.jp", "Amazonを装った不審なメール等にご注意ください", OFFER)
    assert proposed(raw).verdict == Verdict.HOLD


FROM = "point-g@emagazine.rakuten.co.jp"


@pytest.mark.parametrize(
    "raw",
    [
        mail("sato@example.co.jp", "Fwd: 今週のセール", "これ、うちも出しますか？\n\n> 送料無料\n" + OFFER),
        mail("sato@example.co.jp", "転送: 今週のセール", "これ、うちも出しますか？\n" + OFFER),
        mail("sato@example.co.jp", "Re: 今週のセール", "不要です\n" + OFFER, "In-Reply-To: <news@example.co.jp>"),
        mail(FROM, "Re: 今週のセール", "お返事ありがとうございます\n" + OFFER, "References: <ours@example.co.jp>"),
        mail("MAILER-DAEMON@example.co.jp", "Returned mail: User unknown", OFFER, "Return-Path: <>"),
        mail(FROM, "今週のセール", OFFER, "Auto-Submitted: auto-replied"),
    ],
    ids=["forwarded", "forwarded in Japanese", "answered", "answers us", "bounce", "automatic answer"],
)
def test_a_newsletter_that_somebody_took_in_hand_or_a_machine_sent_back_is_kept(raw: bytes) -> None:
    assert proposed(raw).verdict == Verdict.KEEP


def test_a_newsletter_attached_to_a_colleagues_question_is_kept() -> None:
    inner = mail(FROM, "今週のセール", OFFER)
    body = (
        b"--b\r\nContent-Type: text/plain\r\n\r\n?\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
        + inner
        + b"\r\n--b--"
    )
    head = b"From: sato@example.co.jp\r\nSubject: sale\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    assert proposed(head + body).guard == "attachment"


def test_a_document_that_begins_behind_a_large_picture_is_seen() -> None:
    picture = b"--b\r\nContent-Type: image/png\r\n\r\n" + b"A" * 500_000 + b"\r\n"
    file = b"--b\r\nContent-Type: application/pdf; name=x.pdf\r\n\r\nx\r\n--b--\r\n"
    head = b"From: a@example.com\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    assert "attachment" in shown(head + picture + file)
    assert "attachment" not in shown(head + picture + b"--b--\r\n")


def test_a_mailing_list_that_offers_to_unsubscribe_is_kept() -> None:
    marks = (
        "List-Unsubscribe: <mailto:leave@ml.example.jp>",
        "List-Post: <mailto:users@ml.example.jp>",
        "Precedence: bulk",
    )
    mails = [
        mail(f"{name}@example.jp", f"[users {number}] 集まりの件", QUESTION, "List-Id: <users.ml.example.jp>", *marks)
        for number, name in enumerate(("sato", "suzuki", "tanaka", "sato"))
    ]
    assert {proposed(each, *mails).verdict for each in mails} == {Verdict.KEEP}


def test_a_list_on_which_people_speak_is_kept_even_where_one_of_them_advertises() -> None:
    mark = "List-Id: <users.ml.example.jp>"
    mails = [mail(f"{name}@example.jp", "集まりの件", QUESTION, mark) for name in ("sato", "suzuki", "tanaka")]
    assert proposed(mail("sato@example.jp", "【限定セール】今週号", OFFER, mark), *mails).guard == "list.discussion"


FOOTERS = {
    "yahoo.co.jp": "__________________________________________________\nDo You Yahoo!?\n今すぐ無料！お得なクーポン\n"
    "http://pr.mail.yahoo.co.jp/auction/\n",
    "hotmail.co.jp": "_________________________________________________________________\n"
    "メールマガジンに登録してプレゼントをもらおう\nhttp://promotion.msn.co.jp/\n",
}


@pytest.mark.parametrize("domain", FOOTERS)
def test_what_a_provider_puts_below_a_customers_letter_is_no_evidence(domain: str) -> None:
    bare = mail(f"taro@{domain}", "椅子について", QUESTION)
    assert shown(mail(f"taro@{domain}", "椅子について", QUESTION + FOOTERS[domain])) == shown(bare)
    assert proposed(bare).verdict == Verdict.KEEP


def test_a_customer_whose_provider_advertises_in_words_of_its_own_is_still_never_parked() -> None:
    assert proposed(mail("taro@yahoo.co.jp", "椅子について", QUESTION + OFFER)).verdict != Verdict.PARK


AD = "未承諾広告※特別のご案内"


def split_words(charset: str, first: bytes, second: bytes) -> bytes:
    return word(charset, first) + b"\r\n " + word(charset, second)


@pytest.mark.parametrize(
    "subject",
    [
        pytest.param(word("ISO-2022-JP", jis(AD)), id="ISO-2022-JP"),
        pytest.param(jis(AD), id="ISO-2022-JP, raw"),
        pytest.param(word("Shift_JIS", AD.encode("cp932")), id="Shift_JIS"),
        pytest.param(AD.encode("cp932"), id="Shift_JIS, raw"),
        pytest.param(word("EUC-JP", euc(AD)), id="EUC-JP"),
        pytest.param(euc(AD), id="EUC-JP, raw"),
        pytest.param(word("UTF-8", AD.encode()), id="UTF-8"),
        pytest.param(AD.encode(), id="UTF-8, raw"),
        pytest.param(b"=?UTF-8?Q?" + b"".join(b"=%02X" % byte for byte in AD.encode()) + b"?=", id="UTF-8, Q"),
        pytest.param(split_words("UTF-8", AD.encode()[:7], AD.encode()[7:]), id="UTF-8, cut in a letter"),
        pytest.param(split_words("ISO-2022-JP", jis(AD)[:7], jis(AD)[7:]), id="JIS, cut before its escape"),
        pytest.param(split_words("ISO-2022-JP", jis("未承諾"), jis("広告※")), id="JIS, two words"),
        pytest.param(b"=?ISO-2022-JP?B?" + b64encode(jis(AD)).rstrip(b"=") + b"?=", id="no padding"),
    ],
)
def test_what_the_law_made_advertisers_write_is_found_in_every_encoding(subject: bytes) -> None:
    assert "subject.advertisement" in shown(mail("info@example.com", subject, "広告です"))
