"""Mail as Japan has written it, and what each was meant to say (research: legacy.md part 4.1 to 4.4).

Each pathology is made from what was meant and one way to write it; the ways are spelled out here byte by byte, and
share nothing with the code that reads them.
"""

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote_from_bytes

BASE = {b"From": b"a@example.co.jp", b"Date": b"Mon, 5 Mar 2001 10:00:00 +0900", b"Subject": b"x"}
MEANT = "2001-03-05 01:00:00"


@dataclass(frozen=True, slots=True)
class Pathology:
    """One mail; `says` holds the facts that are at stake: subject, from, sender, date, names, text, health."""

    raw: bytes
    says: dict[str, object]


def mail(body: bytes = b"text\r\n", **fields: bytes) -> bytes:
    named = {name.replace("_", "-").encode(): value for name, value in fields.items()}
    return b"".join(name + b": " + value + b"\r\n" for name, value in (BASE | named).items()) + b"\r\n" + body


def word(charset: str, data: bytes) -> bytes:
    return b"=?%s?B?%s?=" % (charset.encode(), b64encode(data))


def jis(text: str) -> bytes:
    """ISO-2022-JP-MS: CP932's cells as JIS pairs."""
    pairs = bytearray()
    for char in text:
        lead, trail = char.encode("cp932")
        row = (lead - (0x81 if lead < 0xA0 else 0xC1)) * 2
        cell = trail - 0x40 - (trail > 0x7E)
        pairs += bytes((0x21 + row + cell // 94, 0x21 + cell % 94))
    return b"\x1b$B" + bytes(pairs) + b"\x1b(B"


def euc(text: str) -> bytes:
    return bytes(byte | 0x80 for byte in jis(text)[3:-3])


def text(body: bytes, charset: str | None, coding: str = "8bit") -> bytes:
    kind = f"text/plain; charset={charset}" if charset else "text/plain"
    return mail(body, Content_Type=kind.encode(), Content_Transfer_Encoding=coding.encode())


def attached(disposition: bytes = b"attachment", kind: bytes = b"application/pdf") -> bytes:
    part = b"--b\r\nContent-Type: " + kind + b"\r\nContent-Disposition: " + disposition + b"\r\n\r\nx\r\n--b--\r\n"
    return mail(part, Content_Type=b"multipart/mixed; boundary=b")


PLAIN, NEC, KANA, LONG = "見積書のご送付", "①㈱髙﨑", "ｱｲｳｴｵ", "会議室の予約についてのお知らせです"
NAME = "表示ソフト一覧能.pdf"


def subjects() -> Iterator[tuple[str, bytes, str]]:
    yield "encoded words", word("ISO-2022-JP", jis(PLAIN)), PLAIN
    yield "NEC and IBM rows in JIS", word("ISO-2022-JP", jis(NEC)), NEC
    yield "NEC and IBM rows in EUC-JP", word("EUC-JP", euc(NEC)), NEC
    yield "NEC and IBM rows in Shift_JIS", word("Shift_JIS", NEC.encode("cp932")), NEC
    yield "half-width kana by ESC ( I", word("ISO-2022-JP", b"\x1b(I12345\x1b(B"), KANA
    yield "half-width kana by SO and SI", word("iso-2022-jp", b"\x0e12345\x0f"), KANA
    yield "half-width kana as 8-bit bytes in JIS", word("ISO-2022-JP", jis("件名") + b"\xb1\xb2\xb3"), "件名ｱｲｳ"
    yield "half-width kana in EUC-JP", word("EUC-JP", euc("件名") + b"\x8e\xb1\x8e\xb2"), "件名ｱｲ"
    yield "JIS X 0212", word("ISO-2022-JP-1", b"\x1b$(D\x30\x21\x1b(B"), "丂"
    yield "JIS of 1978", word("ISO-2022-JP", b"\x1b$@8+@Q\x1b(B"), "見積"
    yield "Roman letters by ESC ( J", word("ISO-2022-JP", b"\x1b(JC:\\a~b\x1b(B"), "C:\\a~b"
    yield "JIS without its last escape", word("ISO-2022-JP", jis(PLAIN)[:-3]), PLAIN
    yield "JIS with an odd byte", word("ISO-2022-JP", jis("見積")[:-3] + b"=\x1b(B"), "見積\\x3d"
    yield "JIS without any escape byte", b"$B8+@Q=q(B", "$B8+@Q=q(B"
    yield "JIS without any escape byte, labelled", word("ISO-2022-JP", b"$B8+@Q=q(B"), "見積書"
    yield "raw JIS", jis(PLAIN), PLAIN
    yield "raw Shift_JIS", PLAIN.encode("cp932"), PLAIN
    yield "raw EUC-JP", euc(PLAIN), PLAIN
    yield "raw UTF-8", PLAIN.encode(), PLAIN
    yield "raw UTF-8 with a BOM", b"\xef\xbb\xbf" + PLAIN.encode(), PLAIN
    yield "UTF-8 labelled ISO-2022-JP", word("ISO-2022-JP", PLAIN.encode()), PLAIN
    yield "Shift_JIS labelled ISO-2022-JP", word("ISO-2022-JP", PLAIN.encode("cp932")), PLAIN
    yield "JIS labelled UTF-8", word("UTF-8", jis(PLAIN)), PLAIN
    yield "JIS labelled Shift_JIS", word("Shift_JIS", jis(PLAIN)), PLAIN
    yield "EUC-JP labelled Shift_JIS", word("Shift_JIS", euc("かいぎのおしらせ")), "かいぎのおしらせ"
    yield "Shift_JIS labelled UTF-8", word("UTF-8", PLAIN.encode("cp932")), PLAIN
    yield "Shift_JIS labelled us-ascii", word("us-ascii", PLAIN.encode("cp932")), PLAIN
    yield "Shift_JIS labelled iso-8859-1", word("iso-8859-1", PLAIN.encode("cp932")), PLAIN
    for label in ("windows-31j", "x-sjis", "MS_Kanji", "cp943", "sjis"):
        yield f"the label {label}", word(label, NEC.encode("cp932")), NEC
    for label in ("x-euc-jp", "eucJP-ms", "cp51932"):
        yield f"the label {label}", word(label, euc(NEC)), NEC
    for label in ("unknown-8bit", "8bit", "default", "x-unknown", "none"):
        yield f"the label {label}", word(label, LONG.encode("cp932")), LONG
    yield "the label utf-8mb4", word("utf-8mb4", (PLAIN + "😀").encode()), PLAIN + "😀"
    yield "the label iso-2022-jp-ms", word("iso-2022-jp-ms", jis(NEC)), NEC
    yield "the label cp50220", word("cp50220", jis(NEC)), NEC
    yield "a wave dash in Shift_JIS", word("Shift_JIS", b"10\x81\x6011"), "10～11"
    yield "a wave dash in EUC-JP", word("EUC-JP", b"10\xa1\xc111"), "10～11"
    yield "a wave dash in JIS", word("ISO-2022-JP", b"10\x1b$B!A\x1b(B11"), "10～11"
    yield "a wave dash in UTF-8", word("UTF-8", "10〜11".encode()), "10〜11"
    yield "gaiji", word("Shift_JIS", b"\xf0\x40\x8e\x81"), "\ue000氏"
    yield (
        "UTF-8 cut between two words",
        word("UTF-8", "日本".encode()[:4]) + b" " + word("UTF-8", "日本".encode()[4:]),
        "日本",
    )
    jis_halves = jis("日本語の件名")
    yield (
        "JIS cut between two words",
        word("ISO-2022-JP", jis_halves[:9]) + b"\r\n " + word("ISO-2022-JP", jis_halves[9:]),
        "日本語の件名",
    )
    yield "words that touch text", b"Re:" + word("UTF-8", "返信".encode()) + b"(2)", "Re:返信(2)"
    yield "words in quotes", b'"' + word("UTF-8", "返信".encode()) + b'"', '"返信"'
    yield "a word with a language", b"=?UTF-8*ja?B?6KaL56mN?=", "見積"
    yield "a word without its padding", b"=?UTF-8?B?6KaL56mNMQ?=", "見積1"
    yield "a word with padding in its middle", b"=?UTF-8?B?MQ==MQ==?=", "11"
    yield "a word folded in its middle", b"=?UTF-8?B?6KaL\r\n 56mN?=", "見積"
    yield "Q with blanks", b"=?UTF-8?Q?a b?=", "a b"
    yield "a line end inside a word", b"=?utf-8?q?a=0D=0ABcc:_x@y?=", "a Bcc: x@y"
    yield "a word that never ends", b"=?UTF-8?B?6KaL", "=?UTF-8?B?6KaL"


def addresses() -> Iterator[tuple[str, bytes, dict[str, object]]]:
    shown = word("ISO-2022-JP", jis("山田太郎"))
    yield "dots in a row, docomo", b"foo..bar.@docomo.ne.jp", {"sender": "foo..bar.@docomo.ne.jp"}
    yield "the same in quotes", b'"foo..bar."@docomo.ne.jp', {"sender": "foo..bar.@docomo.ne.jp"}
    yield "a dot first, ezweb", b"<.foo@ezweb.ne.jp>", {"sender": ".foo@ezweb.ne.jp"}
    yield "a hyphen first and last", b"-foo-@softbank.ne.jp", {"sender": "-foo-@softbank.ne.jp"}
    yield (
        "a name in JIS",
        shown + b" <A@EXAMPLE.CO.JP>",
        {"sender": "A@example.co.jp", "from": "山田太郎 <A@EXAMPLE.CO.JP>"},
    )
    yield "a raw name in JIS", jis("山田ア") + b" <a@b.jp>", {"sender": "a@b.jp", "from": "山田ア <a@b.jp>"}
    yield "a raw name in Shift_JIS", "表示ソ <a@b.jp>".encode("cp932"), {"sender": "a@b.jp", "from": "表示ソ <a@b.jp>"}
    yield "a comma in a name", "山田, 太郎 <a@b.jp>".encode(), {"sender": "a@b.jp", "from": "山田, 太郎 <a@b.jp>"}
    yield "a second @", b"foo@bar@x.jp, ok@x.jp", {"from": "foo@bar@x.jp, ok@x.jp"}
    yield "a name that is another address", word("UTF-8", b"boss@x.jp") + b" <a@b.jp>", {"sender": "a@b.jp"}
    yield "a lone quote", b'"', {"sender": "", "from": '"'}
    yield "an address of words", b"=?utf-8?q?a=0D=0AB?= <a@b.jp>", {"sender": "a@b.jp", "from": "a B <a@b.jp>"}
    yield "no address", b"", {"sender": "", "from": ""}


def dates() -> Iterator[tuple[str, bytes, str]]:
    yield "the zone JST", b"Mon, 5 Mar 2001 10:00:00 JST", MEANT
    yield "the zone GMT+09:00", b"Mon, 5 Mar 2001 10:00:00 GMT+09:00", MEANT
    yield "a zone in Japanese", "Mon, 5 Mar 2001 10:00:00 東京 (標準時)".encode("cp932"), MEANT
    yield "no zone", b"Mon, 5 Mar 2001 10:00:00", MEANT
    yield "an impossible zone", b"Mon, 5 Mar 2001 10:00:00 +9000", MEANT
    yield "two digits", b"5 Mar 01 10:00:00 +0900", MEANT
    yield "the year 101", b"5 Mar 101 10:00:00 +0900", MEANT
    yield "the year 19101", b"5 Mar 19101 10:00:00 +0900", MEANT
    yield "Heisei in full", "平成13年3月5日 午前10時0分".encode("cp932"), MEANT
    yield "Heisei in one letter", b"H13.3.5 10:00:00", MEANT
    yield "full-width digits", "２００１年３月５日　１０：００：００".encode(), MEANT
    yield "the first year of an era", "令和元年5月1日 00:00:00".encode(), "2019-04-30 15:00:00"
    yield "slashes", b"2001/03/05 10:00:00", MEANT
    yield "ISO 8601", b"2001-03-05T01:00:00Z", MEANT
    yield "24 o'clock", b"4 Mar 2001 24:00:00 +0900", "2001-03-04 15:00:00"
    yield "a leap second", b"5 Mar 2001 10:00:60 +0900", "2001-03-05 01:00:59"
    yield "the 31st of February", b"31 Feb 2001 10:00:00 +0900", ""
    yield "the year 1601", b"1 Jan 1601 00:00:00 +0000", ""
    yield "the first of 1970", b"1 Jan 1970 00:00:00 +0000", ""


def names() -> Iterator[tuple[str, bytes]]:
    cp932, utf8 = NAME.encode("cp932"), NAME.encode()
    quoted = quote_from_bytes(utf8).encode()
    middle = quoted.index(b"%", 20)
    yield "RFC 2231", attached(b"attachment; filename*=UTF-8''" + quoted)
    yield (
        "RFC 2231 in pieces, in the wrong order",
        attached(b"attachment; filename*1*=" + quoted[middle:] + b"; filename*0*=UTF-8''" + quoted[:middle]),
    )
    yield "RFC 2231 in CP932", attached(b"attachment; filename*=x-sjis''" + quote_from_bytes(cp932).encode())
    yield "RFC 2047 in quotes", attached(b'attachment; filename="' + word("UTF-8", utf8) + b'"')
    yield "RFC 2047 without quotes", attached(b"attachment; filename=" + word("UTF-8", utf8))
    yield "raw CP932 with backslashes in its kanji", attached(b'attachment; filename="' + cp932 + b'"')
    yield "raw EUC-JP", attached(b'attachment; filename="' + euc(NAME[:-4]) + b'.pdf"')
    yield "raw JIS", attached(b'attachment; filename="' + jis(NAME[:-4]) + b'.pdf"')
    yield "raw UTF-8", attached(b'attachment; filename="' + utf8 + b'"')
    yield "in the Content-Type alone", attached(kind=b'application/pdf; name="' + word("UTF-8", utf8) + b'"')
    yield (
        "two names that differ",
        attached(b"attachment; filename=a.pdf; filename*=UTF-8''" + quoted, b"application/pdf; name=b.pdf"),
    )


def bodies() -> Iterator[tuple[str, bytes, str]]:
    yield "a body in JIS without a label", text(jis(PLAIN), None, "7bit"), PLAIN
    yield "a body in CP932 without a label", text(LONG.encode("cp932"), None), LONG
    yield "a body in UTF-8 labelled ISO-2022-JP", text(LONG.encode(), "iso-2022-jp"), LONG
    yield "a body in JIS with NEC rows", text(jis(NEC), "iso-2022-jp", "7bit"), NEC
    yield "base64 with junk in it", text(b"6K*aL\r\n-56mN!", "utf-8", "base64"), "見積"
    yield "base64 with one letter too many", text(b"6KaL56mNQ", "utf-8", "base64"), "見積"
    yield "quoted-printable in CP932", text(b"=8C=A9=90=CF", "shift_jis", "quoted-printable"), "見積"
    yield (
        "a multipart whose boundary never comes",
        mail(PLAIN.encode(), Content_Type=b"multipart/mixed; boundary=b"),
        PLAIN,
    )
    yield "no header that is known", text(PLAIN.encode(), "utf-8", "x-unknown"), PLAIN


def headers() -> Iterator[tuple[str, bytes, dict[str, object]]]:
    whole = mail(Subject=word("UTF-8", PLAIN.encode()))
    says: dict[str, object] = {"subject": PLAIN, "date": MEANT, "sender": "a@example.co.jp"}
    first, rest = whole.split(b"\r\n", 1)
    yield "a BOM first", b"\xef\xbb\xbf" + whole, says
    yield "a blank line first", b"\r\n" + whole, says
    yield "a From_ line first", b"From a@example.co.jp Mon Mar  5 10:00:00 2001\n" + whole, says
    yield "a line of junk", first + b"\r\n" + "経由：ゲートウェイ".encode("cp932") + b"\r\n" + rest, says
    yield "blanks before the colon", whole.replace(b"Subject:", b"Subject :"), says
    yield "lines ending in LF", whole.replace(b"\r\n", b"\n"), says
    yield "lines ending in CR CR LF", whole.replace(b"\r\n", b"\r\r\n"), says
    yield "lines ending in CR", whole.replace(b"\r\n", b"\r"), says
    yield "two subjects", whole.replace(b"\r\n\r\n", b"\r\nSubject: second\r\n\r\n"), says
    yield "1,200 mails in one another", b"Content-Type: message/rfc822\r\n\r\n" * 1200 + whole, {"names": []}


def pathologies() -> dict[str, Pathology]:
    """Every one by its name."""
    found = {f"subject: {name}": Pathology(mail(Subject=raw), {"subject": says}) for name, raw, says in subjects()}
    found |= {f"address: {name}": Pathology(mail(From=raw), says) for name, raw, says in addresses()}
    found |= {f"date: {name}": Pathology(mail(Date=raw), {"date": says}) for name, raw, says in dates()}
    found |= {f"file name: {name}": Pathology(raw, {"names": [NAME]}) for name, raw in names()}
    found |= {f"body: {name}": Pathology(raw, {"text": says}) for name, raw, says in bodies()}
    found |= {f"header: {name}": Pathology(raw, says) for name, raw, says in headers()}
    return found
