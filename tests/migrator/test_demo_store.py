"""The demo's groupware is the same every time, holds every story, and is told whole by its shipped mapping."""

import email
import email.policy
import re
import statistics
from collections import Counter
from datetime import timedelta
from email.header import decode_header, make_header
from pathlib import Path

import pytest

from adapters.groupware import adapter
from migrator import japanese
from migrator.demo import bulk
from migrator.demo.letters import JIS, SJIS, UTF8_8BIT, UTF8_BASE64, UTF8_QP, Attachment, Letter, Writing, jis, written
from migrator.demo.office import FOUNDED, Planted
from migrator.demo.people import CUSTOMERS, MATTERS, SENTENCES, STAFF
from migrator.demo.store import build
from migrator.inboxes import Status
from migrator.model import ANSWERED, DELETED, DRAFT, FLAGGED, FORWARDED, SEEN, Item, NotMail, Role, Unreadable
from migrator.shared.links import Shared
from migrator.shared.mails import own
from migrator.shared.reading import letters_at_source
from migrator.shared.standing import standing
from tests.adapters.groupware.builder import counted, items, snapshot, walk


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    return build(tmp_path_factory.mktemp("demo") / "gwdata")


@pytest.fixture(scope="module")
def found(planted: Planted) -> dict:
    assert adapter.open_source is not None
    with adapter.open_source(adapter.config(mapping="kyoyu-mail", root=planted.root)) as source:
        found = walk(source)
        assert {folder: count for folder, (count, _) in counted(source).items()} == {
            folder: len(all_) for folder, all_ in found.items()
        }
        assert [reason.code for reason in source.advice()] == []
        return found


def digests(root: Path) -> dict[str, str]:
    return {path: digest for path, (_, _, _, digest) in snapshot(root).items()}


def test_the_same_seed_writes_the_same_store_and_another_another(planted: Planted, tmp_path: Path) -> None:
    again, other = build(tmp_path / "again"), build(tmp_path / "other", seed=2)
    assert digests(again.root) == digests(planted.root)
    assert digests(other.root) != digests(planted.root)
    assert again.stories == planted.stories


def test_all_that_was_planted_is_told_and_nothing_else(planted: Planted, found: dict) -> None:
    assert Counter(item.raw.digest for item in items(found)) == Counter(planted.mails.values())
    told = [each for all_ in found.values() for each in all_]
    assert sum(isinstance(each, Unreadable) for each in told) == planted.faults
    assert sum(isinstance(each, NotMail) for each in told) == planted.not_mail
    assert [account for account in dict.fromkeys(folder.account.name for folder in found) if account] == list(
        planted.accounts
    )
    assert 400 <= len(planted.mails) <= 800


def test_faults_are_those_of_the_story(planted: Planted, found: dict) -> None:
    codes = Counter(each.reason.code for all_ in found.values() for each in all_ if isinstance(each, Unreadable))
    assert codes == {
        "groupware.file-missing": planted.stories["row without file"],
        "groupware.line-width": planted.stories["broken row"],
        "path.outside-root": planted.stories["row that climbs"],
        "file.empty": planted.stories["empty"],
    }


def test_people_folders_marks_and_dates_are_all_there(found: dict) -> None:
    flags = {flag for item in items(found) for flag in item.flags}
    assert flags == {SEEN, ANSWERED, FORWARDED, FLAGGED, DELETED, DRAFT}
    assert {"yoshida", "takagi", "support", ""} <= {folder.account.name for folder in found}, (
        "ex-employees and the shared inbox"
    )
    assert {folder.role for folder in found} == {None, Role.INBOX, Role.SENT, Role.DRAFTS, Role.TRASH, Role.JUNK}
    names = {step for folder in found for step in folder.path}
    assert {"㈱例示工業", "架空電機/保守", "旧~", "見積～2019", "ＦＡＸ通知"} <= names
    assert any(not all_ and folder.path for folder, all_ in found.items()), "empty folders"
    rows = [item for item in items(found) if item.key.startswith("index:")]
    assert all(item.dates and item.dates[0].at >= FOUNDED for item in rows)


def test_two_shared_inboxes_hold_matters_in_every_state_and_customers_who_wait(planted: Planted) -> None:
    assert adapter.open_source is not None
    with adapter.open_source(adapter.config(mapping="kyoyu-mail", root=planted.root)) as source:
        inboxes = list(source.inboxes())
        told = [
            standing(
                inbox,
                letters_at_source(source, inbox.account, until=FOUNDED + timedelta(days=9999)),
                source.work(inbox),
                own(["example.co.jp"]),
            )
            for inbox in inboxes
        ]
    assert [inbox.account.name for inbox in inboxes] == ["support", "sales"]
    conversations = [each for inbox in told for each in inbox.conversations if not each.is_bulk]
    assert len(conversations) == 21
    assert {each.status for each in conversations} == set(Status)
    waiting = [len([each for each in inbox.unanswered if not each.is_bulk]) for inbox in told]
    assert waiting == [8, 3]
    assert sum(len(inbox.wrote_again) for inbox in told) == 1
    assert {link.evidence for each in conversations for link in each.links} == {*Shared} - {Shared.SUBJECT}
    assert {reason.code for inbox in told for reason in inbox.doubts()} == {
        *("shared.label-unknown", "shared.two-assignees", "shared.wrote-again")
    }


