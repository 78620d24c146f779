"""Japanese mail says what its sender meant, whatever the label says."""

import base64
import binascii
from email.header import Header
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.japanese import decode, decode_header, decode_parameter, parameters, unbase64

LABELS = [
    *(None, "", "us-ascii", "iso-2022-jp", "ISO-2022-JP-MS", "cp50220", "shift_jis", "x-sjis", "Windows-31J", "ms932"),
    *("euc-jp", "eucJP-ms", "x-euc-jp", "cp51932", "utf-8", "utf8mb4", "unknown-8bit", "x-unknown", "8bit", "default"),
    *(
        "iso-8859-1",
        "windows-1252",
        "gb2312",
        "big5",
        "ks_c_5601-1987",
        "koi8-r",
        "utf-7",
        "utf-16",
        "hz",
        "iso-2022-kr",
    ),
    *("base64", "rot13", "idna", "unicode_escape", "a\0b", "../x", "\udc81"),
]
labels = st.sampled_from(LABELS) | st.text()
pieces = st.lists(
    st.sampled_from(
        [b"a", b"\x1b$B", b"\x1b(B", b"\x1b(I", b"\x1b$(D", b"\x1b$(Q", b"\x1b$A", b"F|K\\", b"\x0e", b"\x0f", b"\n"]
    )
    | st.sampled_from([b"=?", b"?=", b"=?utf-8?q?", b"=?x?B?", b"$B", b"(B", b"\xa4\xa2", b"\x82\xa0", b"\xe3\x81\x82"])
    | st.sampled_from([b"; name=", b"*0*=utf-8''%E3", b'"', b"\\", b"=", b"\xfc", b"\x8f", b"\r\n "])
    | st.binary(max_size=3),
    max_size=30,
).map(b"".join)


# -- the cells -----------------------------------------------------------------------------------------------------


def shifted(row: int, cell: int) -> bytes:
    """A JIS pair in CP932, by the formula of the other direction than the one under test."""
    index = (row - 0x21) * 94 + cell - 0x21
    lead, trail = divmod(index, 188)
    return bytes((lead + (0x81 if lead < 0x1F else 0xC1), trail + (0x40 if trail < 0x3F else 0x41)))


def known_cells() -> dict[bytes, str]:
    cells = {}
    for row in range(0x21, 0x7F):
        for cell in range(0x21, 0x7F):
            try:
                cells[bytes((row, cell))] = shifted(row, cell).decode("cp932")
            except UnicodeDecodeError:
                continue
    return cells


CELLS = known_cells()
cells = st.lists(st.sampled_from(sorted(CELLS)), min_size=1, max_size=30)


def jis(text_cells: list[bytes]) -> bytes:
    return b"\x1b$B" + b"".join(text_cells) + b"\x1b(B"


def euc(text_cells: list[bytes]) -> bytes:
    return bytes(byte | 0x80 for byte in b"".join(text_cells))


def test_every_cell_of_cp932_is_read_in_iso_2022_jp_and_euc_jp() -> None:
    assert len(CELLS) == 7336  # 457 more than the standard library knows
    for row in range(0x21, 0x7F):
        line = [pair for pair in CELLS if pair[0] == row]
        text = "".join(CELLS[pair] for pair in line)
        assert decode(jis(line), "iso-2022-jp") == text
        assert decode(euc(line), "euc-jp") == text


@given(cells, cells)
def test_a_text_is_the_same_in_all_four_charsets(first: list[bytes], second: list[bytes]) -> None:
    text = "".join(CELLS[pair] for pair in first) + "\r\nABC" + "".join(CELLS[pair] for pair in second)
    assert decode(jis(first) + b"\r\nABC" + jis(second), "iso-2022-jp") == text
    assert decode(euc(first) + b"\r\nABC" + euc(second), "euc-jp") == text
    assert decode(text.encode("utf-8"), "utf-8") == text
    assert decode(text.encode("utf-8")) == text


