"""対応履歴 mails: readable by any client, threaded, dated by what they tell, and the same on any day."""

import email
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from email import policy
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.inboxes import (
    About,
    Event,
    Happened,
    Named,
    Note,
    Principal,
    Scope,
    SharedInbox,
    Status,
    Tag,
    WorkState,
)
from migrator.mail import envelope, on_wire, split
from migrator.model import Account
from migrator.shared.conversation import Conversation
from migrator.shared.history import Made, history
from migrator.shared.links import Link, Shared
from migrator.shared.mails import Mail, Way, is_history

JST = timezone(timedelta(hours=9))
NOON = datetime(2009, 11, 2, 12, 0, tzinfo=JST)
WHOLE = About(thread="123")
INBOX = SharedInbox(key="b1", name="サポート窓口", account=Account("support"), address="support@example.co.jp")
PEOPLE = {"7": Principal(key="7", name="鈴木 一郎"), "9": Principal(key="9", name="高橋", left=True)}


def mails(*ids: str) -> tuple[Mail, ...]:
    return tuple(
        Mail(
            named=Named(("INBOX",), each),
            id=each,
            answers=frozenset(),
            subject="Re: 見積もりの件①",
            way=Way.IN,
            parties=("customer@x.example",),
            at=NOON,
            is_bulk=False,
            is_history=False,
            aside=False,
        )
        for each in ids
    )


STORY = Conversation(
    inbox="b1",
    mails=mails("<a@x.example>", "<b@example.co.jp>"),
    numbers=("123-4",),
    states=(
        WorkState(
            key="s", about=WHOLE, scope=Scope.CONVERSATION, status=Status.IN_PROGRESS, label="処理中", assignee="7"
        ),
    ),
    events=(
        Event(key="e2", about=WHOLE, what=Happened.ASSIGNED, old="9", new="7", at=NOON + timedelta(hours=2), by="9"),
    ),
    notes=(Note(key="n", about=WHOLE, text="電話済み。\n折り返し待ち。", at=NOON + timedelta(hours=1), by="9"),),
    tags=(Tag(key="t", about=WHOLE, name="至急"),),
)


def told(story: Conversation = STORY, lang: Any = "ja", inbox: SharedInbox = INBOX, **people: Principal) -> Made | None:
    return history(story, inbox, people or PEOPLE, sender="no-reply@example.co.jp", lang=lang)


def made(story: Conversation = STORY, lang: Any = "ja", **more: Any) -> Made:
    found = told(story, lang, **more)
    assert found is not None
    return found


def parsed(story: Conversation = STORY, lang: Any = "ja", **more: Any) -> EmailMessage:
    found = email.message_from_bytes(made(story, lang, **more).raw.read(), policy=policy.default)
    assert isinstance(found, EmailMessage)
    assert not found.defects
    return found


def test_it_tells_state_person_tags_notes_and_events_in_the_order_they_happened() -> None:
    text = parsed().get_content()
    for line in ("状態: 対応中 (処理中) 担当: 鈴木 一郎", "タグ: 至急", "番号: 123-4"):
        assert line in text.splitlines()
    assert text.index("電話済み。") < text.index("折り返し待ち。") < text.index("高橋 → 鈴木 一郎")
    assert "2009-11-02 13:00 +0900  高橋" in text


def test_it_speaks_the_operators_language() -> None:
    assert "in progress (処理中) assigned to 鈴木 一郎" in parsed(lang="en").get_content()
    assert parsed(lang="en")["Subject"] == "History: Re: 見積もりの件①"
    assert parsed()["Subject"] == "対応履歴: Re: 見積もりの件①"


def test_it_answers_the_last_mail_and_is_dated_by_the_last_thing_told() -> None:
    assert parsed()["In-Reply-To"] == "<b@example.co.jp>"
    assert parsed()["References"].split() == ["<a@x.example>", "<b@example.co.jp>"]
    assert made().at == NOON + timedelta(hours=2)
    assert parsed()["Date"].datetime == made().at


