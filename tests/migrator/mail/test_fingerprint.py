"""The meaning stays when the bytes are made anew, and changes when a word does."""

import base64
import quopri
from pathlib import Path
from random import Random
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.mail import fingerprint, split
from migrator.mail.mime import DEPTH, PARTS, Leaf, leaves
from tests.migrator.mail.damage import mails

HEAD = (
    "Message-ID: <1@x>\nDate: Tue, 02 Jan 2001 12:34:56 +0900\nFrom: 山田 <a@b.jp>\nTo: c@d.jp\n"
    "Subject: 〜日本語の件名\n"
)
BODY = "拝啓\n\n日本語の本文です。ﾃｽﾄ①\nFrom here\n"


def mail(head: str = HEAD, body: str = BODY, charset: str = "utf-8", coding: str = "8bit") -> bytes:
    encoded = body.encode({"iso-2022-jp": "iso2022_jp_ext", "shift_jis": "cp932"}.get(charset, charset))
    if coding == "base64":
        encoded = base64.encodebytes(encoded)
    elif coding == "quoted-printable":
        encoded = quopri.encodestring(encoded)
    mime = f"Content-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: {coding}\n"
    return (head + mime + "\n").encode() + encoded


@given(mails)
def test_any_bytes_have_a_fingerprint(data: bytes) -> None:
    assert len(fingerprint(data)) == 64
    assert fingerprint(data) == fingerprint(data)


@pytest.mark.parametrize("coding", ["8bit", "base64", "quoted-printable"])
@pytest.mark.parametrize("charset", ["utf-8", "shift_jis", "iso-2022-jp"])
def test_charset_and_transfer_encoding_are_not_meaning(charset: str, coding: str) -> None:
    body = BODY.replace("①", "") if charset == "iso-2022-jp" else BODY
    assert fingerprint(mail(body=body, charset=charset, coding=coding)) == fingerprint(mail(body=body))


@pytest.mark.parametrize(
    "head",
    [
        "Received: from a by b; Tue, 02 Jan 2001 12:34:56 +0900\n" + HEAD,
        "X-Spam: no\n" + HEAD + "Status: RO\n",
        HEAD.replace(": ", ":\n  "),
        HEAD.replace("Tue, 02 Jan 2001 12:34:56 +0900", "2 Jan 2001 03:34:56 GMT"),
        HEAD.replace("〜日本語の件名", "=?utf-8?B?" + base64.b64encode("〜日本語の件名".encode()).decode() + "?="),
        HEAD.replace("〜日本語の件名", "\x1b$B!AF|K\\8l$N7oL>\x1b(B"),
        HEAD.replace("山田", '"山田"'),
    ],
)
def test_trace_fields_folding_and_encoding_are_not_meaning(head: str) -> None:
    assert fingerprint(mail(head)) == fingerprint(mail())


def test_line_ends_and_blanks_at_the_end_are_not_meaning() -> None:
    assert fingerprint(mail().replace(b"\n", b"\r\n")) == fingerprint(mail())
    assert fingerprint(mail(body=BODY.replace("\n", "  \n") + "\n\n")) == fingerprint(mail())
    plain = mail(body="a\nb\n")
    assert fingerprint(plain.replace(b"\n", b"\r")) == fingerprint(plain)


@pytest.mark.parametrize(
    ("was", "now"), [("<1@x>", "<2@x>"), ("12:34:56", "12:34:57"), ("a@b.jp", "a@c.jp"), ("件名", "表題")]
)
def test_another_header_is_another_mail(was: str, now: str) -> None:
    assert fingerprint(mail(HEAD.replace(was, now))) != fingerprint(mail())


@given(st.text(st.sampled_from("ab \n日本")), st.text(st.sampled_from("ab \n日本")))
def test_another_body_is_another_mail(one: str, other: str) -> None:
    def meant(text: str) -> str:
        return "\n".join(line.rstrip() for line in text.split("\n")).strip("\n")

    same = meant(one) == meant(other)
    assert (fingerprint(mail(body=one)) == fingerprint(mail(body=other))) == same


# -- parts ---------------------------------------------------------------------------------------------------------


def with_parts(*parts: bytes, kind: bytes = b"mixed") -> bytes:
    inner = b"".join(b"--frontier\n" + part + b"\n" for part in parts)
    return (
        b"Subject: x\nContent-Type: multipart/"
        + kind
        + b'; boundary="frontier"\n\npreamble\n'
        + inner
        + b"--frontier--\nepilogue"
    )


def attached(data: bytes, coding: bytes = b"base64") -> bytes:
    text = base64.encodebytes(data) if coding == b"base64" else data
    return b"Content-Type: application/octet-stream\nContent-Transfer-Encoding: " + coding + b"\n\n" + text


TEXT = b"Content-Type: text/plain\n\nhello"


