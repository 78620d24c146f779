"""メール共有 as 見本商会 used it: two inboxes in which all has happened that can happen to a question.

Each `Case` is one customer's matter, written as it went: the turns, and what the members made of each mail.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from migrator.demo.groupware import (
    COMMENTS,
    HISTORY,
    INBOX,
    MEMBERS,
    SENT,
    STATES,
    TAGS,
    TEMPLATES,
    THREADS,
)
from migrator.demo.letters import JIS, WRITINGS, written
from migrator.demo.office import Office
from migrator.demo.people import CUSTOMERS, NEWSLETTERS, QUESTIONS, SALES, SENTENCES, STAFF, SUPPORT, Person

KATO, SUZUKI, YOSHIDA, TAKAGI, SATO = STAFF[9], STAFF[1], STAFF[10], STAFF[11], STAFF[0]

OPEN, DOING, WAITING, HELD, DONE = "未対応", "対応中", "返信待ち", "保留", "完了"
NOTHING_TO_DO, JUNK, SILENT = "対応不要", "迷惑", ""
STRANGE = "要確認"
"""A word that somebody added and nobody ever explained."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One mail of a matter: from the customer ("c"), our answer ("a"), or a word from a colleague ("i")."""

    who: str
    state: str | None = None
    """What its row says; None for a mail without a row."""
    assignee: Person | None = None
    note: str = ""
    linked: bool = True
    """Whether it says which mail it answers."""
    subject: str = ""
    """Another than that of the matter."""


@dataclass(frozen=True, slots=True)
class Case:
    """One matter."""

    subject: str
    turns: tuple[Turn, ...]
    customer: Person | None = None
    tag: str = ""
    number: str = ""
    """How the inbox itself calls it."""
    due: str = ""


def c(state: str | None = None, assignee: Person | None = None, note: str = "", **how: bool | str) -> Turn:
    return Turn("c", state, assignee, note, **how)  # type: ignore[arg-type]


A, I = Turn("a"), Turn("i")  # noqa: E741 - as in the script

SUPPORT_CASES = (
    Case(QUESTIONS[0], (c(OPEN),)),
    Case(QUESTIONS[1], (c(DONE, SUZUKI, "再発行済み。控えは経理へ。"), A)),
    Case(QUESTIONS[2], (c(DONE, KATO), A, c(OPEN, KATO)), tag="配送"),
    Case(QUESTIONS[3], (c(DOING, KATO, "在庫は倉庫に確認中。"),), due="2012/12/28"),
    Case(QUESTIONS[4], (c(WAITING, SUZUKI, "返品票を送付、返送待ち。"), A), tag="返品"),
    Case(QUESTIONS[5], (c(HELD, YOSHIDA, "販売店の回答待ち。"), A)),
    Case(QUESTIONS[6], (c(DONE, KATO), A, c())),
    Case(QUESTIONS[7], (c(DOING, YOSHIDA, "部品を取り寄せ中。<BR>入荷は来週の見込み。"), I), tag="修理"),
    Case(QUESTIONS[8], (c(DONE, SUZUKI, "電話で回答済み。"),)),
    Case(QUESTIONS[9], (c(DONE, YOSHIDA), A, c(DONE, SUZUKI), A)),
    Case(QUESTIONS[10], (c(STRANGE, KATO), c(OPEN, KATO, linked=False))),
    Case(QUESTIONS[11], (c(SILENT),)),
    Case(QUESTIONS[12], (c(DOING, KATO), A, c(OPEN, SUZUKI)), tag="請求"),
    Case(QUESTIONS[13], (c(NOTHING_TO_DO, KATO),)),
    Case("★当選のお知らせ★", (c(JUNK),), customer=NEWSLETTERS[2]),
    Case("カタログを送ってください", (c(),)),
)

SALES_CASES = (
    Case("[101-1] お見積りのお願い", (c(DONE, SATO), A, c(OPEN, SATO, linked=False)), number="101"),
    Case("[102-1] 納期について", (c(DONE, TAKAGI, "出荷日を回答。"), A)),
    Case("[103-1] 数量変更のお願い", (c(OPEN),), tag="至急"),
    Case("契約更新のご相談", (c(DONE, SATO), A, c(OPEN, SATO, linked=False, subject="先日の件")), number="104"),
    Case("カタログのお礼", (c(NOTHING_TO_DO, SATO),)),
)


