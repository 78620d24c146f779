"""Mails made for these tests from the header shapes of Japanese companies. None of them was ever sent by anybody."""

from migrator.filters.features import Reader
from migrator.filters.judging import Judge
from migrator.filters.ruleset import Ruleset
from migrator.filters.streams import Stream
from migrator.mail import envelope, split
from migrator.mail.streams import stream_of
from migrator.model import Proposal

RULES = Ruleset.read()
READER = Reader(RULES.judge.signals)

OFFER = """会員の皆様へ　今週のおすすめ
━━━━━━━━━━━━━━━━━━━━━
【期間限定】全品30%OFFセール！ 1,980円 送料無料 クーポンプレゼント
詳しくはこちらから https://www.example.co.jp/a https://www.example.co.jp/b
https://www.example.co.jp/c 今すぐお申し込みください
━━━━━━━━━━━━━━━━━━━━━
※本メールはご登録いただいた方に配信しています。配信停止はこちら
https://www.example.co.jp/stop
発行元：見本株式会社　〒100-0001 東京都千代田区　お問い合わせ窓口 TEL: 03-0000-0000
"""

ORDER = """山田様
この度はご注文ありがとうございます。
注文番号: 000000-20090305-000000000
お届け先: 〒100-0001 東京都千代田区
お支払い方法: 銀行振込  合計 3,980円
発送しましたら改めてご連絡いたします。このメールは送信専用です。
"""

QUESTION = """お世話になっております。山田です。
先日買った椅子の脚がぐらつくのですが、交換していただけますか。
よろしくお願いいたします。
"""


def mail(sender: str, subject: str | bytes, text: str, *more: str, charset: str = "utf-8") -> bytes:
    """One mail, as it lies in a store."""
    title = subject if isinstance(subject, bytes) else subject.encode()
    lines = [
        f"From: {sender}".encode(),
        b"To: yamada@example.co.jp",
        b"Subject: " + title,
        b"Date: Thu, 5 Mar 2009 10:00:00 +0900",
        b"Message-ID: <1@example.co.jp>",
        f"Content-Type: text/plain; charset={charset}".encode(),
        *(each.encode() for each in more),
    ]
    return b"\r\n".join([*lines, b"", text.replace("\n", "\r\n").encode(charset)])


def shown(raw: bytes) -> frozenset[str]:
    """The signals of a mail."""
    return READER.read(*split(raw))[0]


def proposed(raw: bytes, *beside: bytes, judge: Judge = RULES.judge) -> Proposal:
    """What is thought of a mail, in the stream of its sender, where those `beside` it lie too."""
    its = envelope(split(raw)[0])
    stream = Stream(is_list=its.list_id is not None)
    for each in (raw, *beside):
        other = envelope(split(each)[0])
        if stream_of(other.sender, other.list_id) == stream_of(its.sender, its.list_id):
            marks = shown(each)
            standing = judge.standing(marks, guarded=False)
            stream.add(judge.weights.score(marks), standing, sender=other.sender, account="a")
    return judge.propose(shown(raw), (), stream, RULES.senders.of(its.sender, its.list_id), sender=its.sender)
