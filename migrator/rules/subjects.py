"""Words by which a server tells an order from a newsletter: anywhere in the subject, ASCII letters in any case.

A server knows no patterns that all servers know. So these are coarser than the signal `transaction.subject`, and err
towards the inbox; `choosing` leaves out a sender that has ever sent an order whose subject has none of them.
"""

JAPANESE = (
    *("注文", "受注", "発送", "出荷", "お届", "届け", "配送", "配達", "領収", "請求", "見積", "納品", "検収", "入金"),
    *("支払", "予約", "問合", "問い合", "問いあわ", "受付", "登録完了", "認証", "パスワード", "契約", "明細"),
    *("返金", "返品", "キャンセル"),
)
ENGLISH = (
    *("order", "ship", "dispatch", "deliver", "arriv", "track", "package", "parcel", "purchase", "booking", "reserv"),
    *("invoice", "receipt", "payment", "account", "subscription", "appointment", "ticket", "confirm", "password"),
    *("statement", "verif", "on the way", "on its way", "przesy"),
)
UNREADABLE = ("\N{REPLACEMENT CHARACTER}", "=?", "$B", "$@")
"""What is left in a subject that a server could not decode, or in ISO-2022-JP that nobody declared."""

WORDS = (*JAPANESE, *ENGLISH, *UNREADABLE)

_WORDS = tuple(word.lower() for word in WORDS)


def tells(subject: str) -> bool:
    """Whether a server keeps a mail with this subject where it is."""
    folded = "".join(character.lower() if character.isascii() else character for character in subject)
    return any(word in folded for word in _WORDS)
