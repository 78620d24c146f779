"""Two shared inboxes as anybody can look at them: the old store by csv, the new server by imaplib and email.

No code that migrates is asked: what ought to be there is worked out once more, in the plainest way.
"""

import base64
import csv
import email
import imaplib
import io
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from email import policy
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.journeys.journey import Journey
from tests.servers.dovecot import MASTER, MASTER_PASSWORD, PASSWORD

INBOXES = ("support", "sales")
PEOPLE = ("kato", "suzuki", "yoshida", "tanaka", "nakamura", "sato", "takagi")
STATES = {
    "未対応": "gw_open",
    "対応中": "gw_in-progress",
    "返信待ち": "gw_waiting",
    "保留": "gw_on-hold",
    "完了": "gw_closed",
    "対応不要": "gw_no-action",
    "迷惑": "gw_spam",
}
DONE = {"gw_closed", "gw_no-action", "gw_spam"}


@dataclass
class Office:
    """The old store, the journey, and who is who at the new server."""

    root: Path
    journey: Journey

    def address(self, login: str) -> str:
        return self.journey.accounts[login]

    def rows(self, *path: str) -> list[dict[str, str]]:
        """A table of the old store, as it lies there."""
        text = self.root.joinpath(*path).read_bytes().decode("cp932")
        return list(csv.DictReader(io.StringIO(text)))

    def mail(self, inbox: str, number: str) -> Any:
        """The header of a mail of the old store, by its number there."""
        (row,) = [row for row in self.rows("user", inbox, "mail.csv") if row["メールID"] == number]
        data = (self.root / "user" / inbox / row["フォルダID"] / row["ファイル名"]).read_bytes()
        return email.message_from_bytes(data, policy=policy.default)

    # -- what a person sees at the new server, by imaplib alone --

    @contextmanager
    def as_owner(self, inbox: str) -> Iterator[imaplib.IMAP4]:
        with self._client() as client:
            client.login(f"{self.address(inbox)}*{MASTER}", MASTER_PASSWORD)
            yield client

    @contextmanager
    def as_person(self, login: str) -> Iterator[imaplib.IMAP4]:
        with self._client() as client:
            client.login(self.address(login), PASSWORD)
            yield client

    @contextmanager
    def _client(self) -> Iterator[imaplib.IMAP4]:
        client = imaplib.IMAP4(self.journey.dovecot.host, self.journey.dovecot.port)
        try:
            yield client
        finally:
            client.shutdown()

    @staticmethod
    def encoded(name: str) -> str:
        """Modified UTF-7 (RFC 3501 §5.1.3), by Python's own UTF-7."""

        def shift(found: re.Match[str]) -> str:
            packed = base64.b64encode(found[0].encode("utf-16-be")).decode().rstrip("=")
            return f"&{packed.replace('/', ',')}-"

        return re.sub(r"[^\x20-\x7e]+", shift, name.replace("&", "&-"))

    def quoted(self, name: str) -> str:
        return f'"{self.encoded(name)}"'

    @staticmethod
    def folders(client: imaplib.IMAP4) -> list[str]:
        """Every folder that can be selected, as people read its name; not those of others."""
        found = []
        for line in client.list()[1]:
            assert isinstance(line, bytes)
            attributes, _, name = re.fullmatch(rb'\((.*?)\) ("[^"]*"|NIL) "?([^"]*)"?', line).groups()  # type: ignore[union-attr]
            text = re.sub(
                "&([^-]*)-",
                lambda each: (
                    base64.b64decode(each[1].replace(",", "/") + "===").decode("utf-16-be") if each[1] else "&"
                ),
                name.decode(),
            )
            if b"\\Noselect" not in attributes and not text.startswith("Other Users/"):
                found.append(text)
        return found

    def own(self, inbox: str) -> str:
        """How the owner calls the folder in which an inbox's mail arrives."""
        return "INBOX"

    def folder(self, inbox: str, name: str = "INBOX") -> str:
        """How another person calls a folder of the inbox (RFC 2342)."""
        return f'"Other Users/{self.address(inbox)}/{name}"'


# -- who may do what -------------------------------------------------------------------------------------------------


@dataclass
class May:
    """What one person managed to do in an inbox."""

    read: bool = False
    flag: bool = False
    insert: bool = False
    delete: bool = False
    admin: bool = False


