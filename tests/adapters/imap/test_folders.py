"""Places get their folders by role before name, once, with everything above them, and nobody else's."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

import pytest

from adapters.imap import changes
from adapters.imap.folders import Tree
from adapters.imap.memory import Memory
from adapters.imap.session import Session
from adapters.imap.wire import Wire
from migrator.errors import FolderError, Outage
from migrator.model import Place, Receipt, Reflag, Relocate, Role, Sighting, Touched
from migrator.testing import mail
from tests.adapters.imap.conftest import AT, Box, config, named, parcel, tapped, user
from tests.servers.dovecot import Dovecot, server

WRITES = (b"CREATE", b"SUBSCRIBE", b"APPEND", b"STORE", b"UID STORE", b"UID MOVE", b"UID COPY", b"UID EXPUNGE")


@contextmanager
def tree(*answers: str, capabilities: str = "") -> Iterator[tuple[Tree, socket.socket]]:
    """The tree of a server that gives these answers, one to each command."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        said = "".join(answer.replace("TAG", f"m{number}") for number, answer in enumerate(answers, start=1))
        theirs.sendall(said.replace("\n", "\r\n").encode("latin-1"))
        session = Session(Wire(ours, host="h", port=1, timeout=5), frozenset(capabilities.split()), Memory())
        yield Tree(session), theirs


NAMESPACE = '* NAMESPACE (("" "/")) (("Other/" "/")) (("Public/" "/"))\nTAG OK done\n'


def test_a_second_prepare_of_everything_only_looks(box: Box) -> None:
    places = [box.at("INBOX"), Place(box.owner, ("Sent",), Role.SENT), box.at("仕事", "2009"), box.at("仕事")]
    with tapped(box) as (behind, seen):
        with behind.open() as target:
            first = [target.prepare(place) for place in places]
        assert any(command.startswith(b"CREATE") for command in seen.commands)
        seen.forget()
        with behind.open() as target:
            assert [target.prepare(place) for place in places] == first
        assert not [command for command in seen.commands if command.startswith(WRITES)]
        assert seen.commands


def test_a_place_and_all_above_it_are_there_and_subscribed(box: Box) -> None:
    with box.open() as target:
        target.prepare(box.at("取引先", "山田", "2009"))
    with box.somebody() as somebody:
        found = [row.decode() for row in somebody.do("lsub")]
    for depth in (1, 2, 3):
        name = named(("取引先", "山田", "2009")[:depth])
        assert any(row.endswith((f" {name}", f" {name.strip(chr(34))}")) for row in found), (name, found)


@pytest.mark.dovecot
def test_a_folder_that_is_there_but_not_subscribed_is_subscribed(new_box: Callable[[str], Box]) -> None:
    with tapped(new_box("dovecot_sdbox")) as (box, seen):
        with box.somebody() as somebody:
            somebody.do("create", "there")
        seen.forget()
        with box.open() as target:
            target.prepare(box.at("there"))
        assert [command for command in seen.commands if command.startswith(WRITES)] == [b'SUBSCRIBE "THERE"']


@pytest.fixture(scope="module")
def cyrus_like() -> Iterator[Dovecot]:
    """A server whose folders all lie below INBOX, with a dot between, and whose sent mail has a name of its own."""
    with server(storage="sdbox", separator=".", prefix="INBOX.", sent="送信済み") as running:
        yield running


@pytest.fixture
def dotted(cyrus_like: Dovecot) -> Box:
    return Box(config(cyrus_like.port), user())


@pytest.mark.dovecot
def test_prefix_and_separator_are_the_servers_own_business(dotted: Box) -> None:
    with dotted.open() as target:
        assert {".", "/", "~"} <= target.limits.forbidden
        place = dotted.at("a b", "c")
        target.prepare(place)
        list(target.deliver([parcel(place)]))
        assert len(list(target.survey(place, None))) == 1
    with dotted.somebody() as somebody:
        assert '"INBOX.a b.c"' in somebody.folders()


@pytest.mark.dovecot
def test_a_role_finds_its_folder_whatever_it_is_called(dotted: Box) -> None:
    sent = Place(dotted.owner, ("Sent",), Role.SENT)
    with dotted.open() as target:
        target.prepare(sent)
        (receipt,) = target.deliver([parcel(sent)])
        assert isinstance(receipt, Receipt)
        with dotted.somebody() as somebody:
            assert '"INBOX.Sent"' not in somebody.folders()
            assert len(somebody.bodies('"INBOX.&kAFP4W4IMH8-"')) == 1
        with pytest.raises(FolderError) as error:
            target.prepare(dotted.at("送信済み"))
        assert error.value.reason.code == "imap.place-has-role"
        assert error.value.reason.params["role"] == "sent"