@given(cells)
def test_jis_is_known_by_its_escapes_under_any_label(text_cells: list[bytes]) -> None:
    text = "".join(CELLS[pair] for pair in text_cells)
    for label in (None, "us-ascii", "utf-8", "shift_jis", "iso-8859-1", "x-unknown"):
        assert decode(jis(text_cells), label) == text


# -- damage and wrong labels ---------------------------------------------------------------------------------------


@given(st.binary() | pieces, labels)
def test_any_bytes_under_any_label_give_a_text(data: bytes, label: str | None) -> None:
    decode(data, label).encode("utf-8")


OTHERWISE = {"utf-7", "utf-16", "hz", "iso-2022-kr"}
"""Labels under which a byte below 0x80 need not be ASCII."""


@given(
    st.text(st.characters(max_codepoint=126, exclude_characters="\x0e\x0f\x1b$")),
    st.sampled_from([label for label in LABELS if label not in OTHERWISE]),
)
def test_ascii_is_ascii_whatever_the_label(text: str, label: str | None) -> None:
    assert decode(text.encode("ascii"), label) == text


@pytest.mark.parametrize(
    ("data", "label", "text"),
    [
        (b"\x1b$B-jF|K\\\x1b(B", "iso-2022-jp", "㈱日本"),
        (b"\x1b$B-!|by!\x1b(B", "iso-2022-jp", "①髙纊"),
        (b"\x1b(I123\x1b(B", "iso-2022-jp", "ｱｲｳ"),
        (b"\x0e12\x0fabc", "iso-2022-jp", "ｱｲabc"),
        (b"\x1b$BF|\x1b(B \xb1\xb2\xb3", "iso-2022-jp", "日 ｱｲｳ"),
        (b"\x1b$(D0!\x1b(B", "iso-2022-jp-1", "丂"),
        (b"\x1b(J\\100~\x1b$BF|\x1b(J", "iso-2022-jp", "\\100~日"),
        (b'\x1b$B!A!B!]!q!r"L\x1b(B', "iso-2022-jp", "～∥－￠￡￢"),
        (b"\x1b$BF|K", "iso-2022-jp", "日\\x4b"),
        (b"\x1b$BF|~~K\\\x1b(B", "iso-2022-jp", "日\\x7e\\x7e本"),
        (b"\x1b$BF|K\\\r\nabc", "iso-2022-jp", "日本\r\nabc"),
        (b"Re: $BF|K\\8l(B ok", "iso-2022-jp", "Re: 日本語 ok"),
        (b"US$BIG DEAL(BUY)", "iso-2022-jp", "US$BIG DEAL(BUY)"),
        (b"Re: $BF|K\\8l(B ok", "utf-8", "Re: $BF|K\\8l(B ok"),
        ("①㈱髙".encode("cp932"), "shift_jis", "①㈱髙"),
        ("①㈱髙".encode("cp932"), "windows-31j", "①㈱髙"),
        ("ﾃｽﾄﾒｰﾙ".encode("cp932"), "x-sjis", "ﾃｽﾄﾒｰﾙ"),
        ("日本\\".encode("cp932"), "x-sjis", "日本\\"),
        (b"\xad\xa1\xad\xea\xfc\xe2\x8e\xb1\x8f\xb0\xa1", "eucjp-ms", "①㈱髙ｱ丂"),
        (b"\xc6\xfc\xfd\xfe\xcb\xdc", "euc-jp", "日\\xfd\\xfe本"),
        ("日本語".encode(), "iso-2022-jp", "日本語"),
        (b"\xfd\xb0\xc6\xfc", "euc-jp", "\\xfd\\xb0日"),
        ("日本語".encode(), "shift_jis", "日本語"),
        ("あい".encode(), "shift_jis", "あい"),
        ("ﾃｽﾄ".encode("cp932"), None, "ﾃｽﾄ"),
        ("日本語".encode(), "iso-8859-1", "日本語"),
        ("\ufeff日本語".encode(), "utf-8", "日本語"),
        ("日本語".encode()[:-1], "utf-8", "日本\\xe8\\xaa"),
        ("日本語のテスト".encode("cp932"), "utf-8", "日本語のテスト"),
        ("日本語のテスト".encode("cp932"), "iso-8859-1", "日本語のテスト"),
        ("日本語のテスト".encode("euc_jp"), "shift_jis", "日本語のテスト"),
        ("日本語のテスト".encode("cp932"), "euc-jp", "日本語のテスト"),
        ("日本語のテスト".encode("euc_jp"), "x-unknown", "日本語のテスト"),
        ("表示".encode("cp932") + b"\xfc", "shift_jis", "表示\\xfc"),
        ("für Größe".encode("latin-1"), "iso-8859-1", "für Größe"),
        ("für Größe".encode("latin-1"), None, "für Größe"),
        (b"I don\x92t", "us-ascii", "I don’t"),
        ("Привет".encode("koi8_r"), "koi8-r", "Привет"),
        ("你好，世界".encode("gb18030"), "gb2312", "你好，世界"),
        ("한국어".encode("cp949"), "ks_c_5601-1987", "한국어"),
        (b"plain", "utf-16", "plain"),
        (b"+ZeVnLIqe-", "utf-7", "日本語"),
    ],
)
def test_the_bytes_are_believed_before_the_label(data: bytes, label: str | None, text: str) -> None:
    assert decode(data, label) == text