def tries(office: Office, login: str, inbox: str) -> May:
    """Everything a person might do, each thing tried over a connection of its own and then looked at by the owner."""
    folder = office.folder(inbox)

    def managed(what: Callable[[imaplib.IMAP4], Any]) -> bool:
        try:
            with office.as_person(login) as client:
                answer, data = what(client)
                return answer == "OK" and data != [None]
        except imaplib.IMAP4.error:  # no such folder for them, or for reading alone
            return False

    def look(client: imaplib.IMAP4) -> Any:
        client.select(folder, readonly=True)
        return client.fetch("1", "(BODY.PEEK[HEADER])")

    def flag(client: imaplib.IMAP4) -> Any:
        client.select(folder)
        return client.store("1", "+FLAGS", "(\\Flagged)")

    def remove(client: imaplib.IMAP4) -> Any:
        client.select(folder)
        client.store(client.search(None, "SUBJECT", "mine")[1][0].decode(), "+FLAGS", "(\\Deleted)")
        return client.expunge()

    may = May(read=managed(look), admin=managed(lambda client: client.setacl(folder, office.address("nakamura"), "l")))
    managed(flag)
    may.insert = managed(lambda client: client.append(folder, "(\\Seen)", None, b"Subject: mine\r\n\r\nx\r\n"))
    managed(remove)
    with office.as_owner(inbox) as owner:
        owner.select(office.own(inbox))
        may.flag = b"\\Flagged" in owner.fetch("1", "(FLAGS)")[1][0]
        owner.store("1", "-FLAGS", "(\\Flagged)")
        left = owner.search(None, "SUBJECT", "mine")[1][0].split()
        may.delete = may.insert and not left
        for number in left:
            owner.store(number.decode(), "+FLAGS", "(\\Deleted)")
        owner.expunge()
        owner.deleteacl(office.own(inbox), office.address("nakamura"))
    return may


def acl(office: Office, inbox: str, folder: str = "INBOX") -> dict[str, str]:
    """Everybody but the owner, as the server tells it."""
    with office.as_owner(inbox) as owner:
        (line,) = owner.getacl(folder)[1]
    words = [word.decode().strip('"') for word in line.split()]
    pairs = dict(zip(words[1::2], words[2::2], strict=True))
    return {who: "".join(sorted(word)) for who, word in pairs.items() if who not in ("owner", office.address(inbox))}


# -- how far everything is -------------------------------------------------------------------------------------------


@dataclass
class Seen:
    """One mail as the new server shows it."""

    folder: str
    keywords: set[str]
    mail: Any
    at: datetime

    @property
    def id(self) -> str:
        return str(self.mail["Message-ID"] or "").strip()


def at_target(office: Office, inbox: str, *, everywhere: bool = False) -> list[Seen]:
    found = []
    with office.as_owner(inbox) as client:
        for folder in office.folders(client) if everywhere else ("INBOX", "Sent", "Trash", "Junk", "Drafts"):
            selected = client.select(office.quoted(folder), readonly=True)[0]
            if selected != "OK" or client.search(None, "ALL")[1] == [b""]:
                continue
            for part in client.fetch("1:*", "(FLAGS INTERNALDATE BODY.PEEK[])")[1]:
                if isinstance(part, tuple):
                    flags = imaplib.ParseFlags(part[0])
                    keywords = {flag.decode() for flag in flags if flag.startswith(b"gw_")}
                    at = datetime(*imaplib.Internaldate2tuple(part[0])[:6])  # type: ignore[index]  # noqa: DTZ001
                    mail = email.message_from_bytes(part[1], policy=policy.default)
                    found.append(Seen(folder, keywords, mail, at))
    return found


def legend(office: Office, inbox: str) -> Any:
    """What the words mean, by METADATA (RFC 5464)."""
    with office.as_owner(inbox) as client:
        tag = client._new_tag()  # type: ignore[attr-defined]
        client.send(tag + b' GETMETADATA "INBOX" /shared/vendor/migrator/legend\r\n')
        said = b""
        while not said.split(b"\r\n")[-2:-1] or not said.split(b"\r\n")[-2].startswith(tag):
            said += client.readline()
    return json.loads(base64.b64decode(re.search(rb"[A-Za-z0-9+/=]{40,}", said)[0]))  # type: ignore[index]


