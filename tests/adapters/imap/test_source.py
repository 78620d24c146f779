"""A mailbox is read whole, in order, without a trace, and an accident costs one mail at most."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import BinaryIO

import pytest

from adapters.imap import adapter
from adapters.imap.memory import ENDINGS
from adapters.imap.source import WINDOW
from migrator.errors import AccountError, FolderError, Outage
from migrator.model import Account, Folder, Item, Role, Unchanged, Unreadable
from migrator.ports import Source
from migrator.testing import mail
from tests.adapters.imap.conftest import AT, Box, Somebody, config, scripted, tapped, user

SATO = Account("sato")
INBOX = Folder(SATO, ("INBOX",), Role.INBOX)


def nothing(key: str, stamp: str) -> bool:
    return False


def source_of(box: Box) -> AbstractContextManager[Source]:
    assert adapter.open_source is not None
    return adapter.open_source(box.config.model_copy(update={"accounts": {"sato": box.owner}}))


def fill(box: Box, count: int, body: bytes = b"x\r\n") -> list[bytes]:
    raws = [mail(f"n{number}", body) for number in range(count)]
    with box.somebody() as somebody:
        for raw in raws:
            somebody.add("INBOX", raw, frozenset(), AT)
    return raws


def raws_of(found: list[object]) -> list[bytes]:
    return [each.raw.read() for each in found if isinstance(each, Item)]


READS = re.compile(
    rb"(CAPABILITY|AUTHENTICATE|NAMESPACE|LIST|LSUB|STATUS|EXAMINE|UNSELECT|NOOP|ID|LOGOUT|UID (FETCH|SEARCH)) ?"
)


def test_a_source_says_nothing_that_could_change_anything(box: Box) -> None:
    fill(box, 3)
    with tapped(box) as (behind, seen), source_of(behind) as source:
        list(source.census(SATO))
        for folder in source.folders(SATO):
            list(source.items(folder, after=None, known=nothing))
        assert [command for command in seen.commands if not READS.match(command)] == []
        assert not re.search(rb"BODY\[|RFC822[^.]", b"\n".join(seen.commands).replace(b"BODY.PEEK[", b""))


def test_a_second_pass_fetches_no_body(box: Box) -> None:
    raws = fill(box, 5)
    with tapped(box) as (behind, seen), source_of(behind) as source:
        first = list(source.items(INBOX, after=None, known=nothing))
        assert raws_of(list(first)) == raws
        seen.forget()
        second = list(source.items(INBOX, after=None, known=lambda key, stamp: True))
        assert [type(each) for each in second] == [Unchanged] * 5
        assert not any(b"BODY" in command for command in seen.commands)


@pytest.mark.dovecot
def test_more_mails_than_a_window_come_in_order_with_the_known_among_them(new_box: Callable[[str], Box]) -> None:
    box = new_box("dovecot_sdbox")
    raws = fill(box, 2 * WINDOW + 30)
    with source_of(box) as source:
        keys = [each.key for each in source.items(INBOX, after=None, known=nothing)]
        assert [int(key.split(".")[1]) for key in keys] == list(range(1, len(raws) + 1))
        every_third = set(keys[::3])
        found = list(source.items(INBOX, after=None, known=lambda key, stamp: key in every_third))
        assert [each.key for each in found] == keys
        assert {each.key for each in found if isinstance(each, Unchanged)} == every_third


@pytest.mark.dovecot
def test_a_connection_that_is_cut_in_mid_folder_is_an_outage_and_nothing_is_lost_or_read_twice(
    new_box: Callable[[str], Box],
) -> None:
    raws = fill(new := new_box("dovecot_sdbox"), 60, b"y" * 20_000)
    with tapped(new) as (box, seen), source_of(box) as source:
        found: list[Item] = []
        outages = 0
        while len(found) < len(raws):
            seen.cut_after = 300_000
            try:
                for each in source.items(INBOX, after=found[-1].key if found else None, known=nothing):
                    assert isinstance(each, Item)
                    found.append(each)
            except Outage:
                outages += 1
        assert outages >= 2
        assert raws_of(list(found)) == raws


@pytest.mark.dovecot
def test_a_mail_that_ends_every_connection_is_unreadable_and_its_neighbours_are_not(
    new_box: Callable[[str], Box],
) -> None:
    box = new_box("dovecot_sdbox")
    with box.somebody() as somebody:
        for name in ("before", "POISON", "after"):
            somebody.add("INBOX", mail(name), frozenset(), AT)
    with tapped(box) as (behind, seen), source_of(behind) as source:
        seen.cut_on = b"Subject: POISON"
        found: list[object] = []
        for attempt in range(ENDINGS + 2):
            last = found[-1].key if found else None  # type: ignore[attr-defined]
            try:
                found.extend(source.items(INBOX, after=last, known=nothing))
                break
            except Outage:
                assert attempt <= ENDINGS
    assert [type(each) for each in found] == [Item, Unreadable, Item]
    assert isinstance(found[1], Unreadable)
    assert found[1].reason.code == "imap.deadly"


def test_other_questions_in_the_middle_of_a_folder_disturb_nothing(box: Box) -> None:
    raws = fill(box, 12)
    with source_of(box) as source:
        found = []
        for each in source.items(INBOX, after=None, known=nothing):
            found.append(each)
            assert len(list(source.folders(SATO))) >= 1
            list(source.census(SATO))
        assert raws_of(list(found)) == raws


def test_a_mail_that_goes_while_its_folder_is_read_is_passed_over(box: Box) -> None:
    raws = fill(box, 6)
    with source_of(box) as source:
        walk = source.items(INBOX, after=None, known=lambda key, stamp: False)
        found: list[object] = [next(walk)]
        with box.somebody() as somebody:
            somebody.do("select", "INBOX")
            somebody.do("store", "3", "+FLAGS.SILENT", "(\\Deleted)")
            somebody.do("expunge")
        list(source.census(SATO))  # what was on its way is thrown away, so the mail is really asked for
        found += walk
        assert raws_of(found) in ([*raws[:2], *raws[3:]], raws)


def test_a_folder_that_is_not_there_is_a_folders_matter(box: Box) -> None:
    with source_of(box) as source, pytest.raises(FolderError) as error:
        list(source.items(Folder(SATO, ("absent",)), after=None, known=nothing))
    assert error.value.reason.params == {"account": "sato", "folder": "absent"}


def test_a_key_of_another_epoch_begins_the_folder_anew(box: Box) -> None:
    raws = fill(box, 3)
    with source_of(box) as source:
        assert raws_of(list(source.items(INBOX, after="1.2", known=nothing))) == raws
        assert raws_of(list(source.items(INBOX, after="garbage", known=nothing))) == raws


@pytest.mark.dovecot
def test_one_accounts_refused_login_is_its_own_and_the_next_account_is_read(
    new_box: Callable[[str], Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    box = new_box("dovecot_sdbox")
    fill(box, 1)
    monkeypatch.setenv("PASSWORD_sato", "wrong")
    monkeypatch.setenv("PASSWORD_suzuki", "open-sesame")
    both = {"sato": user(), "suzuki": box.owner}
    settings = config(box.config.reached_at, accounts=both, password={"env": "PASSWORD_{account}"})
    with source_of(Box(settings, box.owner)) as _, adapter.open_source(settings) as source:  # type: ignore[misc]
        with pytest.raises(AccountError):
            list(source.folders(Account("sato")))
        assert len(list(source.items(replace(INBOX, account=Account("suzuki")), after=None, known=nothing))) == 1


def listing(reply: Callable[[bytes, bytes], bytes]) -> Callable[[BinaryIO, Callable[[bytes], None]], None]:
    """A server with one folder of three mails, whose bodies `reply(tag, command)` gives."""

    def talk(lines: BinaryIO, say: Callable[[bytes], None]) -> None:
        say(b"* OK [CAPABILITY IMAP4rev1] hello\r\n")
        for line in lines:
            tag, _, command = line.strip().partition(b" ")
            done = tag + b" OK done\r\n"
            match command.upper().split()[:1], command.upper():
                case [b"CAPABILITY"], _:
                    say(b"* CAPABILITY IMAP4rev1\r\n" + done)
                case [b"LIST"], _:
                    say(b'* LIST () "/" INBOX\r\n' + done)
                case [b"EXAMINE"], _:
                    say(b"* 3 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n" + done)
                case [b"UID"], text if b"BODY" in text:
                    say(reply(tag, text))
                case [b"UID"], text if b"SEARCH" in text:
                    say(b"* SEARCH 1 2 3\r\n" + done)
                case [b"UID"], _:
                    say(b"".join(b"* %d FETCH (UID %d FLAGS ())\r\n" % (n, n) for n in (1, 2, 3)) + done)
                case _:
                    say(done)

    return talk


def _mail(number: int) -> bytes:
    return b"* %d FETCH (UID %d FLAGS () BODY[] {5}\r\nmail%d)\r\n" % (number, number, number)


def _asked(command: bytes) -> list[int]:
    first, _, last = command.split()[2].partition(b":")
    return list(range(int(first), int(last or first) + 1))


def test_mails_that_come_out_of_order_are_given_in_order() -> None:
    def backwards(tag: bytes, command: bytes) -> bytes:
        return b"".join(map(_mail, reversed(_asked(command)))) + tag + b" OK done\r\n"

    with scripted(listing(backwards)) as port, source_of(Box(config(port), "a@example.co.jp")) as source:
        found = list(source.items(INBOX, after=None, known=nothing))
    assert raws_of(list(found)) == [b"mail1", b"mail2", b"mail3"]


def test_a_mail_the_server_cannot_give_is_unreadable_and_the_rest_is_read() -> None:
    def broken(tag: bytes, command: bytes) -> bytes:
        given = [number for number in _asked(command) if number != 2]
        answer = b" OK done\r\n" if 2 not in _asked(command) else b" NO [SERVERBUG] cannot read\r\n"
        return b"".join(map(_mail, given)) + tag + answer

    with scripted(listing(broken)) as port, source_of(Box(config(port), "a@example.co.jp")) as source:
        found = list(source.items(INBOX, after=None, known=nothing))
    assert [type(each) for each in found] == [Item, Unreadable, Item]
    assert isinstance(found[1], Unreadable)
    assert (found[1].key, found[1].reason.code) == ("7.2", "imap.unreadable")
    assert found[1].reason.params["answer"] == "NO [SERVERBUG] cannot read"


def test_a_folder_that_shows_others_mail_is_told_of() -> None:
    def talk(lines: BinaryIO, say: Callable[[bytes], None]) -> None:
        say(b"* OK [CAPABILITY IMAP4rev1] hello\r\n")
        for line in lines:
            tag, _, command = line.strip().partition(b" ")
            if command == b"CAPABILITY":
                say(b"* CAPABILITY IMAP4rev1\r\n")
            if command.startswith(b"LIST"):
                say(b'* LIST (\\All) "/" Everything\r\n* LIST () "/" INBOX\r\n')
            say(tag + b" OK done\r\n")

    with scripted(talk) as port, source_of(Box(config(port), "a@example.co.jp")) as source:
        (reason,) = source.advice()  # type: ignore[attr-defined]
    assert (reason.code, reason.params["folder"]) == ("imap.virtual-folder", "Everything")


def test_somebody_is_not_the_adapter() -> None:
    assert Somebody.__module__.startswith("tests.")
