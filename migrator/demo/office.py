"""The hands that write the story: who gets which mail when, and a count of what was planted."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from random import Random

from migrator.demo.groupware import Account, Groupware, Mark, Table
from migrator.demo.letters import WRITINGS, Attachment, Letter, written
from migrator.demo.people import SALES, SENTENCES, STAFF, SUPPORT, Person

JST = timezone(timedelta(hours=9))
FOUNDED = datetime(2009, 4, 1, 9, 0, tzinfo=JST)
READ = Mark.READ


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """What `build` put there, for whoever wants to know whether all of it arrived."""

    root: Path
    accounts: tuple[str, ...]
    folders: int
    """Folders in the tables; empty ones too."""
    mails: Mapping[Path, str]
    """Every file that is a mail -> SHA-256 in hex of its bytes, damaged mails too."""
    faults: int
    """Rows and files that yield no bytes: what no migration can bring back."""
    not_mail: int
    """Files that are no mail: tables, locks, what was half received."""
    stories: Mapping[str, int]
    """How many of each kind, by name: "newsletter", "row without file" …"""


class Office:
    """The hands that write the story: who gets which mail when, and a count of what was planted."""

    def __init__(self, groupware: Groupware, chance: Random) -> None:
        self.groupware, self.chance = groupware, chance
        self.now = FOUNDED
        self._letters = 0
        self._mails: dict[Path, str] = {}
        self._faults = self._not_mail = 0
        self._stories: Counter[str] = Counter()
        for person in (*STAFF, SUPPORT, SALES):
            groupware.account(person)

    def account(self, person: Person) -> Account:
        return self.groupware.account(person)

    def tick(self) -> datetime:
        """Some hours later, never on the hour."""
        self.now += timedelta(minutes=self.chance.randrange(60, 9000), seconds=self.chance.randrange(60))
        return self.now

    def text(self, lines: int = 4) -> str:
        return "\n".join(self.chance.sample(SENTENCES, k=lines)) + "\n"

    def letter(
        self,
        sender: Person,
        to: Person,
        subject: str,
        *,
        body: str = "",
        message_id: str = "",
        references: tuple[str, ...] = (),
        headers: tuple[tuple[str, str], ...] = (),
        attachments: tuple[Attachment, ...] = (),
    ) -> Letter:
        """A letter written now; what is not given is made up."""
        self._letters += 1
        domain = sender.address.partition("@")[2]
        return Letter(
            sender=sender,
            to=(to,),
            subject=subject,
            body=body or self.text(),
            at=self.tick(),
            message_id=message_id or f"<{self.now:%Y%m%d%H%M%S}.{self._letters:05d}@{domain}>",
            references=references,
            headers=headers,
            attachments=attachments,
        )

    def put(
        self,
        owner: Person,
        folder: tuple[str, ...] | str,
        letter: Letter,
        mail: bytes,
        marks: Mark = READ,
        *,
        story: str,
    ) -> str:
        """The mail lies in the owner's folder and stands in their index; its number."""
        account = self.account(owner)
        place = account.folder(*([folder] if isinstance(folder, str) else folder))
        number, path = account.put(
            place, mail, at=letter.at, marks=marks, sender=letter.sender.address, subject=letter.subject
        )
        self.plant(path, mail, story=story)
        return number

    def plant(self, path: Path, mail: bytes, *, story: str) -> None:
        """Note a mail that must arrive; an empty one cannot."""
        self._stories[story] += 1
        if mail:
            self._mails[path] = hashlib.sha256(mail).hexdigest()
        else:
            self._faults += 1

    def fault(self, story: str) -> None:
        """Note something of which there are no bytes."""
        self._stories[story] += 1
        self._faults += 1

    def not_mail(self, path: str, content: bytes, *, story: str) -> None:
        """A file that is no mail."""
        place = self.groupware.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        self._stories[story] += 1
        self._not_mail += 1

    def table(self, path: str, columns: tuple[str, ...]) -> Table:
        """A table that has nothing to do with where mails lie: no mail, like all tables."""
        self._stories["table of a shared inbox"] += 1
        self._not_mail += 1
        return self.groupware.table(path, columns)

    def send(self, letter: Letter, owners: Mapping[Person, tuple[str, ...]], *, story: str, marks: Mark = READ) -> None:
        """One mail, a copy of which lies in each owner's folder, written as the sender's mailer writes."""
        mail = written(letter, self.chance.choice(WRITINGS))
        for owner, folder in owners.items():
            self.put(owner, folder, letter, mail, marks, story=story)

    def planted(self) -> Planted:
        accounts = self.groupware.accounts
        tables = 1 + 2 * len(accounts)  # users.csv, and folder.csv and mail.csv of each
        return Planted(
            root=self.groupware.root,
            accounts=tuple(accounts),
            folders=sum(account.folders for account in accounts.values()),
            mails=dict(self._mails),
            faults=self._faults,
            not_mail=self._not_mail + tables,
            stories=dict(self._stories),
        )
