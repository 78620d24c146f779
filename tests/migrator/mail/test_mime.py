"""What some servers set a limit to is counted as a person would count it."""

from email.message import EmailMessage

from hypothesis import given
from hypothesis import strategies as st

from migrator.mail import shape


def nested(depth: int, files: int = 0) -> EmailMessage:
    """A mail in which others lie one within another, and which has files of its own."""
    mail = EmailMessage()
    mail["Subject"] = f"within {depth}"
    mail.set_content("text\n")
    for number in range(files):
        mail.add_attachment(b"x" * 10, maintype="application", subtype="pdf", filename=f"見積{number}.pdf")
    if depth:
        mail.add_attachment(nested(depth - 1))
    return mail


@given(depth=st.integers(0, 12), files=st.integers(0, 8))
def test_mails_within_mails_and_files_are_counted(depth: int, files: int) -> None:
    found = shape(nested(depth, files).as_bytes())
    assert (found.nesting, found.files) == (depth, files)


def test_the_longest_line_is_told_without_its_end() -> None:
    assert shape(b"Subject: x\r\n\r\n" + b"a" * 997 + b"\r\nb\n").line == 997
    assert shape(b"").line == 0


@given(st.binary(max_size=400))
def test_any_bytes_have_a_shape(data: bytes) -> None:
    found = shape(data)
    assert found.files >= 0
    assert 0 <= found.line <= len(data)