def snapshot(office: Office) -> Any:
    found = []
    for inbox in INBOXES:
        with office.as_owner(inbox) as client:
            for folder in ("INBOX", "Sent"):
                client.select(folder, readonly=True)
                found.append((inbox, folder, client.status(folder, "(UIDNEXT UIDVALIDITY MESSAGES HIGHESTMODSEQ)")))
        found.append(acl(office, inbox))
    return found


# -- who waits -------------------------------------------------------------------------------------------------------


@dataclass
class Sent:
    """One mail as it counts for who waits: where it lies, when it came, and the state it carries by itself."""

    folder: str
    at: datetime
    mail: Any
    states: set[str]

    @property
    def id(self) -> str:
        return str(self.mail["Message-ID"] or "").strip()

    @property
    def outside(self) -> list[str]:
        """The people outside that it is from, or that we sent it to."""
        fields = ("To", "Cc") if self.ours else ("From",)
        people = [each.addr_spec for field in fields if self.mail[field] for each in self.mail[field].addresses]
        return [each for each in people if not each.endswith("@example.co.jp")]

    @property
    def ours(self) -> bool:
        return self.folder == "Sent" or self.mail["From"].addresses[0].addr_spec.endswith("@example.co.jp")

    @property
    def matter(self) -> str:
        return re.sub(r"^(\s*(re|fw)\s*:|\s*\[\d+(-\d+)*\])+\s*", "", str(self.mail["Subject"]), flags=re.I).strip()


def waiting(every: list[Sent], together: dict[str, str]) -> set[str]:
    """The ids of the last mails of the customers who wait, worked out in the plainest way: what names a mail, has its
    number in the subject, or is about the same with the same person within a fortnight, belongs together."""
    mails = [each for each in every if each.folder in ("INBOX", "Sent") or each.states]
    group = {each.id: {each.id} for each in mails}

    def join(ids: Iterable[str]) -> None:
        whole = set().union(*(group[each] for each in ids if each in group))
        group.update(dict.fromkeys(whole, whole))

    same: dict[Any, list[Sent]] = defaultdict(list)
    for each in sorted(mails, key=lambda one: one.at):
        join([each.id, *re.findall(r"<[^<>]+>", f"{each.mail['References']} {each.mail['In-Reply-To']}")])
        if number := re.search(r"\[(\d+)-\d+\]", str(each.mail["Subject"])):
            same[number[1]].append(each)
        if each.id in together:
            same[f"thread {together[each.id]}"].append(each)
        for person in each.outside:
            same[each.matter, person].append(each)
    for key, those in same.items():
        for one, other in pairwise(those):
            if isinstance(key, str) or (key[0] and other.at - one.at <= timedelta(days=14)):
                join([one.id, other.id])
    found = set()
    by_id = {each.id: each for each in mails}
    for ids in {frozenset(each) for each in group.values()}:
        talk = sorted((by_id[each] for each in ids if by_id[each].outside), key=lambda one: one.at)
        states = set().union(*(by_id[each].states for each in ids))
        decisive = next((word for word in STATES.values() if word in states), "")
        if talk and not talk[-1].ours and decisive not in DONE:
            found.add(talk[-1].id)
    return found


def old_store(office: Office, inbox: str) -> tuple[list[Sent], dict[str, str]]:
    """By its tables and files alone."""
    states = {row["メールID"]: row["状態"] for row in office.rows("share", inbox, "status.csv")}
    folders = {"0001": "INBOX", "0002": "Sent"}
    mails: dict[str, Sent] = {}
    for row in office.rows("user", inbox, "mail.csv"):
        word = STATES.get(states.get(row["メールID"], ""), "gw_open" if states.get(row["メールID"]) else "")
        mails[row["メールID"]] = Sent(
            folders.get(row["フォルダID"], ""),
            datetime.strptime(row["受信日時"], "%Y/%m/%d %H:%M:%S"),  # noqa: DTZ007 - all of them are
            office.mail(inbox, row["メールID"]),
            {word} - {""},
        )
    threads = {mails[row["メールID"]].id: row["案件番号"] for row in office.rows("share", inbox, "thread.csv")}
    return list(mails.values()), threads


def new_server(office: Office, inbox: str) -> list[Sent]:
    """By what it returns, and what its legend says of words that nobody has explained."""
    meant = legend(office, inbox)["states"]
    found = []
    for each in at_target(office, inbox):
        states = {"gw_open" if meant[word]["status"] is None else word for word in each.keywords & meant.keys()}
        found.append(Sent(each.folder, each.at, each.mail, states))
    return found