SHORT = """\
会議のお知らせ お見積書の件 請求書送付のご案内 納品について テスト 了解しました ご確認ください 平成13年度予算
株式会社山田商事 ㈱山田 ①日程 髙橋様 山﨑です 出張報告 休暇届 第3四半期売上報告書 資料 本日の議事録 メール
ありがとうございます。 【重要】システム停止 カタカナ ひらがな 東京都千代田区 打合せ議事録.doc 表示ソフト 能力開発
國學院 在庫一覧 田中 山 案 受信箱 送信済み ゴミ箱 総務部 Web版
"""


@pytest.mark.parametrize("text", SHORT.split())
def test_a_short_text_without_a_label_is_read_in_each_charset(text: str) -> None:
    inverse = {char: pair for pair, char in CELLS.items()}
    in_jis = b"".join(jis([inverse[char]]) if char in inverse else char.encode("ascii") for char in text)
    in_euc = b"".join(euc([inverse[char]]) if char in inverse else char.encode("ascii") for char in text)
    assert decode(text.encode("cp932")) == text
    assert decode(in_euc) == text
    assert decode(in_jis) == text
    assert decode(text.encode("utf-8")) == text


# -- headers -------------------------------------------------------------------------------------------------------


def word(data: bytes, charset: str = "utf-8", coding: str = "B") -> bytes:
    text = base64.b64encode(data) if coding == "B" else b"".join(b"=%02X" % byte for byte in data)
    return f"=?{charset}?{coding}?".encode() + text + b"?="


@given(pieces)
def test_any_header_gives_one_line_of_text(value: bytes) -> None:
    text = decode_header(value)
    text.encode("utf-8")
    assert not set(text) & set("\r\n\t")


@given(cells, st.sampled_from(["iso-2022-jp", "euc-jp", "utf-8"]), st.data())
def test_words_may_be_cut_anywhere_even_inside_a_character(
    text_cells: list[bytes], charset: str, data: st.DataObject
) -> None:
    text = "".join(CELLS[pair] for pair in text_cells)
    whole = {"iso-2022-jp": jis(text_cells), "euc-jp": euc(text_cells), "utf-8": text.encode()}[charset]
    cuts = sorted(data.draw(st.sets(st.integers(1, max(len(whole) - 1, 1)), max_size=4)))
    words = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    coding = data.draw(st.sampled_from("BQ"))
    header = b"Re: " + b"\r\n ".join(word(each, charset, coding) for each in words)
    assert decode_header(header) == ("Re: " + text).strip(" ")


@given(st.text(st.sampled_from("日本語のﾃｽﾄ①㈱ABC é"), min_size=1).map(str.strip).filter(bool))
def test_what_the_standard_library_encodes_is_read(text: str) -> None:
    folded = Header(text, "utf-8", header_name="Subject").encode(linesep="\r\n").encode("ascii")
    assert decode_header(folded) == text


