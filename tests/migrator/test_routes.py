"""Where everything goes."""

import pytest

from migrator.errors import UsageError
from migrator.model import Account, Folder, Mailbox, Place, Role
from migrator.ports import Limits
from migrator.routes import Routes

SATO = Account("sato")
ANY = Limits(forbidden=frozenset("/"))


def placed(routes: Routes, *path: str, role: Role | None = None) -> Place:
    folder = Folder(SATO, path, role)
    return routes.places("sato", [folder], ANY)[folder]


def test_a_folder_keeps_its_own_name_unless_somebody_names_another() -> None:
    assert placed(Routes({}, {}), "お客様", "A社").path == ("お客様", "A社")
    assert placed(Routes({}, {"お客様": "Customers"}), "お客様", "A社").path == ("Customers", "A社")
    assert placed(Routes({}, {"お客様/A社": "A"}), "お客様", "A社").path == ("A",)


def test_a_role_has_one_place_whatever_the_folder_is_called() -> None:
    assert placed(Routes({}, {}), "受信箱") == Place("sato", ("INBOX",), Role.INBOX)
    assert placed(Routes({}, {}), "何か", role=Role.SENT) == Place("sato", ("Sent",), Role.SENT)
    assert placed(Routes({}, {"送信済み": "Sent"}), "送信済み") == Place("sato", ("Sent",), Role.SENT)
    assert placed(Routes({}, {}), "inbox").path == ("INBOX",)


def test_mail_in_no_folder_is_put_where_people_find_it() -> None:
    assert placed(Routes({}, {})).path == ("Recovered",)
    assert placed(Routes({}, {"": "迷子"})).path == ("迷子",)


def test_several_accounts_may_feed_one_mailbox_and_what_is_nobodys_feeds_none() -> None:
    routes = Routes({"sato": "info@example.co.jp", "suzuki": "info@example.co.jp"}, {})
    assert routes.mailboxes(["sato", "suzuki", "tanaka", ""]) == {
        Mailbox("info@example.co.jp", None): ["sato", "suzuki"],
        Mailbox("tanaka", "tanaka"): ["tanaka"],
    }
    assert Routes({"": "admin"}, {}).mailboxes([""]) == {Mailbox("admin", ""): [""]}


def test_an_account_that_is_sent_nowhere_is_an_error() -> None:
    with pytest.raises(UsageError):
        Routes({"sato": " "}, {}).mailboxes(["sato"])