def test_the_unnamed_account_holds_what_belongs_to_nobody(planted: Planted, found: dict) -> None:
    nobody = [each for folder, all_ in found.items() if not folder.account.name for each in all_]
    assert sum(isinstance(each, Item) for each in nobody) == planted.stories["file of nobody"]
    assert {each.rule for each in nobody if isinstance(each, NotMail)} == {"table", "half-received"}


def test_nobody_real_is_named(planted: Planted) -> None:
    for path in planted.mails:
        for domain in re.findall(rb"[\w.]{3,}@([a-z0-9-]+(?:\.[a-z0-9-]+)+)", path.read_bytes()):
            assert domain in (b"example.co.jp", b"example.com") or domain.endswith(b".example"), domain


def test_newsletters_share_their_body_but_not_their_header(planted: Planted) -> None:
    bodies = Counter()
    for path in planted.mails:
        head, _, body = path.read_bytes().partition(b"\r\n\r\n")
        if b"List-Id" in head:
            bodies[body] += 1
    assert sum(bodies.values()) == planted.stories["newsletter"]
    assert set(bodies.values()) == {len(STAFF) + 1}


def test_twins_lie_in_one_folder_and_a_long_thread_names_all_that_came_before(planted: Planted) -> None:
    by_folder = Counter((path.parent, digest) for path, digest in planted.mails.items())
    assert sorted(by_folder.values())[-2:] == [1, planted.stories["twin"]]
    references = [path.read_bytes().count(b"@", *_span(path.read_bytes(), b"References:")) for path in planted.mails]
    assert max(references) == planted.stories["long thread"] - 1


def _span(mail: bytes, header: bytes) -> tuple[int, int]:
    """Where a header of continuation lines begins and ends; nowhere where it is not there."""
    begin = mail.find(header)
    end = re.search(rb"\r\n(?! )", mail[begin:]) if begin >= 0 else None
    return (begin, begin + end.start()) if end else (0, 0)


# -- how mails are written ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("writing", [JIS, SJIS, UTF8_BASE64, UTF8_QP, UTF8_8BIT])
def test_a_letter_can_be_read_by_others(writing: Writing) -> None:
    letter = Letter(
        sender=CUSTOMERS[1],
        to=(STAFF[0], STAFF[1]),
        subject="お見積りのお願い" * 4,
        body="いつもお世話になっております。\n添付をご確認ください。\n",
        at=FOUNDED,
        message_id="<1@example.com>",
        references=("<0@example.com>",),
        attachments=(Attachment("見積書.pdf", b"%PDF" * 99, "application/pdf"),),
    )
    raw = written(letter, writing)
    assert raw.count(b"\n") == raw.count(b"\r\n")
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    mail = email.message_from_bytes(raw, policy=email.policy.compat32)
    assert str(make_header(decode_header(mail["Subject"]))).replace("\n", "") == letter.subject
    text, attached = mail.walk().__next__().get_payload()
    assert text.get_payload(decode=True).decode(writing.charset).replace("\r\n", "\n") == letter.body
    assert attached.get_payload(decode=True) == b"%PDF" * 99
    assert not mail.defects


def test_jis_holds_what_real_mailers_wrote_and_standard_decoders_do_not_know() -> None:
    assert jis("①㈱髙ｱa") == b"\x1b$B-!-j|b\x1b(I1\x1b(Ba"
    assert jis("お見積り") == "お見積り".encode("iso-2022-jp")
    for text in (*MATTERS, *SENTENCES):
        assert japanese.decode(jis(text), "iso-2022-jp") == text


# -- bulk --------------------------------------------------------------------------------------------------------------


def test_bulk_mails_have_the_sizes_of_real_ones_and_a_quarter_are_newsletters() -> None:
    mails = list(bulk.letters(2_000))
    sizes = sorted(len(mail.data) for mail in mails)
    assert len(mails) == 2_000
    assert 5_000 < statistics.median(sizes) < 8_500
    assert 30_000 < statistics.mean(sizes) < 75_000
    assert sizes[-1] < 9 * 2**20
    bodies = Counter(mail.data.partition(b"\r\n\r\n")[2] for mail in mails)
    assert sum(count for count in bodies.values() if count == 20) == 500
    assert [mail.data for mail in bulk.letters(50, seed=3)] == [mail.data for mail in bulk.letters(50, seed=3)]


@pytest.mark.parametrize("newline", ["crlf", "lf"])
def test_a_bulk_groupware_is_read_by_its_mapping(tmp_path: Path, newline: bulk.Newline) -> None:
    written = bulk.build(tmp_path / "gw", mails=80, accounts=4, newline=newline)
    assert adapter.open_source is not None
    with adapter.open_source(adapter.config(mapping="kyoyu-mail", root=tmp_path / "gw")) as source:
        mails = items(walk(source))
    assert (len(mails), sum(item.raw.size for item in mails)) == (written.mails, written.bytes)
    assert all((b"\r\n" in item.raw.read()) == (newline == "crlf") for item in mails)


def test_a_bulk_maildir_holds_all_its_mails(tmp_path: Path) -> None:
    written = bulk.build(tmp_path / "md", mails=60, shape="maildir", newline="lf")
    files = list((tmp_path / "md").rglob("cur/*"))
    assert (len(files), sum(path.stat().st_size for path in files)) == (written.mails, written.bytes)
    assert len({path.name.partition(":")[0] for path in files}) == len(files)
    assert (tmp_path / "md" / ".&W4xOhg-" / "cur").is_dir()