def test_a_folder_is_made_with_its_role_only_where_the_server_keeps_it() -> None:
    listed = '* LIST () "/" INBOX\nTAG OK done\n'
    place = Place("o", ("Sent",), Role.SENT)
    with tree(NAMESPACE, listed, "TAG OK\n", "TAG OK\n", capabilities="NAMESPACE LIST-EXTENDED SPECIAL-USE") as (
        plain,
        server,
    ):
        plain.make(place)
        assert b'CREATE "Sent"\r\n' in server.recv(9999)
    able = "NAMESPACE LIST-EXTENDED SPECIAL-USE CREATE-SPECIAL-USE"
    with tree(NAMESPACE, listed, "TAG OK\n", "TAG OK\n", capabilities=able) as (keeping, server):
        keeping.make(place)
        assert b'CREATE "Sent" (USE (\\Sent))\r\n' in server.recv(9999)


def test_other_peoples_folders_are_not_ours() -> None:
    rows = '* LIST () "/" INBOX\n* LIST () "/" Other/sato/INBOX\n* LIST (\\Noselect) "/" Public\n* LIST () "/" Others\n'
    with tree(NAMESPACE, rows + "TAG OK done\n", capabilities="NAMESPACE LIST-EXTENDED") as (found, _):
        assert set(found.entries) == {("INBOX",), ("Others",)}


def test_a_name_that_is_no_modified_utf7_is_listed_and_can_be_opened() -> None:
    rows = (
        '* LIST () "/" "a&b"\n* LIST () "/" "\xe6\x97\xa5"\n* LIST () "/" "x\xff"\n* LIST () "/" inbox/y\nTAG OK done\n'
    )
    with tree(NAMESPACE, rows, capabilities="NAMESPACE LIST-EXTENDED") as (found, _):
        names = {path: entry.name for path, entry in found.entries.items()}
    assert names == {
        ("a&b",): b"a&b",
        ("日",): b"\xe6\x97\xa5",
        ("x\\xff",): b"x\xff",
        ("INBOX", "y"): b"inbox/y",
    }


def test_two_names_that_read_alike_are_two_folders() -> None:
    rows = '* LIST () "/" "&ZeU-"\n* LIST () "/" "\xe6\x97\xa5"\nTAG OK done\n'
    with tree(NAMESPACE, rows, capabilities="NAMESPACE LIST-EXTENDED") as (found, _):
        assert len(found.entries) == 2


@pytest.mark.parametrize("path", [(), ("",), ("a", ""), ("a/b",), ("a\r\nm1 DELETE b",), ("\ud800",)])
def test_a_path_that_can_be_no_name_is_a_folders_matter(path: tuple[str, ...]) -> None:
    with tree(NAMESPACE, "TAG OK done\n", capabilities="NAMESPACE LIST-EXTENDED") as (found, _):
        if path == ("a\r\nm1 DELETE b",):  # encoded, it is a name like any other
            assert found.name(Place("o", path)) == b"a&AA0ACg-m1 DELETE b"
            return
        with pytest.raises(FolderError) as error:
            found.name(Place("o", path))
        assert error.value.reason.code == "imap.name-impossible"


def test_a_folder_the_server_will_not_make_is_a_folders_matter_and_not_now_an_outage() -> None:
    listed = '* LIST () "/" INBOX\nTAG OK done\n'
    again = '* LIST () "/" INBOX\nTAG OK done\n'
    refusing = NAMESPACE, listed, "TAG NO [CANNOT] no dots\n", "TAG OK\n", again, "TAG OK\n"
    with tree(*refusing, capabilities="NAMESPACE LIST-EXTENDED") as (found, server):
        with pytest.raises(FolderError) as error:
            found.make(Place("o", ("a.b",)))
        assert b'UNSUBSCRIBE "a.b"\r\n' in server.recv(9999), "it is subscribed to nothing that is not there"
        assert error.value.reason.code == "imap.create-refused"
        assert error.value.reason.params == {"place": "a.b", "answer": "NO [CANNOT] no dots"}
    with (
        tree(NAMESPACE, listed, "TAG NO [INUSE] busy\n", "TAG NO\n", capabilities="NAMESPACE LIST-EXTENDED") as (
            found,
            _,
        ),
        pytest.raises(Outage),
    ):
        found.make(Place("o", ("a",)))


def test_a_folder_that_another_lane_made_first_is_there() -> None:
    listed, now = '* LIST () "/" INBOX\nTAG OK done\n', '* LIST (\\Subscribed) "/" a\nTAG OK done\n'
    exists = "TAG NO [ALREADYEXISTS] there\n"
    with tree(NAMESPACE, listed, exists, "TAG OK\n", now, capabilities="NAMESPACE LIST-EXTENDED") as (found, _):
        assert found.make(Place("o", ("a",))).subscribed


# -- the target as a whole -------------------------------------------------------------------------------------------


@pytest.mark.dovecot
def test_the_server_itself_says_which_signs_no_name_may_hold(new_box: Callable[[str], Box]) -> None:
    with tapped(new_box("dovecot_maildir")) as (maildir, seen), maildir.open() as target:
        assert {"/", "~", ".", "\r", "\0"} <= target.limits.forbidden
        assert not [command for command in seen.commands if command.startswith(WRITES)]
    box = new_box("dovecot_sdbox")
    with box.open() as target:
        assert not {".", "*"} & target.limits.forbidden
    with Box(config(box.config.reached_at, forbidden="*"), box.owner).open() as target:
        assert "*" in target.limits.forbidden


