"""Modified UTF-7 is read and written as imapclient does, and nothing else is taken for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from imapclient import imap_utf7

from adapters import utf7

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=60)
NAME = st.binary(max_size=40) | st.text("&-,+AQz", max_size=12).map(str.encode)


@given(TEXT)
def test_a_name_survives(text: str) -> None:
    assert utf7.decode(utf7.encode(text)) == text == utf7.text_of(utf7.encode(text))
    assert utf7.encode(text) == imap_utf7.encode(text)


@given(NAME)
def test_any_bytes_are_a_name_or_a_value_error(name: bytes) -> None:
    try:
        text = utf7.decode(name)
    except ValueError:
        return
    assert utf7.decode(utf7.encode(text)) == text


@given(NAME)
def test_what_is_written_otherwise_than_we_would_is_told_apart(name: bytes) -> None:
    text = utf7.text_of(name)
    assert text is None or utf7.encode(text) == name


@pytest.mark.parametrize("name", [b"&", b"&AGE", b"&!!!!-", b"\xe5", b"&2AA-", b"&AA-"])
def test_what_is_not_modified_utf7_is_a_value_error(name: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        utf7.decode(name)
    assert utf7.text_of(name) is None
