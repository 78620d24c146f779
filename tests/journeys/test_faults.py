"""Whatever breaks between us and a server, and wherever in a batch of 50: nothing is lost and nothing arrives twice."""

import os
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.journeys.crossing import BATCH, PLACE, Crossing, crossing, letters, staged
from tests.servers.between import Command, Fault, Link
from tests.servers.dovecot import PASSWORD, Dovecot
from tests.servers.faults import (
    Answer,
    Bye,
    CutAt,
    CutInside,
    Deadly,
    Expire,
    Flaky,
    Late,
    Meanwhile,
    Rewrite,
    Slow,
    Spoil,
    Strike,
    Swallow,
    Told,
)

pytestmark = [pytest.mark.dovecot, pytest.mark.timeout(3600)]

TORTURE = bool(os.environ.get("MIGRATOR_TORTURE"))
"""Every position, instead of some."""

EVERY = range(1, BATCH + 1)
SOME = EVERY if TORTURE else (1, 27, BATCH)
FEW = EVERY if TORTURE else (27,)

ALL_AT_ONCE: list[bytes] = []
ONE_BY_ONE = [b"MULTIAPPEND"]
ASKING = [b"LITERAL+"]
ASKING_ONE_BY_ONE = [b"MULTIAPPEND", b"LITERAL+"]

Make = Callable[[int], Strike]


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAP_TEST_PASSWORD", PASSWORD)


@pytest.fixture(scope="module")
def fifty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return staged(tmp_path_factory.mktemp("fifty"), letters())


def told(hide: list[bytes]) -> Fault:
    return Told(dict.fromkeys(hide, b""))


def check_arrived(way: Crossing, *, findings: list[str] | None = None) -> None:
    """Each of the fifty is there once, as its administrator counts, and verify has nothing to say but this."""
    way.faults.layers = []
    assert way.arrived() == Counter({f"<m{number}@example.co.jp>": 1 for number in range(BATCH)})
    assert way.verified() == (findings or [])
    way.check_words()


@pytest.mark.parametrize(
    ("make", "hide", "positions", "code"),
    [
        pytest.param(Swallow, ALL_AT_ONCE, [1], "imap.lost", id="answer-lost"),
        pytest.param(Swallow, ONE_BY_ONE, SOME, "imap.lost", id="one-answer-lost"),
        pytest.param(lambda at: CutInside(at, 0), ALL_AT_ONCE, FEW, "imap.lost", id="cut-before-a-mail"),
        pytest.param(CutInside, ALL_AT_ONCE, SOME, "imap.lost", id="cut-inside-a-mail"),
        pytest.param(CutInside, ONE_BY_ONE, FEW, "imap.lost", id="cut-inside-one"),
        pytest.param(CutInside, ASKING, FEW, "imap.lost", id="cut-inside-an-asked-mail"),
        pytest.param(lambda at: CutInside(at, 1), ASKING_ONE_BY_ONE, FEW, "imap.lost", id="cut-after-a-mail"),
        pytest.param(Bye, ALL_AT_ONCE, [1], "imap.bye", id="bye"),
        pytest.param(Bye, ONE_BY_ONE, SOME, "imap.bye", id="bye-to-one"),
        pytest.param(lambda at: Bye(at, stored=True), ALL_AT_ONCE, [1], "imap.bye", id="stored-then-bye"),
        pytest.param(lambda at: Bye(at, stored=True), ONE_BY_ONE, FEW, "imap.bye", id="one-stored-then-bye"),
        pytest.param(Spoil, ALL_AT_ONCE, SOME, "imap.bad", id="bad"),
        pytest.param(Spoil, ONE_BY_ONE, FEW, "imap.bad", id="bad-to-one"),
        pytest.param(Spoil, ASKING, FEW, "imap.bad", id="bad-to-an-asked-mail"),
    ],
)
def test_wherever_a_batch_breaks_every_mail_arrives_once(
    fifty: Path, tmp_path: Path, dovecot_sdbox: Dovecot, make: Make, hide: list[bytes], positions: list[int], code: str
) -> None:
    for at in positions:
        with crossing(fifty, tmp_path, dovecot_sdbox) as way:
            strike = make(at)
            way.faults.layers = [told(hide), strike]
            assert way.load() == 0, way.reasons
            assert strike.struck, f"nothing happened at {at}"
            assert way.codes == [code]
            check_arrived(way)


