"""People decide about a sender however it is spelled, and about its orders apart, by every road there is."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from migrator.cli import main
from tests.cli.moves import judged
from tests.migrator.rules.companies import newsletter, order

OFFER = "今週のおすすめ新商品とセール情報"
Migrator = Callable[..., str]


@pytest.fixture
def laid(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Migrator]:
    """Lays these mails, stages and judges them; gives the command, which returns what it said."""

    def lay(*mails: bytes) -> Migrator:
        folder = judged(tmp_path, *mails)

        def migrator(*words: str, code: int = 0) -> str:
            capsys.readouterr()
            assert main(["--dir", str(folder), *words]) == code
            return capsys.readouterr().out

        return migrator

    return lay


def rows(migrator: Migrator) -> dict[tuple[str, bool], dict[str, object]]:
    """What `senders` shows, by sender and whether it is about orders."""
    lines = map(json.loads, migrator("senders", "--json").splitlines())
    return {(line["sender"], line["orders"]): line for line in lines}


def parked(migrator: Migrator) -> int:
    return len(migrator("list", "--decision", "park", "--json").splitlines())


def fill(file: Path, **decisions: str) -> None:
    """Write decisions into the spreadsheet: `orders` into the line about orders, `rest` into the others."""
    lines = list(csv.DictReader(file.read_text(encoding="utf-8-sig").splitlines()))
    for line in lines:
        line["decision"] = decisions["orders" if "(only orders" in line["what"] else "rest"]
    with file.open("w", encoding="utf-8-sig", newline="") as stream:
        out = csv.DictWriter(stream, lines[0].keys())
        out.writeheader()
        out.writerows(lines)


SPELLED = ["Shop@Example.COM", "shop@example.com", "SHOP@EXAMPLE.com", "<Shop@example.com>"]


@pytest.mark.parametrize("spelled", SPELLED)
def test_a_sender_is_the_same_however_it_is_spelled(laid: Callable[..., Migrator], spelled: str) -> None:
    migrator = laid(newsletter("Shop@Example.COM", OFFER), newsletter("shop@example.com", OFFER))
    assert [(name, line["items"]) for (name, _), line in rows(migrator).items()] == [("shop@example.com", 2)]
    migrator("decide", spelled, "park")
    assert parked(migrator) == 2
    migrator("judge")
    assert parked(migrator) == 2
    assert rows(migrator)["shop@example.com", False]["decision"] == "park"
    assert '"shop@example.com"' in migrator("rules", "export", "--format", "sieve")
    assert "2" in migrator("restore", spelled)
    assert parked(migrator) == 0


MIXED = "SHOP@shop.rakuten.co.jp"
BOTH = [newsletter(MIXED, OFFER), newsletter(MIXED, "【メルマガ】ポイント10倍キャンペーン開催中")]
BOTH += [order(MIXED, "[あみあみ] ご注文確認案内"), order(MIXED, "ありがとうございます")]


def test_to_park_a_sender_parks_none_of_its_orders(laid: Callable[..., Migrator]) -> None:
    migrator = laid(*BOTH)
    assert {key: line["items"] for key, line in rows(migrator).items()} == {
        (MIXED.lower(), False): 2,
        (MIXED.lower(), True): 2,
    }
    assert "--orders" in migrator("decide", MIXED, "park")
    assert parked(migrator) == 2
    found = rows(migrator)
    assert [found[MIXED.lower(), orders]["decision"] for orders in (False, True)] == ["park", None]
    assert "--orders" not in migrator("decide", MIXED, "park", "--orders")
    assert parked(migrator) == 4
    migrator("restore", MIXED)
    assert parked(migrator) == 0
    assert {line["decision"] for line in rows(migrator).values()} == {"keep"}


def test_a_spreadsheet_decides_about_orders_on_a_line_of_their_own(
    laid: Callable[..., Migrator], tmp_path: Path
) -> None:
    migrator = laid(*BOTH)
    sheet = tmp_path / "s.csv"
    for rest, orders, many in (("park", "", 2), ("park", "park", 4), ("park", "keep", 2), ("keep", "park", 2)):
        migrator("decisions", "export", str(sheet))
        fill(sheet, rest=rest, orders=orders)
        migrator("decisions", "import", str(sheet))
        assert parked(migrator) == many
        found = rows(migrator)
        assert found[MIXED.lower(), False]["decision"] == rest
        assert found[MIXED.lower(), True]["decision"] == (orders or None)


def test_a_sender_whose_address_is_new_each_time_is_one_row(laid: Callable[..., Migrator]) -> None:
    mails = [newsletter(f"bounce-{number}@mag.example", OFFER) for number in range(12345, 12365)]
    migrator = laid(*mails, newsletter("bounce-help@mag.example", OFFER))
    assert {name: line["items"] for (name, _), line in rows(migrator).items()} == {
        "bounce-*@mag.example": 20,
        "bounce-help@mag.example": 1,
    }
    migrator("decide", "bounce-99999@mag.example", "park")
    assert parked(migrator) == 20
    assert "bounce" not in migrator("rules", "export", "--format", "sieve")
    migrator("restore", "bounce-*@mag.example")
    assert parked(migrator) == 0