NIHONGO = "日本語".encode()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"plain text", "plain text"),
        (b"folded\r\n\ttext ", "folded text"),
        (word(b"\x1b$B-jF|K\\\x1b(B", "ISO-2022-JP"), "㈱日本"),
        (word(b"\x1b(I123\x1b(B", "ISO-2022-JP"), "ｱｲｳ"),
        (word(b"\x1b$BF|K\\", "ISO-2022-JP") + b" " + word(b"8l\x1b(B", "iso-2022-jp"), "日本語"),
        (word(b"\x1b$BF|K\\\x1b(B", "ISO-2022-JP") + b"\n " + word(b"\x1b$B8l\x1b(B", "ISO-2022-JP"), "日本語"),
        (word(NIHONGO[:4]) + b"\r\n " + word(NIHONGO[4:]), "日本語"),
        (word(NIHONGO[:4], coding="Q") + b"\r\n\t" + word(NIHONGO[4:], coding="B"), "日本語"),
        (word(NIHONGO) + b" " + word("①㈱".encode("cp932"), "Shift_JIS"), "日本語①㈱"),
        (word("①㈱".encode("cp932"), "Shift_JIS"), "①㈱"),
        (word("①㈱".encode("cp932"), "windows-31j"), "①㈱"),
        (word("①㈱".encode("cp932"), "cp932"), "①㈱"),
        (word("日本語".encode("cp932"), "x-sjis"), "日本語"),
        (word("日本語".encode("euc_jp"), "x-euc-jp"), "日本語"),
        (word(b"\x1b$B-j\x1b(B", "iso-2022-jp-ms"), "㈱"),
        (word(NIHONGO, "x-unknown"), "日本語"),
        (word("日本語です".encode("cp932"), "unknown-8bit"), "日本語です"),
        (word(NIHONGO, "ISO-2022-JP"), "日本語"),
        (word("日本語".encode("cp932"), "utf-8"), "日本語"),
        (b"Re:" + word(NIHONGO), "Re:日本語"),
        (word(NIHONGO) + word(NIHONGO), "日本語日本語"),
        (b"[ML:1]" + word(NIHONGO) + b"(2)", "[ML:1]日本語(2)"),
        (word(NIHONGO) + b" abc " + word(NIHONGO), "日本語 abc 日本語"),
        (b'"' + word(NIHONGO) + b'" <a@b.jp>', '"日本語" <a@b.jp>'),
        (b"\x1b$BF|K\\8l\x1b(B <a@b.jp>", "日本語 <a@b.jp>"),
        (b"Re: \x1b$B-jF|K\\8l\x1b(B", "Re: ㈱日本語"),
        ("お知らせ".encode("cp932"), "お知らせ"),
        ("お知らせ".encode("euc_jp"), "お知らせ"),
        ("お知らせ".encode(), "お知らせ"),
        (b"=?utf-8*ja?B?5pel?=", "日"),
        (b"=?utf-8?B?5pel5pys?==?utf-8?B?6Kqe?=", "日本語"),
        (b"=?utf-8?B?5pel5pys6Kqe=?=", "日本語"),
        (b"=?utf-8?B?5pel 5pys\r\n 6Kqe?=", "日本語"),
        (b"=?utf-8?B?5pel5pys6Kq?=", "日本\\xe8\\xaa"),
        (b"=?utf-8?Q?a b?c_d=3D?=", "a b?c d="),
        (b"=?iso-8859-1?q?f=FCr?=", "für"),
        (b"=?utf-8?q?a=0D=0ABcc:_x?= <a@b>", "a Bcc: x <a@b>"),
        (b"=?utf-8?q?never ends", "=?utf-8?q?never ends"),
        (b"=?utf-8?q?never =?utf-8?q?ends?=", "=?utf-8?q?never ends"),
        (b"=?utf-8?x?abc?=", "=?utf-8?x?abc?="),
        (b"a\x81", "a\\x81"),
    ],
)
def test_a_header_is_read_as_people_write_it(value: bytes, text: str) -> None:
    assert decode_header(value) == text


