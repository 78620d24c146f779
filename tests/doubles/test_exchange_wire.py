"""What exchangelib writes on the wire, word for word: an upgrade that says something else is looked at by a person.

Where the new words are right, MIGRATOR_GOLDEN=new writes them into golden/.
"""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from exchangelib import EWSDateTime
from exchangelib.folders import Messages
from lxml import etree

from tests.doubles.ews import account, mail
from tests.servers.exchange import Exchange
from tests.servers.exchange.xml import local

GOLDEN = Path(__file__).parent / "golden"
WORDS = (
    "CreateFolder",
    "CreateItem",
    "DeleteItem",
    "FindFolder",
    "FindItem",
    "GetItem",
    "MoveItem",
    "SyncFolderHierarchy",
    "SyncFolderItems",
    "UpdateFolder",
    "UpdateItem",
)


@pytest.fixture
def asked(exchange: Exchange) -> Exchange:
    """A server that has been asked for everything once."""
    mailbox = account(exchange)
    desk = Messages(parent=mailbox.msg_folder_root, name="取引先")
    desk.save()
    desk.name = "取引先 2009"
    desk.save(update_fields=["name"])
    then = EWSDateTime.from_datetime(datetime(2009, 11, 2, 0, 15, 3, tzinfo=UTC))
    made = mail(mailbox, test_id="k1", test_flags=1, test_delivered=then, categories=["緑"], is_read=True)
    mailbox.bulk_create(folder=desk, items=[made])
    assert list(mailbox.msg_folder_root.glob("*"))
    (found,) = desk.filter(test_id__in=["k1", "k2"], datetime_received__gte=then, is_read=True).only("test_id")
    (item,) = mailbox.fetch([found], only_fields=["mime_content", "subject", "test_id", "datetime_received"])
    item.is_read = False
    item.categories = None
    item.save(update_fields=["is_read", "categories"], conflict_resolution="NeverOverwrite")
    assert list(desk.sync_items(only_fields=["is_read"]))
    assert list(mailbox.root.sync_hierarchy(only_fields=["name"]))
    item.move(mailbox.inbox)
    item.delete()
    return exchange


def test_exchangelib_says_what_it_said(asked: Exchange) -> None:
    differ = [name for name in WORDS if not _same(name, _words(asked, name))]
    assert differ == []
    assert sorted(path.stem for path in GOLDEN.iterdir()) == sorted(WORDS)


def _same(name: str, said: str) -> bool:
    file = GOLDEN / f"{name}.xml"
    if os.environ.get("MIGRATOR_GOLDEN") == "new":
        file.write_text(said, encoding="utf-8")
    return file.read_text(encoding="utf-8") == said


def _words(exchange: Exchange, name: str) -> str:
    """The first request of a name, laid out for people; ids and change keys are the server's and of no interest."""
    whole = etree.fromstring(exchange.asked(name)[0].raw, etree.XMLParser(remove_blank_text=True))
    for each in whole.iter():
        if local(each).endswith("FolderId") or local(each) == "ItemId":
            each.attrib.update({key: "…" for key in each.attrib if key == "ChangeKey" or len(each.attrib[key]) > 30})
    etree.indent(whole)
    return etree.tostring(whole, encoding="unicode") + "\n"
