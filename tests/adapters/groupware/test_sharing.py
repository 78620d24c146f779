"""Shared inboxes by their tables: the demo's store keeps the contract, each word of the language does what it says."""

import csv
import io
from collections import Counter
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path

import pytest

from adapters.groupware import adapter
from adapters.groupware.checks import read
from migrator.demo.store import build
from migrator.errors import UsageError
from migrator.inboxes import Belongs, Happened, Named, Note, Right, Scope, SharedInbox, Status, Tag, Template, WorkState
from migrator.model import Account, Unreadable
from migrator.ports import SharedSource, Source
from migrator.testing import SharedSourceContract
from migrator.testing.source import nothing
from tests.adapters.groupware.builder import SHARED_TABLES, LegacyStore, snapshot
from tests.desks import AT, letter


class DemoStore:
    """The demo's groupware."""

    def __init__(self, root: Path) -> None:
        self.root = root
        build(root)

    def open(self) -> AbstractContextManager[Source]:
        assert adapter.open_source is not None
        return adapter.open_source(adapter.config(mapping="kyoyu-mail", root=self.root))

    def snapshot(self) -> object:
        return snapshot(self.root)

    def forget(self, named: Named, inbox: SharedInbox) -> None:
        home = self.root / "user" / inbox.account.name
        number = named.key.removeprefix("index:")
        rows = list(csv.reader(io.StringIO((home / "mail.csv").read_text("cp932"))))
        (row,) = [row for row in rows if row[0] == number]
        (home / row[1] / row[2]).unlink()
        with (home / "mail.csv").open("w", encoding="cp932", newline="") as file:
            csv.writer(file).writerows(each for each in rows if each is not row)


class TestTheDemosInboxes(SharedSourceContract):
    @pytest.fixture
    def shared(self, tmp_path: Path) -> DemoStore:
        return DemoStore(tmp_path / "gw")


# -- the language, on a store whose accounts share their tables -------------------------------------------------------

SHARING = (
    SHARED_TABLES
    + r"""
[tables.desks]
rows = { type = "csv", path = "desks.tsv", delimiter = "\t", charset = "utf-8" }
key = ["id"]
columns = { id = "id", login = "login", name = "name" }

[tables.people]
rows = { type = "csv", path = "users.tsv", charset = "utf-8", delimiter = "\t" }
key = ["id"]
columns = { id = "uid", name = "name" }

[tables.work]
rows = { type = "csv", path = "work.tsv", delimiter = "\t", charset = "utf-8" }
key = ["mail"]
columns = { mail = "mail", state = "state", who = "who", memo = "memo" }

[tables.cases]
rows = { type = "csv", path = "cases.tsv", delimiter = "\t", charset = "utf-8" }
key = ["case"]
joins = [{ table = "desks", on = { desk = "id" } }]

[tables.cases.columns]
case = "case"
desk = "desk"
state = "state"
at = { column = "at", as = { kind = "date", format = "epoch" } }

[shared.inboxes]
table = "desks"
account = "login"
name = "name"

[shared.people]
table = "people"
key = "id"
name = "name"

[[shared.states]]
table = "work"
scope = "mail"
about = { table = "index", on = { mail = "number" } }
status = { column = "state", map = { "0" = "open", "9" = "closed" } }
assignee = "who"

[[shared.states]]
table = "cases"
scope = "conversation"
thread = "case"
status = { column = "state", map = { "0" = "open", "9" = "closed" } }
at = "at"

[[shared.notes]]
table = "work"
about = { table = "index", on = { mail = "number" } }
text = "memo"

[[shared.tags]]
table = "index"
name = "folders.path"
"""
)


@pytest.fixture
def store(tmp_path: Path) -> LegacyStore:
    made = LegacyStore(tmp_path / "gw", SHARING)
    for account in ("support", "sales"):
        made.add(
            account, ("in",), letter("mori@reiji.example", f"{account}@example.co.jp", "q", account), frozenset(), AT
        )
    made.table("desks.tsv", "id\tlogin\tname", ["d1\tsupport\t相談室", "d2\tsales\t", "d3\tnobody\tx"])
    made.table("work.tsv", "mail\tstate\twho\tmemo", ["00001\t0\tu1\t折り返し", "00002\t?\t\t", "00009\t9\tx12\tlost"])
    made.table("cases.tsv", "case\tdesk\tstate\tat", ["C1\td1\t9\t1400000000", "C2\td2\t\t0"])
    return made


def work(store: LegacyStore, account: str) -> list:
    with store.open() as source:
        assert isinstance(source, SharedSource)
        (inbox,) = [each for each in source.inboxes() if each.account.name == account]
        return list(source.work(inbox))