def found(data: bytes) -> list[tuple[str, bytes]]:
    return [(leaf.kind, leaf.data.strip()) for leaf in leaves(data) if isinstance(leaf, Leaf)]


def test_every_leaf_is_found_in_order() -> None:
    inner = with_parts(TEXT, attached(b"\0\1"), kind=b"related").replace(b"frontier", b"inner")
    data = with_parts(
        b"\nno header", inner, b"Content-Type: message/rfc822\n\n" + with_parts(TEXT).replace(b"frontier", b"third")
    )
    expected = [("text/plain", b"no header"), ("text/plain", b"hello"), ("application/octet-stream", b"\0\1")]
    assert found(data) == [*expected, ("text/plain", b"hello")]


def test_an_attachment_is_its_decoded_bytes() -> None:
    changed = fingerprint(with_parts(TEXT, attached(b"\0\1\3")))
    same = fingerprint(with_parts(TEXT, attached(b"\0\1\2")))
    assert changed != same
    wrapped = with_parts(TEXT, attached(b"\0\1\2").replace(b"AAEC", b"AA\n EC"))
    assert fingerprint(wrapped) == same
    assert fingerprint(with_parts(TEXT)) not in {same, changed}


def test_line_ends_of_an_attachment_are_meaning_only_where_transport_leaves_them_alone() -> None:
    lines, other = b"one\ntwo\n", b"one\r\ntwo\r\n\r\n"
    assert fingerprint(with_parts(TEXT, attached(lines, b"7bit"))) == fingerprint(
        with_parts(TEXT, attached(other, b"7bit"))
    )
    assert fingerprint(with_parts(TEXT, attached(lines))) != fingerprint(with_parts(TEXT, attached(other)))


def test_an_empty_text_means_nothing() -> None:
    assert fingerprint(with_parts(TEXT, b"Content-Type: text/html\n\n \n")) == fingerprint(with_parts(TEXT))


def test_a_mail_inside_a_mail_is_known_by_its_header_too() -> None:
    forwarded = b"Content-Type: message/rfc822\n\nSubject: %s\n\nbody"
    assert fingerprint(with_parts(forwarded % b"a")) != fingerprint(with_parts(forwarded % b"b"))


def test_a_cut_multipart_keeps_the_parts_it_has() -> None:
    whole = with_parts(TEXT, attached(b"\0\1\2"))
    assert found(whole[: whole.index(b"--frontier--")]) == found(whole)


def test_a_multipart_whose_boundary_never_appears_is_text() -> None:
    one, other = (b"Content-Type: multipart/mixed; boundary=b\n\n" + body for body in (b"one", b"other"))
    assert found(one) == [("multipart/mixed", b"one")]
    assert fingerprint(one) != fingerprint(other)


def test_a_boundary_that_begins_like_another_is_another() -> None:
    data = b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--bc\ntwo --b\n--b  \n\nthree\n--b--"
    assert found(data) == [("text/plain", b"one\n--bc\ntwo --b"), ("text/plain", b"three")]


def test_nesting_and_number_of_parts_have_an_end() -> None:
    nested = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (depth, depth) for depth in range(5000)
    )
    assert len(found(nested)) == 1
    assert len(list(leaves(b"Content-Type: message/rfc822\n\n" * 5000))) == DEPTH + 2
    wide = b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * (PARTS + 100)
    assert len(found(wide)) == PARTS
    assert len(fingerprint(nested)) == len(fingerprint(wide)) == 64


def test_real_mail_means_the_same_with_other_line_ends_and_one_more_hop(corpora: Path) -> None:
    for path in sorted(corpora.rglob("*"))[::3]:
        if path.suffix not in {".eml", ".msg", ".txt"}:
            continue
        data = path.read_bytes()
        head, body = split(data)
        meaning = fingerprint(data)
        if b"\r" not in data:
            assert fingerprint(data.replace(b"\n", b"\r\n")) == meaning
            if not head.startswith(b"From "):
                assert (
                    fingerprint(b"Received: from a by b\n\twith c; Tue, 02 Jan 2001 12:34:56 +0900\n" + data) == meaning
                )
        if body and b"multipart" not in head.lower() and b"base64" not in head.lower():
            assert fingerprint(head + b"another word\n" + body) != meaning


@pytest.mark.parametrize("escapes", [[b"\x1b$B"], [b"\x1b$A"], [b"\x1b$(D"], [b"\x1b$(Q"], [b"\x0e", b"\x0f", b"\n"]])
def test_hostile_text_costs_less_than_two_seconds_a_megabyte(escapes: list[bytes]) -> None:
    random = Random(1)
    text = b"".join(random.choice(escapes) + random.randbytes(random.randrange(9)) for _ in range(200_000))
    began = process_time()
    fingerprint(b"Content-Type: text/plain; charset=iso-2022-jp\n\n" + text)
    assert process_time() - began < 2 * len(text) / 1e6