def the_shared_inboxes(office: Office) -> None:
    """Customers write to support@ and sales@; staff see who answers whom, and how far it is."""
    members = ((KATO, "管理"), (SUZUKI, "返信"), (YOSHIDA, "返信"), (STAFF[3], "閲覧"), (STAFF[7], "臨時"))
    _Desk(office, SUPPORT, members).work(SUPPORT_CASES)
    _Desk(office, SALES, ((SATO, "管理"), (TAKAGI, "返信"), (SUZUKI, "閲覧"))).work(SALES_CASES)


class _Desk:
    """One shared inbox, and its tables."""

    def __init__(self, office: Office, inbox: Person, members: Iterable[tuple[Person, str]]) -> None:
        self._office, self._inbox = office, inbox
        root = f"share/{inbox.login}"
        listed = office.table(f"{root}/members.csv", MEMBERS)
        for person, rights in members:
            listed.write(person.login, rights, "2017/03/31" if person.gone else "")
        self._states = office.table(f"{root}/status.csv", STATES)
        self._comments = office.table(f"{root}/comments.csv", COMMENTS)
        self._history = office.table(f"{root}/history.csv", HISTORY)
        self._tags = office.table(f"{root}/tags.csv", TAGS)
        self._threads = office.table(f"{root}/thread.csv", THREADS)
        texts = office.table(f"{root}/template.csv", TEMPLATES)
        texts.write(
            1,
            "受付のご連絡",
            "お問い合わせを承りました",
            "お問い合わせありがとうございます。<BR>担当より折り返しご連絡いたします。",
        )
        texts.write(2, "署名", "", f"--<BR>{inbox.name}<BR>{inbox.address}")
        self._events = 0

    def work(self, cases: Iterable[Case]) -> None:
        """What happened to each matter, one after the other."""
        for number, case in enumerate(cases):
            self._case(case, case.customer or CUSTOMERS[number % len(CUSTOMERS)])

    def _case(self, case: Case, customer: Person) -> None:
        office, references = self._office, tuple[str, ...]()
        for nth, turn in enumerate(case.turns):
            sender, to = {"c": (customer, self._inbox), "a": (self._inbox, customer), "i": (STAFF[6], self._inbox)}[
                turn.who
            ]
            subject = turn.subject or _subject(case.subject, nth)
            letter = office.letter(sender, to, subject, references=references if turn.linked else ())
            references += (letter.message_id,)
            story = {"c": "question", "a": "answer", "i": "word from a colleague"}[turn.who]
            writing = office.chance.choice(WRITINGS) if turn.who == "c" else JIS
            folder = SENT if turn.who == "a" else INBOX
            mail = office.put(self._inbox, folder, letter, written(letter, writing), story=story)
            self._row(mail, case, turn)
            if case.number:
                self._threads.write(mail, case.number, f"{case.number}-{nth + 1}")
            if case.tag and turn.who == "c":
                self._tags.write(mail, case.tag, "赤" if case.tag == "至急" else "青")

    def _row(self, mail: str, case: Case, turn: Turn) -> None:
        """What the tables say of one mail."""
        at, who = f"{self._office.now:%Y/%m/%d %H:%M}", turn.assignee or KATO
        if turn.who == "a":
            self._happened(mail, "返信", "", "", who, at)
        if turn.state is None:
            return
        assignee = turn.assignee.login if turn.assignee else ""
        self._states.write(mail, assignee, turn.state, case.due, at, who.login)
        if assignee:
            self._happened(mail, "担当変更", "", assignee, KATO, at)
        if turn.state not in (OPEN, SILENT):
            self._happened(mail, "状態変更", OPEN, turn.state, who, at)
        if turn.note:
            writer = "tantou12" if "倉庫" in turn.note else who.login  # an account that no table has any more
            self._comments.write(mail, 1, writer, turn.note, at)
            self._comments.write(mail, 2, KATO.login, self._office.chance.choice(SENTENCES), at)

    def _happened(self, mail: str, what: str, old: str, new: str, who: Person, at: str) -> None:
        self._events += 1
        self._history.write(self._events, mail, what, old, new, who.login, at)


def _subject(subject: str, nth: int) -> str:
    """The subject of a matter's so-manieth mail: a token counts its mails, else it is answered."""
    if not nth:
        return subject
    if subject.startswith("["):
        return "Re: " + subject.replace("-1]", f"-{nth + 1}]", 1)
    return f"Re: {subject}"