def test_an_inbox_lies_in_an_account_and_one_without_is_told(store: LegacyStore) -> None:
    with store.open() as source:
        assert isinstance(source, SharedSource)
        assert [(each.key, each.name, each.account.name) for each in source.inboxes()] == [
            ("d1", "相談室", "support"),
            ("d2", "sales", "sales"),
        ]
        assert "groupware.inbox-loose" in [reason.code for reason in source.advice()]  # type: ignore[attr-defined]


def test_a_row_is_told_in_the_inbox_of_its_mail_and_a_word_that_nobody_explained_is_none(store: LegacyStore) -> None:
    states = [each for each in work(store, "support") if isinstance(each, WorkState) and each.scope == Scope.MAIL]
    assert [(each.about.items, each.status, each.assignee) for each in states] == [
        ((Named(("in",), "index:00001"),), Status.OPEN, "u1")
    ]
    (state,) = [each for each in work(store, "sales") if isinstance(each, WorkState) and each.scope == Scope.MAIL]
    assert (state.status, state.label, state.assignee) == (None, "?", None)


def test_a_row_about_a_mail_that_is_nowhere_is_named_once_in_the_first_inbox_without_its_text(
    store: LegacyStore,
) -> None:
    store.add("tanaka", ("in",), letter("mori@reiji.example", "tanaka@example.co.jp", "q", "t"), frozenset(), AT)
    with store.open() as source:  # a note about a person's own mail is nobody's business here
        number = next(iter(source.items(next(iter(source.folders(Account("tanaka")))), after=None, known=nothing))).key
    rows = ["00001\t0\tu1\t折り返し", "00002\t?\t\t", "00009\t9\tx12\tlost"]
    store.table("work.tsv", "mail\tstate\twho\tmemo", [*rows, f"{number.removeprefix('index:')}\t0\tu1\tprivate"])
    (fault,) = [each for each in work(store, "support") if isinstance(each, Unreadable)]
    assert (fault.key, fault.reason.code) == ("loose:work/00009", "shared.fact-loose")
    assert "lost" not in str(fault.reason.params)
    assert not any(isinstance(each, Unreadable) for each in work(store, "sales"))


def test_a_row_of_a_conversation_is_told_in_the_inbox_that_it_leads_to(store: LegacyStore) -> None:
    for account, expected in (
        ("support", ("C1", Status.CLOSED, datetime.fromtimestamp(1400000000, AT.tzinfo))),
        ("sales", ("C2", Status.NONE, None)),
    ):
        (state,) = [each for each in work(store, account) if isinstance(each, WorkState) and each.about.thread]
        assert (state.about.thread, state.status, state.at) == expected


def test_an_empty_note_is_none_and_a_column_of_the_mail_itself_may_be_a_tag(store: LegacyStore) -> None:
    told = work(store, "support")
    assert [each.text for each in told if isinstance(each, Note)] == ["折り返し"]
    assert [(each.name, each.about.items) for each in told if isinstance(each, Tag)] == [
        ("in", (Named(("in",), "index:00001"),))
    ]
    assert [each for each in work(store, "sales") if isinstance(each, Note)] == []


def test_whoever_is_named_and_stands_in_no_table_is_a_question(store: LegacyStore) -> None:
    with store.open() as source:
        assert isinstance(source, SharedSource)
        assert [(each.key, each.known) for each in source.principals()] == [("u0", True), ("u1", True), ("x12", False)]


def test_a_broken_row_is_a_fault_once_and_its_neighbours_are_told(store: LegacyStore) -> None:
    store.table("work.tsv", "mail\tstate\twho\tmemo", ["00001\t0", "00001\t9\tu1\tx", "00001\t9\tu1\tx"])
    told = work(store, "support")
    assert [each.reason.code for each in told if isinstance(each, Unreadable)] == ["groupware.line-width"]
    assert [each.key for each in told if isinstance(each, WorkState | Note)] == [
        *("state:work/00001", "state:work/00001~2", "state:cases/C1", "note:work/00001", "note:work/00001~2")
    ]


def test_two_mails_under_one_number_are_both_meant(store: LegacyStore) -> None:
    twin = store.add("support", ("in",), b"Subject: twin\r\n\r\n", frozenset(), AT)
    twin.number = "00001"
    store.write()
    (state,) = [each for each in work(store, "support") if isinstance(each, WorkState) and each.scope == Scope.MAIL]
    assert {named.key for named in state.about.items} == {"index:00001", "index:00001~2"}


TWO_KINDS = (
    SHARING
    + r"""
[tables.old]
rows = { type = "csv", path = "old.tsv", delimiter = "\t", charset = "utf-8" }
key = ["number"]
joins = [{ table = "users", on = { user = "id" } }, { table = "folders", on = { user = "user", folder = "id" } }]
columns = { number = "no", user = "uid", folder = "fid", file = "file" }

[[messages]]
table = "old"
container = { type = "file", path = "data/{folder}/{file}" }

[[shared.tags]]
table = "old"
name = "file"
"""
)