@given(
    st.binary(),
    st.lists(st.tuples(st.integers(0, 60), st.sampled_from([b"\n", b" ", b"!", b"-", b"\xff"])), max_size=5),
)
def test_base64_survives_junk(data: bytes, junk: list[tuple[int, bytes]]) -> None:
    text = base64.b64encode(data)
    for at, byte in junk:
        text = text[:at] + byte + text[at:]
    assert unbase64(text) == data


@given(st.lists(st.binary()))
def test_base64_may_be_padded_in_the_middle(parts: list[bytes]) -> None:
    assert unbase64(b"".join(binascii.b2a_base64(part) for part in parts)) == b"".join(parts)


# -- parameters ----------------------------------------------------------------------------------------------------


@given(pieces, st.sampled_from(["name", "filename", "", "*"]))
def test_any_parameter_gives_a_text_or_none(value: bytes, name: str) -> None:
    text = decode_parameter(value, name)
    assert text is None or text.encode("utf-8") is not None


@given(st.text(st.sampled_from("日本語①ABC;=%'\"* \\é"), min_size=1), st.data())
def test_rfc_2231_is_read_cut_anywhere_and_in_any_order(text: str, data: st.DataObject) -> None:
    encoded = text.encode("utf-8")
    cuts = sorted(data.draw(st.sets(st.integers(1, max(len(encoded) - 1, 1)), max_size=3)))
    parts = [quote(encoded[start:end], safe="") for start, end in zip([0, *cuts], [*cuts, None], strict=True)]
    written = [
        f"filename*{number}*={'' if number else chr(39).join(['utf-8', 'ja', ''])}{part}"
        for number, part in enumerate(parts)
    ]
    assert (
        decode_parameter(("attachment; " + "; ".join(data.draw(st.permutations(written)))).encode(), "filename") == text
    )
    assert decode_parameter(f"attachment; filename*=UTF-8''{quote(encoded, safe='')}".encode(), "filename") == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"attachment; filename=plain.txt", "plain.txt"),
        (b"attachment; filename=my file.txt; size=1", "my file.txt"),
        (b'attachment;; FileName = "a \\"b\\" \\\\c.txt"', 'a "b" \\c.txt'),
        (b'attachment; filename="never ends', "never ends"),
        (b'attachment; filename="' + word(NIHONGO) + b'"', "日本語"),
        (b"attachment; filename=" + word(NIHONGO), "日本語"),
        (b'attachment; filename="' + word(b"\x1b$B-j\x1b(B", "iso-2022-jp") + b'"', "㈱"),
        (b"attachment; filename*=x-sjis''%93%FA%96%7B", "日本"),
        (b"attachment; filename*=%E6%97%A5", "日"),
        (b"attachment; filename*=iso-2022-jp'ja'%1B$B%2Dj%1B(B", "㈱"),
        (b'attachment; filename*0="plain "; filename*1=name', "plain name"),
        (b"attachment; filename=old; filename*=utf-8''new", "new"),
        (b'attachment; filename="' + "表示ソフト.txt".encode("cp932") + b'"; size=1', "表示ソフト.txt"),
        (b'attachment; filename="' + "一覧表".encode("cp932") + b'"; size=1', "一覧表"),
        (b'attachment; filename="\x1b$B%"%$\x1b(B.txt"; size=1', "アイ.txt"),
        (b'attachment; filename="' + "一覧.txt".encode() + b'"', "一覧.txt"),
        (b'attachment; filename="' + "議事録.txt".encode("euc_jp") + b'"', "議事録.txt"),
        (b"attachment; name=other", None),
        (b"attachment", None),
    ],
)
def test_an_attachments_name_is_read_as_people_write_it(value: bytes, text: str | None) -> None:
    assert decode_parameter(value, "filename") == text


def test_parameters_keep_their_bytes() -> None:
    assert parameters(b'multipart/mixed; Boundary="a;b\\"c" ; charset=utf-8') == {
        "boundary": b'a;b"c',
        "charset": b"utf-8",
    }
