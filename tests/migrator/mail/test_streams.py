"""The unit of decision: an address in any case, less what a program puts into it anew each time; or a whole List-Id."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.mail.streams import stream_of, streams_meant

LOCALS = st.text(st.sampled_from("abn0123456789f-+_.=#*ßİ山"), max_size=30)


@given(st.one_of(LOCALS, st.text(max_size=30)), st.sampled_from(["shop.example", "Shop.EXAMPLE", ""]))
def test_to_ask_again_changes_nothing(local: str, domain: str) -> None:
    once = stream_of(f"{local}@{domain}", None)
    assert stream_of(once, None) == once
    assert once in streams_meant(once)


@pytest.mark.parametrize(
    ("sender", "stream"),
    [
        ("Shop@Example.COM", "shop@example.com"),
        ("bounce-12345@example.com", "bounce-*@example.com"),
        ("news+8f3a@example.com", "news+*@example.com"),
        ("bounce-7-taro=example.co.jp@list.example", "bounce-7-*@list.example"),
        ("reply-fe8b1c7d7461037f7d-12345@example.com", "reply-*-*@example.com"),
        ("news.8f3a9c0d-1e2f-4a5b-8c7d-123456789abc@example.com", "news.*@example.com"),
        ("mail-8f3a9c0d-1e2f-4a5b-8c7d-123456789abc@example.com", "mail-*@example.com"),
        ("2.20367.04-dn9zgucxf_6u.1@ummail4.example", "*@ummail4.example"),
        ("2.20522.db-q-h_lyik6loe.1@ummail4.example", "*@ummail4.example"),
        ("no-reply+orders@example.com", "no-reply+orders@example.com"),
        ("news#x1@example.com", "news#*@example.com"),
    ],
)
def test_what_a_program_writes_anew_each_time_is_left_out(sender: str, stream: str) -> None:
    assert stream_of(sender, None) == stream


@pytest.mark.parametrize(
    "sender",
    [
        "taro19800101@yahoo.co.jp",
        "taro_19800101@yahoo.co.jp",
        "taro.801231@docomo.ne.jp",
        "09012345678@docomo.ne.jp",
        "k2j9x7m1q3z8w5@marketplace.amazon.co.jp",
        "090-1234-5678@docomo.ne.jp",
        "shop-12@shop.example",
        "info4you2007@shop.example",
        "b2b-news@shop.example",
        "tokyo2020-info@shop.example",
    ],
)
def test_people_shops_and_customers_of_a_marketplace_are_told_apart(sender: str) -> None:
    assert stream_of(sender, None) == sender


def test_a_list_is_its_whole_list_id() -> None:
    assert stream_of("anybody@shop.example", "News-12345.Shop.Example") == "news-12345.shop.example"
    assert "news-12345.shop.example" in streams_meant("<News-12345.shop.example>")


def test_ten_thousand_addresses_of_one_program_are_one_sender() -> None:
    assert len({stream_of(f"bounce-{number}@shop.example", None) for number in range(10_000, 20_000)}) == 1
    assert len({stream_of(f"news+{number:x}z1@shop.example", None) for number in range(10_000)}) == 1