@pytest.mark.parametrize("strike", [CutAt, lambda at: Spoil(at, mails=False)], ids=["cut", "bad"])
def test_at_whatever_command_the_line_breaks_every_mail_arrives_once(
    fifty: Path, tmp_path: Path, dovecot_sdbox: Dovecot, strike: Make
) -> None:
    at = 0
    while True:
        at += 1 if TORTURE else 9
        with crossing(fifty, tmp_path, dovecot_sdbox) as way:
            fault = strike(at)
            way.faults.layers = [fault]
            # before the login, and while folders are made, a line may break without a wait; it never breaks unnoticed
            assert way.load() == 0, way.reasons
            check_arrived(way)
            if not fault.struck:
                return


@pytest.mark.parametrize(("seconds", "positions"), [(0.3, EVERY if TORTURE else (1,)), (3.0, EVERY if TORTURE else ())])
def test_what_is_stored_late_is_waited_for(
    fifty: Path, tmp_path: Path, dovecot_sdbox: Dovecot, seconds: float, positions: list[int]
) -> None:
    for at in positions:
        for hide in (ONE_BY_ONE, ALL_AT_ONCE) if at == 1 else (ONE_BY_ONE,):
            with crossing(fifty, tmp_path, dovecot_sdbox) as way:
                late = Late(at, seconds)
                way.faults.layers = [told(hide), late]
                assert way.load(late_commit=seconds + 0.7) == 0
                assert (way.codes, way.counts["recalled"]) == (["imap.lost"], 0)
                check_arrived(way)


def test_four_lanes_lose_nothing_when_one_of_them_breaks(fifty: Path, tmp_path: Path, dovecot_sdbox: Dovecot) -> None:
    with crossing(fifty, tmp_path, dovecot_sdbox) as way:
        way.faults.layers = [told(ONE_BY_ONE), Swallow(30)]
        assert way.load(lanes=4) == 0
        check_arrived(way)


def test_a_slow_server_is_waited_for_and_a_silent_one_is_an_outage(
    fifty: Path, tmp_path: Path, dovecot_sdbox: Dovecot
) -> None:
    with crossing(fifty, tmp_path, dovecot_sdbox, timeout=5) as way:
        way.faults.layers = [Slow(20, 0.5)]
        assert (way.load(), way.codes) == (0, [])
        check_arrived(way)
    with crossing(fifty, tmp_path, dovecot_sdbox, timeout=2) as way:
        way.faults.layers = [Slow(20, 3)]
        assert (way.load(late_commit=2), way.codes) == (0, ["imap.silent"])
        check_arrived(way)


# -- a NO ------------------------------------------------------------------------------------------------------------


def about(number: int) -> Callable[[Link, Command], bool]:
    """Whether a command carries this mail, counted from 1."""
    subject = b"<m%d@example.co.jp>" % (number - 1)
    return lambda _, command: any(subject in mail for mail in command.mails)


def carries_mail(link: Link, command: Command, *, also: Callable[[], bool]) -> bool:
    return bool(command.mails) and also()


