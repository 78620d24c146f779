"""A mail that a system made anew is known by what people read; what they would read otherwise is named."""

import email.policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.mail.facets import Facets
from migrator.mail.meaning import Meaning
from migrator.model import Raw
from migrator.testing import mail

TEXT = "見積 1 & 2 < 3\nお世話になっております。\n"


def made(
    subject: str = "件名", text: str = TEXT, html: str | None = None, attached: bytes = b"\0\1", **to: str
) -> bytes:
    message = EmailMessage(policy=email.policy.SMTP)
    message["Message-ID"] = "<a@example.co.jp>"
    message["Date"] = "Mon, 02 Nov 2009 09:15:00 +0900"
    message["From"] = "佐藤 <sato@example.co.jp>"
    message["To"] = to
    message["Subject"] = subject
    message.set_content(text, cte="base64")
    if html is not None:
        message.add_alternative(html, subtype="html")
    if attached:
        message.add_attachment(attached, maintype="application", subtype="pdf", filename="a.pdf")
    return message.as_bytes()


TWIN = (
    "<html><head><style>p {color: red}</style><title>x</title></head><body><p>見積&nbsp;1 &amp; 2 &lt; 3<br>"
    "お世話に<!-- x -->なっております。</body></html>"
)


def changes(one: bytes, other: bytes) -> list[str]:
    return list(Facets.of(one).unlike(Facets.of(other)))


def test_an_added_twin_in_html_changes_nothing() -> None:
    assert changes(made(), made(html=TWIN)) == []
    assert Meaning.of(Raw.of(made(html=TWIN))).changes(Raw.of(made())) == ()


@pytest.mark.parametrize(
    ("other", "name"),
    [
        (made(subject="別の件名"), "subject"),
        (made(to="sales@example.co.jp"), "to"),
        (made(text=TEXT + "追伸\n"), "text"),
        (made(html=TWIN.replace("2", "3")), "text"),
        (made(attached=b"\0\2"), "attachments"),
        (made(attached=b""), "attachments"),
    ],
)
def test_each_difference_that_people_would_see_is_named(other: bytes, name: str) -> None:
    assert changes(made(), other) == [name]
    assert Meaning.of(Raw.of(other)).changes(Raw.of(made())) == (name,)


def test_a_lost_message_id_and_another_date_are_named() -> None:
    other = made().replace(b"<a@", b"<b@").replace(b"09:15:00", b"09:16:00")
    assert changes(made(), other) == ["message-id", "date"]


def test_a_date_and_an_id_that_were_not_there_may_be_added_but_not_taken() -> None:
    bare = b"".join(line for line in made().splitlines(True) if not line.startswith((b"Date:", b"Message-ID:")))
    assert changes(bare, made()) == []
    assert changes(made(), bare) == ["message-id", "date"]


@given(st.binary(max_size=300))
def test_any_bytes_will_do(data: bytes) -> None:
    assert changes(data, data) == []
    assert changes(mail("x", data), mail("x", data)) == []


@pytest.mark.parametrize("name", ["Date", "Message-ID"])
def test_what_every_mail_should_have_may_be_added_and_never_taken_away(name: str) -> None:
    whole = made()
    lacking = b"\r\n".join(line for line in whole.split(b"\r\n") if not line.startswith(name.encode() + b": "))
    assert list(Facets.of(lacking).unlike(Facets.of(whole))) == []
    assert list(Facets.of(whole).unlike(Facets.of(lacking))) == [name.lower()]


def attached(data: bytes, coding: str) -> bytes:
    message = EmailMessage(policy=email.policy.SMTP)
    message["Subject"] = "with a file"
    message.set_content("text\n")
    message.add_attachment(data, maintype="application", subtype="x-log", filename="a.log", cte=coding)
    return message.as_bytes()


def test_an_attachment_may_come_back_in_another_encoding_but_not_with_other_bytes() -> None:
    plain, encoded = (Facets.of(attached(b"one\r\ntwo\r\n", coding)) for coding in ("7bit", "base64"))
    assert list(plain.unlike(encoded)) == []
    assert list(Facets.of(attached(b"one\r\ntoo\r\n", "7bit")).unlike(encoded)) == ["attachments"]
    other_ends = Facets.of(attached(b"one\ntwo\n", "base64"))
    assert list(encoded.unlike(other_ends)) == ["attachments"]
