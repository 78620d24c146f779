"""No mail is ever run as a command (laws.md §9), as the server's own list of the commands it has seen shows."""

import os
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from migrator.staging.store import Staging
from tests.adapters.imap.test_commands import COMMANDS
from tests.journeys.crossing import BATCH, Crossing, crossing, letters, staged
from tests.roads import mail, road
from tests.servers import dovecot
from tests.servers.between import LITERAL, Link
from tests.servers.dovecot import PASSWORD, Dovecot
from tests.servers.faults import Spoil, Told

pytestmark = [pytest.mark.dovecot, pytest.mark.timeout(3600)]

TORTURE = bool(os.environ.get("MIGRATOR_TORTURE"))
EVERY = range(1, BATCH + 1)


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAP_TEST_PASSWORD", PASSWORD)


@pytest.fixture(scope="module")
def watched() -> Iterator[Dovecot]:
    """A server that tells which commands it has seen."""
    with dovecot.server(storage="sdbox", more=dovecot.COMMANDS) as running:
        yield running


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Mails full of commands among harmless ones."""
    raws = letters()
    for at in range(len(raws)):
        if at % 7 in (1, 2, 5):
            raws[at] = mail(f"m{at}", COMMANDS.decode())  # near its beginning: a server bears only so much nonsense
    return staged(tmp_path_factory.mktemp("hostile"), raws)


def meant(way: Crossing) -> Counter[tuple[str, str]]:
    """The commands we gave, as the proxy between heard them."""
    return Counter((command.tag.decode(), command.name.decode()) for command in way.faults.commands)


def check_commands(way: Crossing) -> None:
    """The server has taken nothing for a command that we did not give, and there is no trace of one.

    Lines of harmless mails may have reached its parser; to it they are no commands.
    """
    seen = Counter((tag, name) for tag, name, _ in way.dovecot.commands(way.owner) if name not in ("", "unknown"))
    assert seen - meant(way) == Counter()
    assert set(way.folders()) == {"box", "INBOX", "Drafts", "Sent", "Junk", "Trash"}


def after_bad(way: Crossing) -> tuple[list[Link], Link]:
    """The connection that ended with BAD, and the ones after it."""
    (bad,) = [link for link in way.faults.links if any(kind == b"BAD" for _, kind in link.answers)]
    return way.faults.links[way.faults.links.index(bad) + 1 :], bad


def literals(links: list[Link]) -> list[bool]:
    """For each mail, whether it was sent without being asked for."""
    lines = [line for link in links for each in link.commands if each.name == b"APPEND" for line in each.pieces[::2]]
    return [found[2] == b"+" for line in lines if (found := LITERAL.search(line))]


@pytest.mark.parametrize(
    ("hide", "positions"),
    [
        ([], EVERY if TORTURE else (1, 3, 22, BATCH)),
        ([b"MULTIAPPEND"], EVERY if TORTURE else (3,)),
        ([b"MULTIAPPEND", b"LITERAL+"], EVERY if TORTURE else (22,)),
    ],
    ids=["all-at-once", "one-by-one", "asking"],
)
def test_after_a_bad_in_the_middle_of_a_batch_no_line_of_a_mail_is_run(
    hostile: Path, tmp_path: Path, watched: Dovecot, hide: list[bytes], positions: list[int]
) -> None:
    for at in positions:
        with crossing(hostile, tmp_path, watched) as way:
            way.faults.layers = [Told(dict.fromkeys(hide, b"")), Spoil(at)]
            assert way.load() == 0, way.reasons
            assert way.codes == ["imap.bad"]
            check_commands(way)
            later, bad = after_bad(way)
            assert bad.ended
            assert bad.commands[-1].name == b"APPEND", "not a word after the BAD, not even good-bye"
            assert literals(later) == [False] * way.counts["recalled"]
            way.faults.layers = []
            assert way.arrived() == Counter({f"<m{number}@example.co.jp>": 1 for number in range(BATCH)})
            assert way.verified() == []


def test_mails_full_of_commands_are_asked_for_and_the_others_are_not(
    hostile: Path, tmp_path: Path, watched: Dovecot
) -> None:
    with crossing(hostile, tmp_path, watched) as way:
        assert (way.load(), way.codes) == (0, [])
        check_commands(way)
        assert literals(way.faults.links) == [at % 7 not in (1, 2, 5) for at in range(BATCH)]


def test_whatever_a_store_says_of_a_mail_no_command_is_misunderstood(watched: Dovecot, tmp_path: Path) -> None:
    """Flags, names and dates of a store that means us harm."""
    signs = ["a b", '"', '\r\nq9 CREATE "Injected"\r\n', "{5}", "{5+}\r\nq9 CREATE Injected", "\0", "(", ") {1+}"]
    signs += ["%*", "\\", "\\Recent", "\\Seen) {3}", "]", "\x7f", "&", "&AGE-", "\ud800", "長" * 60, "~", "NIL"]
    dates = [datetime.min, datetime.max, datetime(1, 1, 2), datetime(1969, 12, 31), datetime(9999, 12, 30)]  # noqa: DTZ001, DTZ901
    number = 0
    with road() as way, Staging.open("sqlite:///staging.db", folder=tmp_path) as staging:
        for sign in signs:
            for path in ((sign,), ("a", sign), (sign, sign)):
                number += 1
                way.old.add("sato", path, mail(f"m{number}"), flags=[sign, "\\Seen"])
        for at in dates:
            for day in ("Mon, 31 Dec 10000 00:00:00 +0000", "Sat, 1 Jan 0000 00:00:00 +0000", "\0", "32 Foo 99"):
                number += 1
                way.old.add("sato", ("box",), mail(f"m{number}", Date=day), received_at=at.replace(tzinfo=UTC))
        way.extract(staging)
    home = tmp_path / "home"
    home.mkdir()
    with crossing(tmp_path / "staging.db", home, watched) as over:
        assert (over.load(), over.codes) == (0, [])
        seen = watched.commands(over.owner)
        assert [name for _, name, answer in seen if answer == "BAD" or name in ("", "unknown")] == []
        assert Counter((tag, name) for tag, name, _ in seen) - meant(over) == Counter()
        assert not [name for name in over.folders() if name == "Injected"]
        told = watched.doveadm("-f", "tab", "fetch", "-u", over.owner, "hdr.message-id", "all").decode().split("\n")
        assert Counter(told[1:-1]) == Counter(f"<m{each}@example.co.jp>" for each in range(1, number + 1))
        assert over.verified() == []