def test_mails_of_two_tables_under_one_number_are_told_apart(store: LegacyStore) -> None:
    store.mapping = TWO_KINDS
    row = store.rows[0]
    store.file(f"data/{row.folder}/old.eml", b"Subject: old\r\n\r\n")
    store.table("old.tsv", "no\tuid\tfid\tfile", [f"{row.number}\tu0\t{row.folder}\told.eml"])
    told = work(store, "support")
    (state,) = [each for each in told if isinstance(each, WorkState) and each.scope == Scope.MAIL]
    assert [named.key for named in state.about.items] == ["index:00001"]
    tags = {each.name: [named.key for named in each.about.items] for each in told if isinstance(each, Tag)}
    assert tags == {"in": ["index:00001"], "old.eml": ["old:00001"]}


def test_a_mail_that_cannot_be_read_is_named_all_the_same(store: LegacyStore) -> None:
    store.rows[0].file = "../../etc/passwd"
    store.write()
    (state,) = [each for each in work(store, "support") if isinstance(each, WorkState) and each.scope == Scope.MAIL]
    assert [named.key for named in state.about.items] == ["index:00001"]


def test_a_store_without_the_part_has_no_inboxes(tmp_path: Path) -> None:
    plain = LegacyStore(tmp_path / "gw")
    plain.make("sato", ("in",))
    with plain.open() as source:
        assert isinstance(source, SharedSource)
        assert list(source.inboxes()) == list(source.principals()) == []


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ('table = "desks"', 'table = "desk"', "mapping.unknown-table"),
        ('assignee = "who"', 'assignee = "whom"', "mapping.unknown-column"),
        (
            'about = { table = "index", on = { mail = "number" } }',
            'about = { table = "people", on = {} }',
            "mapping.no-mails",
        ),
        ('on = { mail = "number" } }\nstatus', 'on = { mail = "numbr" } }\nstatus', "mapping.unknown-column"),
        ('on = { mail = "number" } }\nstatus', 'on = { male = "number" } }\nstatus', "mapping.unknown-column"),
        ('at = "at"', 'at = "state"', "mapping.wrong-kind"),
        ('thread = "case"', "", "mapping.no-mails"),
        ("[shared.inboxes]", "[shared]\ntoken = '[0-9]+'\n[shared.inboxes]", "mapping.bad-token"),
        ("[shared.inboxes]", "[shared]\ntoken = '([0-9]+'\n[shared.inboxes]", "mapping.bad-token"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, before: str, after: str, code: str) -> None:
    file = tmp_path / "mapping.toml"
    assert before in SHARING
    file.write_text(SHARING.replace(before, after, 1), "utf-8")
    with pytest.raises(UsageError) as caught:
        read(file)
    assert caught.value.reason.code == code
    assert caught.value.reason.params["line"]


def test_a_status_that_is_none_of_ours_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "mapping.toml"
    file.write_text(SHARING.replace('"9" = "closed"', '"9" = "finished"', 1), "utf-8")
    with pytest.raises(UsageError):
        read(file)


# -- the demo's inboxes, told -----------------------------------------------------------------------------------------


def test_the_demos_tables_say_who_may_do_what_and_what_was_done(tmp_path: Path) -> None:
    store = DemoStore(tmp_path / "gw")
    with store.open() as source:
        assert isinstance(source, SharedSource)
        support, sales = source.inboxes()
        members = {each.principal: each for each in source.members(support)}
        told = list(source.work(support))
        people = {each.key: each for each in source.principals()}
        in_sales = list(source.work(sales))
    assert members["kato"].rights == frozenset(Right)
    assert members["tanaka"].rights == {Right.READ}
    assert (members["nakamura"].rights, members["nakamura"].label) == (None, "臨時")
    assert members["yoshida"].until is not None
    assert people["yoshida"].left
    assert not people["tantou12"].known
    assert {each.status for each in told if isinstance(each, WorkState)} == {*Status, None}
    assert {each.what for each in told if hasattr(each, "what")} == {
        Happened.ASSIGNED,
        Happened.STATUS,
        Happened.REPLIED,
    }
    assert "部品を取り寄せ中。\n入荷は来週の見込み。" in [each.text for each in told if isinstance(each, Note)]
    assert [each.subject for each in told if isinstance(each, Template)] == ["お問い合わせを承りました", None]
    assert Counter(each.number for each in in_sales if isinstance(each, Belongs)) == {"101": 3, "104": 3}
    assert not any(isinstance(each, Unreadable) for each in told)