@pytest.mark.parametrize("hide", [ALL_AT_ONCE, ONE_BY_ONE] if TORTURE else [ONE_BY_ONE])
@pytest.mark.parametrize(
    ("words", "ends", "told_codes"),
    [
        (b"NO [OVERQUOTA] full", 1, ["imap.over-quota"]),
        (b"NO [NOPERM] not yours", 1, ["imap.append-forbidden"]),
        (b"NO [TRYCREATE] gone", 1, ["imap.place-vanishes"]),
        (b"NO [UNAVAILABLE] later", 75, ["imap.not-now"]),
        (b"NO [INUSE] locked", 75, ["imap.not-now"]),
        (b"NO [SERVERBUG] oops", 75, ["imap.not-now"]),
        (b"NO [LIMIT] too large", 1, ["imap.refused"]),
        (b"NO [CANNOT] such a mail", 1, ["imap.refused"]),
        (b"NO I will not", 1, ["imap.unclear-no", "imap.refused"]),
        (b"NO [WHATEVER] I will not", 1, ["imap.unclear-no", "imap.refused"]),
    ],
)
def test_a_no_to_one_mail_of_a_batch_means_what_it_says(
    fifty: Path,
    tmp_path: Path,
    dovecot_sdbox: Dovecot,
    words: bytes,
    ends: int,
    told_codes: list[str],
    hide: list[bytes],
) -> None:
    for at in EVERY if TORTURE else (27,):
        with crossing(fifty, tmp_path, dovecot_sdbox) as way:
            answer = Answer(words, about(at))
            way.faults.layers = [told(hide), answer]
            assert way.load(patience=3 if ends == 75 else 60) == ends
            assert list(dict.fromkeys(way.codes)) == told_codes
            way.check_words()
            assert answer.told >= (2 if "imap.refused" in told_codes else 1)
            assert way.arrived()[f"<m{at - 1}@example.co.jp>"] == 0
            if "imap.refused" in told_codes:
                assert (way.counts["loaded"], way.counts["refused"]) == (BATCH - 1, 1)
            else:
                assert way.counts["refused"] == 0
            way.faults.layers = []
            assert way.load(retry=True) == 0
            check_arrived(way)


def test_a_no_that_passes_is_asked_again_and_refuses_nothing(
    fifty: Path, tmp_path: Path, dovecot_sdbox: Dovecot
) -> None:
    for words in (b"NO [UNAVAILABLE] later", b"NO I will not", b"NO [LIMIT] wait"):
        with crossing(fifty, tmp_path, dovecot_sdbox) as way:
            passing = iter([True, True])
            wrong = partial(carries_mail, also=lambda passing=passing: next(passing, False))
            way.faults.layers = [Answer(words, wrong)]
            assert way.load() == 0, way.reasons
            assert way.counts["refused"] == 0
            check_arrived(way)


# -- other servers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "less",
    [
        {b"UIDPLUS": b""},
        {b"MULTIAPPEND": b"", b"UIDPLUS": b""},
        {b"LITERAL+": b"LITERAL-"},
        {b"LITERAL+": b""},
        {b"UIDPLUS": b"", b"MULTIAPPEND": b"", b"LITERAL+": b"", b"UNSELECT": b"", b"STATUS=SIZE": b""},
    ],
    ids=lambda less: "-".join(word.decode() for word in less),
)
def test_a_server_that_can_less_is_settled_with_too(
    fifty: Path, tmp_path: Path, dovecot_sdbox: Dovecot, less: dict[bytes, bytes]
) -> None:
    for strike in (Swallow(1), CutInside(27), Late(1)) if TORTURE else (CutInside(27),):
        with crossing(fifty, tmp_path, dovecot_sdbox) as way:
            way.faults.layers = [Told(less), strike]
            assert way.load(late_commit=1 if isinstance(strike, Late) else 0.1) == 0
            assert way.codes == ["imap.lost"]
            check_arrived(way)


def test_a_server_that_adds_a_header_gets_each_mail_once_and_verify_says_what_it_did(
    fifty: Path, tmp_path: Path, dovecot_sdbox: Dovecot
) -> None:
    for strikes in ([Swallow(1)], [told(ONE_BY_ONE), Swallow(27)]):
        with crossing(fifty, tmp_path, dovecot_sdbox) as way:
            way.faults.layers = [*strikes, Rewrite()]
            assert way.load() == 0
            assert way.counts["recalled"] in (0, BATCH - 27)
            check_arrived(way, findings=["changed"] * BATCH)


def test_a_place_made_anew_in_the_middle_of_a_load_stops_it_there_and_says_so(
    fifty: Path, tmp_path: Path, dovecot_sdbox: Dovecot
) -> None:
    for hide in (ALL_AT_ONCE, ONE_BY_ONE):
        with crossing(fifty, tmp_path, dovecot_sdbox) as way:
            anew = ("mailbox", "update", "-u", way.owner, "--uid-validity", "4711", PLACE)
            way.faults.layers = [told(hide), Meanwhile(20, lambda anew=anew: dovecot_sdbox.doveadm(*anew)), Swallow(1)]
            assert (way.load(), way.codes[-1]) == (1, "place.epoch-changed")
            way.faults.layers = []
            assert (way.load(), way.codes) == (1, ["place.epoch-changed"])
            way.check_words()
            assert max(way.arrived().values()) == 1


