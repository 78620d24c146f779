"""Shared inboxes over IMAP: on Dovecot with ACL and METADATA, and on servers that can less."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import pytest

from adapters.imap import adapter
from adapters.imap.sharing import LETTERS
from adapters.imap.words import base64_string, identifier
from migrator.errors import FolderError
from migrator.inboxes import Right
from migrator.model import Mailbox, Place, Unable
from migrator.ports import Holds
from migrator.testing import SharedTargetContract
from tests.adapters.imap.conftest import Box, config, tapped

FULL = Holds(rights=frozenset(LETTERS), words=None, legend=True)


_people = (f"member{number}@example.co.jp" for number in count(1))


@dataclass(frozen=True, slots=True)
class SharedBox(Box):
    """A mailbox, and two other people of its server."""

    people: tuple[str, str]

    def open(self) -> AbstractContextManager[Any]:
        assert adapter.open_target is not None
        return adapter.open_target(self.config, Mailbox(self.owner))


def shared(box: Box, **more: Any) -> SharedBox:
    return SharedBox(config(box.config.reached_at, **more), box.owner, (next(_people), next(_people)))


@pytest.mark.dovecot
@pytest.mark.parametrize("server", ["dovecot_maildir", "dovecot_sdbox"])
class TestDovecot(SharedTargetContract):
    holds = FULL

    @pytest.fixture
    def store(self, new_box: Callable[[str], Box], server: str) -> SharedBox:
        return shared(new_box(server))


@pytest.mark.dovecot
class TestStateFolders(SharedTargetContract):
    """States by folders, people and tags still by keywords."""

    holds = replace(FULL, folders=True)

    @pytest.fixture
    def store(self, new_box: Callable[[str], Box]) -> SharedBox:
        return shared(new_box("dovecot_maildir"), states="folders")


@pytest.mark.dovecot
class TestServerWithoutNewKeywords(SharedTargetContract):
    """PERMANENTFLAGS without `\\*`: nothing can be told by words, by folders it can."""

    holds = replace(FULL, words=0, folders=True)

    @pytest.fixture
    def store(self, new_box: Callable[[str], Box]) -> Iterator[SharedBox]:
        with tapped(new_box("dovecot_sdbox"), hide=[b"\\*"]) as (box, _):
            yield shared(box, states="folders")


class TestPymap(SharedTargetContract):
    """Keywords, and nothing else."""

    holds = Holds(words=None)

    @pytest.fixture
    def store(self, new_box: Callable[[str], Box]) -> SharedBox:
        return shared(new_box("pymap"))


@pytest.mark.dovecot
class TestServerThatHoldsNothing(SharedTargetContract):
    """No ACL, no METADATA, and an operator who wants no states."""

    holds = Holds()

    @pytest.fixture
    def store(self, new_box: Callable[[str], Box]) -> Iterator[SharedBox]:
        with tapped(new_box("dovecot_sdbox"), hide=[b"ACL", b"METADATA"]) as (box, _):
            yield shared(box, states="none")


@pytest.mark.dovecot
def test_a_server_that_cannot_move_a_mail_shows_no_states_by_folders(new_box: Callable[[str], Box]) -> None:
    hidden = tapped(new_box("dovecot_sdbox"), hide=[b"MOVE", b"UIDPLUS"])
    with hidden as (box, _), shared(box, states="folders").open() as target:
        assert not target.holds().folders


@pytest.mark.dovecot
def test_the_number_of_keywords_that_the_operator_knows_is_said(new_box: Callable[[str], Box]) -> None:
    with shared(new_box("dovecot_maildir"), keywords=26).open() as target:
        assert target.holds().words == 26


@pytest.mark.dovecot
@pytest.mark.parametrize(
    "who", ["anyone", "Owner", "authenticated", "-sato", "$staff", "user=sato", 'a"b', "a b", "{3}", "a\\", "佐藤", "*"]
)
def test_a_name_that_means_more_than_one_person_gets_nothing_and_goes_nowhere(
    new_box: Callable[[str], Box], who: str
) -> None:
    assert identifier(who) is None
    with tapped(new_box("dovecot_sdbox")) as (box, tap), shared(box).open() as target:
        place = Place(box.owner, ("INBOX",))
        assert isinstance(target.grant(place, who, frozenset({Right.READ})), Unable)
        assert b"SETACL" not in tap.sent


def test_what_is_no_base64_goes_into_no_command() -> None:
    assert base64_string(b"YQ==") == b'"YQ=="'
    for value in (b"", b'"', b"a\r\nb", b"{3}", b"===="):
        with pytest.raises(AssertionError):
            base64_string(value)


@pytest.mark.dovecot
def test_a_legend_that_no_command_can_carry_is_not_sent(new_box: Callable[[str], Box]) -> None:
    with tapped(new_box("dovecot_sdbox")) as (box, tap), shared(box).open() as target:
        with pytest.raises(FolderError) as error:
            target.publish(Place(box.owner, ("INBOX",)), "x" * 60_000)
        assert error.value.reason.code == "imap.legend-too-long"
        assert b"SETMETADATA" not in tap.names
