"""Companies that send orders and newsletters side by side. Made: addresses and subjects have the shape of real ones."""

from base64 import b64encode
from itertools import count

_NUMBERS = count(1)

_NEWSLETTER = """\
<html><body><img src="https://img.example/a.gif" width="1" height="1">
今だけ！お得なセール開催中。ポイント10倍キャンペーン！
$LINKS
配信停止はこちら <a href="https://example.com/unsubscribe">メールマガジンの解除</a> 特定電子メール法に基づく表記
</body></html>"""
_LINKS = '<a href="https://example.com/item">商品を見る</a><img src="https://img.example/b.jpg">' * 12

_ORDER = """\
このたびはご注文ありがとうございます。
注文番号: 123456-20091102-0001
お届け先: 東京都
合計金額: 3,200円
"""


def newsletter(sender: str, subject: str, **headers: str) -> bytes:
    """A newsletter as a mailing service sends it."""
    its = {"List-Unsubscribe": f"<https://{sender.partition('@')[2]}/stop>", "Precedence": "bulk"} | headers
    return _mail(sender, subject, "text/html", _NEWSLETTER.replace("$LINKS", _LINKS), its)


def order(sender: str, subject: str, charset: str = "utf-8", **headers: str) -> bytes:
    """A mail about an order."""
    return _mail(sender, subject, "text/plain", _ORDER, headers, charset)


def encoded(subject: str, charset: str = "utf-8") -> str:
    """One encoded word (RFC 2047)."""
    return f"=?{charset}?B?{b64encode(subject.encode(charset)).decode()}?="


def _mail(sender: str, subject: str, kind: str, body: str, headers: dict[str, str], charset: str = "utf-8") -> bytes:
    number = next(_NUMBERS)
    fields = {
        "From": f"{encoded('お店')} <{sender}>",
        "To": "sato@example.co.jp",
        "Subject": encoded(subject, charset),
        "Date": "Mon, 2 Nov 2009 09:00:00 +0900",
        "Message-ID": f"<{number}@shop.example>",
        "Content-Type": f"{kind}; charset=utf-8",
        "Content-Transfer-Encoding": "8bit",
    }
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in (fields | headers).items()]
    return ("\r\n".join(lines) + "\r\n\r\n" + body + "\r\n").encode()


ORDERS = (
    ("order@rakuten.co.jp", "【楽天市場】注文内容ご確認（自動配信メール）"),
    ("SHOP@shop.rakuten.co.jp", "[あみあみ] ご注文確認案内"),
    ("SHOP@shop.rakuten.co.jp", "発送のお知らせ"),
    ("SHOP@shop.rakuten.co.jp", "【請求書】11月分のご案内"),
    ("SHOP@shop.rakuten.co.jp", "商品についてのお問い合わせの件"),
    ("auto-confirm@amazon.co.jp", "Amazon.co.jpでのご注文"),
    ("shipment-tracking@amazon.co.jp", "ご注文の発送"),
    ("shopping-order-master@mail.yahoo.co.jp", "ご注文の確認"),
    ("order@shop.example", "ご注文ありがとうございます"),
)
NEWSLETTERS = (
    ("point-g@emagazine.rakuten.co.jp", "【楽天】今だけポイント10倍！お得なセール"),
    ("SHOP@shop.rakuten.co.jp", "【メルマガ】週末限定クーポン！全品半額セール"),
    ("SHOP@shop.rakuten.co.jp", "【メルマガ】ポイント10倍キャンペーン開催中"),
    ("store-news@amazon.co.jp", "タイムセール祭り開催中！最大80%OFF"),
    ("auction-coupon-master@mail.yahoo.co.jp", "【クーポン】本日限り！お得なキャンペーン"),
    ("newsletter@shop.example", "今週のおすすめ新商品とセール情報"),
)
