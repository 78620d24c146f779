"""Requests as streams, and answers as servers really write them."""

import base64
import io
from datetime import UTC, datetime

import pytest
import requests
from exchangelib.autodiscover.protocol import AutodiscoverProtocol
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from adapters.exchange.connect import _trust
from adapters.exchange.wire import _Body, _document
from adapters.microsoft.letters import Encoded, carried, is_category
from adapters.microsoft.words import instant, stamp
from migrator.model import ANSWERED, FORWARDED, SEEN
from tests.servers.exchange import server


@given(st.lists(st.binary(max_size=50), max_size=8), st.integers(1, 70))
def test_a_request_is_as_long_as_it_says_and_can_be_read_again(chunks: list[bytes], size: int) -> None:
    whole = b"".join(chunks)
    expected = b"<a>" + base64.b64encode(whole) + b"</a>"
    body = _Body([b"<a>", Encoded(len(whole), lambda: chunks), b"</a>"])
    for back in (0, -len(body)):
        read = b"".join(iter(lambda: body.read(size), b""))
        assert read == expected
        assert len(body) == len(expected)
        assert body.tell() == 0, "it can be sent again"
        body.seek(back, io.SEEK_CUR if back else io.SEEK_SET)
    body.read(1)
    body.seek(-len(body), io.SEEK_CUR)  # as requests_ntlm does, after an answer that came early
    assert body.read(3) == b"<a>"[:3]


def test_a_character_that_xml_does_not_know_costs_itself_and_no_answer() -> None:
    assert _document(b"<a>x&#x1F;y&#31;z&#0;&#x41;</a>").text == "x�y�z�A"
    assert _document(b"<a>&#xA;&#13;</a>").text == "\n\r"
    with pytest.raises(etree.XMLSyntaxError):
        _document(b"<a>&#x1F;")


@pytest.mark.parametrize(
    "text",
    ["2014-03-04T09:10:12Z", "2014-03-04T09:10:12.268007200Z", "2014-03-04T18:10:12.5+09:00", "2014-03-04T09:10:12"],
)
def test_an_instant_is_read_however_fine_the_server_writes_it(text: str) -> None:
    assert instant(text) == datetime(2014, 3, 4, 9, 10, 12, tzinfo=UTC)


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_is_sent_as_it_is_or_not_at_all(at: datetime) -> None:
    assert instant(stamp(at)) in (None, at.replace(microsecond=0))
    assert (stamp(at) is not None) == (datetime(1601, 1, 2, tzinfo=UTC) <= at <= datetime(4500, 8, 31, tzinfo=UTC))


def test_of_answered_and_forwarded_the_last_is_kept_and_what_no_category_can_be_is_not() -> None:
    assert carried({SEEN, ANSWERED, FORWARDED, "$MDNSent", "\\Recent", "a;b", "x" * 300, "重要"}) == {
        SEEN,
        ANSWERED,
        "重要",
    }
    assert carried({FORWARDED}) == {FORWARDED}
    assert not is_category("a\x01b")


def test_autodiscover_trusts_what_the_discovery_trusts_and_only_while_it_lasts() -> None:
    with server(tls=True) as exchange:

        def ask() -> int:
            with AutodiscoverProtocol.raw_session(exchange.url) as session:
                return int(session.get(exchange.url, timeout=10).status_code)

        with _trust(str(exchange.certificate)):
            assert ask() == 401
        with pytest.raises(requests.exceptions.SSLError) as error:
            ask()
    assert "CERTIFICATE_VERIFY_FAILED" in str(error.value)
