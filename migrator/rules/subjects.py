"""Words by which a server tells an order from a newsletter: anywhere in the subject, ASCII letters in any case.

A server knows no patterns that all servers know. So these are coarser than the signal `transaction.subject`, and err
towards the inbox; `choosing` leaves out a sender that has ever sent an order whose subject has none of them.
"""

import re
from base64 import b64decode
from quopri import decodestring

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

_ENCODED = re.compile(rb"=\?([^?\s]{1,40})\?([bBqQ])\?([^?\s]*)\?=(?:\s+(?==\?))?")


def tells(subject: str) -> bool:
    """Whether a subject says that it is about an order."""
    folded = "".join(character.lower() if character.isascii() else character for character in subject)
    return any(word in folded for word in (*JAPANESE, *ENGLISH))


def read(value: bytes) -> str:
    """A Subject field as a plain server reads it: each encoded word by itself, as RFC 2047 §2 would have it. Many a
    Japanese sender cuts ISO-2022-JP between two words, and then the second is gibberish to a server."""
    return _ENCODED.sub(lambda match: _decoded(*match.groups()).encode(), value).decode("utf-8", "replace")


def _decoded(charset: bytes, encoding: bytes, text: bytes) -> str:
    try:
        if encoding in b"bB":
            return b64decode(text + b"===").decode(charset.decode("ascii"), "replace")
        return decodestring(text, header=True).decode(charset.decode("ascii"), "replace")
    except (LookupError, ValueError):
        return ""