def test_it_comes_from_an_address_that_takes_no_answers_and_sets_off_no_robot() -> None:
    assert parsed()["From"].addresses[0].addr_spec == "no-reply@example.co.jp"
    assert parsed()["From"].addresses[0].display_name == "サポート窓口"
    assert parsed()["Auto-Submitted"] == "auto-generated"


def test_what_has_no_date_comes_first_and_the_last_mail_gives_the_date() -> None:
    undated = replace(STORY, events=(), notes=(Note(key="n", about=WHOLE, text="いつか"),))
    assert made(undated).at == NOON
    assert "（日付なし）" in parsed(undated).get_content()


def test_where_there_is_nothing_to_tell_there_is_no_mail_but_where_only_the_stores_number_holds_it_together() -> None:
    quiet = replace(STORY, events=(), notes=())
    assert told(quiet) is None
    by_header = Link(first="<a@x.example>", second="<b@example.co.jp>", evidence=Shared.REFERENCES)
    assert told(replace(quiet, links=(by_header,))) is None
    assert made(replace(quiet, links=(by_header, replace(by_header, evidence=Shared.INDEX))))


def test_its_message_id_names_the_conversation_and_what_is_told() -> None:
    def ids(story: Conversation, **more: Any) -> list[str]:
        return envelope(split(made(story, **more).raw.read())[0]).message_id.split(".")[:3]  # type: ignore[union-attr]

    more = replace(STORY, notes=(*STORY.notes, Note(key="m", about=WHOLE, text="more", at=NOON)))
    assert made().raw.digest == made().raw.digest
    assert ids(STORY)[:2] == ids(more)[:2]
    assert ids(STORY)[2] != ids(more)[2]
    assert ids(replace(STORY, mails=mails("<c@x.example>")))[1] != ids(STORY)[1]
    assert ids(STORY, inbox=replace(INBOX, key="b2"))[1] != ids(STORY)[1]


def test_it_is_known_again_by_its_header_alone() -> None:
    assert is_history(split(made().raw.read())[0])
    assert not is_history(b"Subject: x\r\nReferences: <migrator-history.1.2@x>\r\nMessage-ID: <a@b>\r\n\r\n")


@pytest.mark.parametrize(
    "bad", ["<a b@x>", "<a@x>\r\nBcc: <x@y>", "a@x", "<" + "x" * 999 + "@y>", "<あ@x>", "<<a@x>>", ""]
)
def test_an_id_that_no_header_can_hold_is_not_named(bad: str) -> None:
    assert parsed(replace(STORY, mails=mails("<a@x.example>", bad)))["References"] == "<a@x.example>"
    assert parsed(replace(STORY, mails=mails(bad)))["In-Reply-To"] is None


TEXT = st.text(st.characters(codec=None), max_size=200)


@given(subject=TEXT, name=TEXT, note=TEXT, label=TEXT, person=TEXT)
def test_any_text_makes_a_sound_mail_that_says_nothing_else_in_its_header(
    subject: str, name: str, note: str, label: str, person: str
) -> None:
    about: dict[str, Any] = {"inbox": replace(INBOX, name=name), "7": Principal(key="7", name=person)}
    story = replace(
        STORY,
        mails=(replace(STORY.mails[0], subject=subject), *STORY.mails[1:]),
        notes=(Note(key="n", about=WHOLE, text=note, at=datetime(2010, 1, 1, tzinfo=UTC), by="7"),),
        events=(Event(key="e", about=WHOLE, what=None, label=label, old=label, new=person, by="7"),),
    )
    data = made(story, **about).raw.read()
    assert on_wire(data) == (data, ())
    assert max(map(len, data.split(b"\r\n"))) <= 998
    head = split(data)[0]
    names = [line.partition(b":")[0] for line in re.sub(rb"\r\n[ \t]", b" ", head).strip().split(b"\r\n")]
    assert names == [
        b"Message-ID", b"Date", b"From", b"To", b"Subject", b"In-Reply-To", b"References", b"Auto-Submitted",
        b"MIME-Version", b"Content-Type", b"Content-Transfer-Encoding",
    ]  # fmt: skip
    assert parsed(story, **about)["From"].addresses[0].addr_spec == "no-reply@example.co.jp"
