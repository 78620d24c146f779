"""What a small office wrote and read, for stores of any layout: enough of it that its traces can be found."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from email.message import EmailMessage
from email.utils import format_datetime
from random import Random
from typing import NamedTuple

from migrator.model import ANSWERED, DRAFT, FLAGGED, FORWARDED, SEEN, Flag, Role

JST = timezone(timedelta(hours=9))
PEOPLE = ("sato", "suzuki", "takahashi", "tanaka", "ito")
DOMAIN = "example.co.jp"
WORDS = ("契約の件", "見積書の送付", "打合せ日程", "納期について", "請求書", "meeting", "order", "保守点検")
OWN = "客先"
"""The folder that somebody made."""


class Written(NamedTuple):
    """One copy of a mail, in one account."""

    account: str
    folder: Role | str
    raw: bytes
    flags: frozenset[Flag]
    at: datetime
    subject: str
    sender: str


def correspondence(seed: int = 1, threads: int = 16) -> Iterator[Written]:
    """Account by account: letters that came in, our answers, letters passed on, drafts."""
    chance = Random(seed)
    number = 0
    for account in PEOPLE:
        own = f"{account}@{DOMAIN}"
        for thread in range(threads):
            customer = f"{chance.choice(['a', 'b', 'c'])}@example.com"
            at = datetime(2009, 1, 5, tzinfo=UTC) + timedelta(minutes=chance.randrange(1_500_000))
            subject = f"{chance.choice(WORDS)} {thread}"
            number += 10
            if thread % 8 == 7:
                draft = _mail(number, own, customer, subject, at, chance)
                yield Written(account, Role.DRAFTS, draft, frozenset({DRAFT, SEEN}), at, subject, own)
                continue
            answered, passed_on = chance.random() < 0.5, thread % 5 == 2
            marks = {ANSWERED} if answered else set[Flag]()
            marks |= {FORWARDED} if passed_on else set()
            marks |= {SEEN} if marks or chance.random() < 0.5 else set()
            marks |= {FLAGGED} if chance.random() < 0.15 else set()
            letter = _mail(number, customer, own, subject, at, chance)
            folder = OWN if thread % 4 == 3 else Role.INBOX
            yield Written(account, folder, letter, frozenset(marks), at, subject, customer)
            for turn, (done, again) in enumerate(((answered, "Re: "), (passed_on, "Fw: ")), 1):
                if done:
                    later = at + timedelta(hours=5 * turn)
                    to = customer if again == "Re: " else f"{chance.choice(PEOPLE)}@{DOMAIN}"
                    asked = f"<{number}@example.com>" if again == "Re: " else ""
                    sent = _mail(number + turn, own, to, again + subject, later, chance, asked)
                    yield Written(account, Role.SENT, sent, frozenset({SEEN}), later, again + subject, own)


def _mail(number: int, sender: str, to: str, subject: str, at: datetime, chance: Random, asked: str = "") -> bytes:
    mail = EmailMessage()
    mail["Date"], mail["Message-ID"] = format_datetime(at.astimezone(JST)), f"<{number}@example.com>"
    mail["From"], mail["To"], mail["Subject"] = sender, to, subject
    if asked:
        mail["In-Reply-To"] = asked
    mail.set_content(f"{subject}\nお世話になっております。\n" * chance.randrange(2, 30))
    if number % 30 == 0:
        mail["Cc"] = f"{chance.choice(PEOPLE)}@{DOMAIN}"
    if number % 50 == 0:
        mail.add_alternative(f"<html><body><p>{subject}</p></body></html>\n", subtype="html")
    if number % 60 == 0:
        mail.add_attachment(chance.randbytes(300), maintype="application", subtype="pdf", filename=f"見積{number}.pdf")
    return bytes(mail).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