# -- an expired token ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [b"NO [AUTHENTICATIONFAILED] token expired", b"NO [EXPIRED] token expired"])
def test_a_token_that_expires_in_the_middle_is_asked_for_again(
    fifty: Path, tmp_path: Path, dovecot_sdbox: Dovecot, words: bytes
) -> None:
    for at in range(1, 40) if TORTURE else (1, 24, 30):
        owner = dovecot_sdbox.account()
        asked, token = tmp_path / f"asked{at}", tmp_path / "token"
        token.write_text(dovecot_sdbox.token(owner))
        command = ("sh", "-c", f"echo x >>{asked}; cat {token}")
        how = {"auth": "xoauth2", "token": {"command": command}}
        with crossing(fifty, tmp_path, dovecot_sdbox, owner=owner, **how) as way:
            way.faults.layers = [told(ONE_BY_ONE), Expire(at, words)]
            assert way.load() == 0, way.reasons
            assert way.codes == ["imap.login-ended"]
            assert len(asked.read_text().split()) == 2
            check_arrived(way)


def test_a_token_that_is_not_renewed_ends_the_load_at_once(fifty: Path, tmp_path: Path, dovecot_sdbox: Dovecot) -> None:
    owner, token = dovecot_sdbox.account(), tmp_path / "token"
    token.write_text(dovecot_sdbox.token(owner))
    how = {"auth": "xoauth2", "token": {"command": ("cat", str(token))}}
    with crossing(fifty, tmp_path, dovecot_sdbox, owner=owner, **how) as way:
        stale = Meanwhile(27, lambda: token.write_text(dovecot_sdbox.token(owner, seconds=-60)))
        way.faults.layers = [told(ONE_BY_ONE), stale, Swallow(27)]
        assert way.load() == 2
        assert way.codes == ["imap.lost", "imap.shared-login-refused"]
        token.write_text(dovecot_sdbox.token(owner))
        assert way.load() == 0
        check_arrived(way)


# -- mails that end connections ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("lanes", [1, 3])
def test_mails_that_a_server_dies_of_are_refused_and_their_neighbours_go(
    fifty: Path, tmp_path: Path, dovecot_sdbox: Dovecot, lanes: int
) -> None:
    deadly = [b"<m7@example.co.jp>", b"<m31@example.co.jp>"]
    with crossing(fifty, tmp_path, dovecot_sdbox) as way:
        way.faults.layers = [Deadly(*deadly)]
        assert way.load(lanes=lanes) == 1
        assert (way.counts["loaded"], way.counts["refused"]) == (BATCH - 2, 2)
        assert set(way.codes) == {"imap.lost", "imap.ends-connection"}
        way.check_words()
        way.faults.layers = []
        assert way.load(retry=True) == 0
        check_arrived(way)


# -- a flaky network -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("chance", "lanes"), [(0.01, 1), (0.02, 3), (0.04, 1), (0.04, 3)] if TORTURE else [(0.01, 3)])
def test_a_network_that_cuts_at_random_gets_no_good_mail_refused(
    fifty: Path, tmp_path: Path, dovecot_sdbox: Dovecot, chance: float, lanes: int
) -> None:
    cuts = 0
    for seed in range(5 if TORTURE else 1):
        with crossing(fifty, tmp_path, dovecot_sdbox) as way:
            flaky = Flaky(chance, seed)
            way.faults.layers = [flaky]
            ended = way.load(patience=10_000 if chance > 0.02 else 100_000, late_commit=0.05, lanes=lanes)
            cuts += flaky.cuts
            if (
                chance > 0.02 and ended == 75
            ):  # to look at fifty mails in doubt takes longer than such a line ever holds
                way.faults.layers = []
                ended = way.load(late_commit=0.05)
            assert ended == 0, way.reasons
            check_arrived(way)
    assert cuts