@pytest.mark.dovecot
def test_the_limits_are_those_of_the_capabilities(new_box: Callable[[str], Box]) -> None:
    with new_box("dovecot_sdbox").open() as target:
        limits = target.limits
    assert (limits.batch_items, limits.batch_bytes, limits.lanes, limits.can_withdraw) == (100, 4 * 2**20, 4, True)
    with tapped(new_box("dovecot_sdbox"), hide=[b"MULTIAPPEND", b"UIDPLUS"]) as (box, _), box.open() as target:
        assert (target.limits.lanes, target.limits.can_withdraw) == (1, False)
        codes = [reason.code for reason in target.advice()]  # type: ignore[attr-defined]
        assert codes == ["imap.no-uidplus", "imap.cleaning-untold"]


def test_two_mailboxes_are_not_the_same_store_and_a_certificate_is_told(
    new_box: Callable[[str], Box], dovecot_sdbox: Dovecot
) -> None:
    with new_box("dovecot_sdbox").open() as target:
        plain = target.identity()
        assert plain.certificate is None
        assert "Dovecot" in plain.store
    secure = config(dovecot_sdbox.tls_port, security="tls", ca_file=dovecot_sdbox.ca_file)
    with Box(secure, user()).open() as target:
        assert len(target.identity().certificate or "") == 64


@pytest.mark.dovecot
def test_a_lost_connection_is_an_outage_and_the_next_question_makes_a_new_one(new_box: Callable[[str], Box]) -> None:
    with tapped(new_box("dovecot_sdbox")) as (box, seen), box.open() as target:
        place = box.at("box")
        target.prepare(place)
        seen.cut()
        with pytest.raises(Outage) as error:
            target.mark(place)
        assert error.value.reason.code == "imap.lost"
        assert target.mark(place) is not None
        assert len(list(target.deliver([parcel(place)]))) == 1


@pytest.mark.dovecot
def test_a_folder_that_was_made_anew_stops_what_goes_by_number(new_box: Callable[[str], Box]) -> None:
    box = new_box("dovecot_sdbox")
    place = box.at("box")
    with box.open() as target:
        before = target.prepare(place)
        list(target.deliver([parcel(place)]))
        (sighting,) = target.survey(place, None)
        with box.somebody() as somebody:
            somebody.do("delete", "box")
            somebody.do("create", "box")
            somebody.add("box", mail("other"), frozenset(), AT)
        after = target.mark(place)
        assert after is not None
        assert after.epoch != before.epoch
        for question in (
            lambda: target.fetch(place, sighting.ref),
            lambda: target.withdraw(place, sighting.ref, sighting),
            lambda: target.amend(place, sighting.ref, sighting, Reflag()),
        ):
            with pytest.raises(FolderError) as error:
                question()
            assert error.value.reason.code == "imap.epoch-changed"
        assert len(list(target.survey(place, before))) == 1


@pytest.mark.dovecot
@pytest.mark.parametrize("taking", [True, False])
def test_what_a_person_does_between_our_look_and_our_change_is_spared(
    new_box: Callable[[str], Box], monkeypatch: pytest.MonkeyPatch, taking: bool
) -> None:
    with tapped(new_box("dovecot_sdbox")) as (box, seen), box.open() as target:
        place = box.at("box")
        target.prepare(place)
        list(target.deliver([parcel(place)]))
        (sighting,) = target.survey(place, None)
        look, looks = changes.Mail._look, count()

        def interrupted(mail: changes.Mail) -> Sighting | None:
            found = look(mail)
            if next(looks) == 0:
                with box.somebody() as somebody:
                    somebody.do("select", "box")
                    somebody.do("store", "1", "+FLAGS.SILENT", "(\\Flagged)")
            return found

        monkeypatch.setattr(changes.Mail, "_look", interrupted)
        if taking:
            done: object = target.withdraw(place, sighting.ref, sighting)
        else:
            done = target.amend(place, sighting.ref, sighting, Reflag(add=frozenset({"\\Seen"})))
        assert isinstance(done, Touched)
        (now,) = target.survey(place, None)
        assert now.flags == {"\\Flagged"}
        assert not any(command.startswith((b"EXPUNGE", b"CLOSE")) for command in seen.commands)


@pytest.mark.dovecot
def test_a_move_needs_move_or_uidplus(new_box: Callable[[str], Box]) -> None:
    with tapped(new_box("dovecot_sdbox"), hide=[b"MOVE", b"UIDPLUS"]) as (box, _), box.open() as target:
        place = box.at("box")
        target.prepare(place)
        list(target.deliver([parcel(place)]))
        (sighting,) = target.survey(place, None)
        refused = target.amend(place, sighting.ref, sighting, Relocate(box.at("other")))
        assert "imap.move-impossible" in repr(refused)
        with pytest.raises(FolderError) as error:
            target.withdraw(place, sighting.ref, sighting)
        assert error.value.reason.code == "imap.withdraw-impossible"
        assert isinstance(next(iter(target.survey(place, None))), Sighting)
