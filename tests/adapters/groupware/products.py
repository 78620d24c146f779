"""Products whose stores our mappings describe, as their users work with them: each is a `SourceStore` of the contract.

Their files are written anew at every change, as the products' own sources say that they are written.
"""

import re
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes, message_from_string, policy
from email.message import EmailMessage
from pathlib import Path

from adapters.groupware import adapter
from migrator.model import ANSWERED, DELETED, FLAGGED, FORWARDED, SEEN, Flag
from migrator.model import Path as FolderPath
from migrator.ports import Source
from tests.adapters.files.layouts import mbox
from tests.adapters.groupware.builder import snapshot
from tests.adapters.groupware.dbms import berkeley
from tests.adapters.groupware.makers import mysql


@dataclass(eq=False)
class Kept:
    """One mail of a store."""

    number: int
    account: str
    path: FolderPath
    raw: bytes
    flags: frozenset[Flag]
    received_at: datetime

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.raw, policy=READ)

    @property
    def head(self) -> str:
        """As it stands."""
        return re.split(rb"\n\r?\n", self.raw, maxsplit=1)[0].decode("utf-8", "replace") + "\n"

    def header(self, name: str) -> str:
        return str(message_from_string(self.head, policy=policy.compat32)[name] or "")

    def text(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        return "" if part is None else part.get_payload(decode=True).decode("utf-8", "replace").replace("\r\n", "\n")

    @property
    def attached(self) -> list[tuple[str, bytes]]:
        return [(str(each.get_filename()), each.get_payload(decode=True)) for each in self.message.iter_attachments()]

    def at(self, form: str) -> str:
        return self.received_at.astimezone(JAPAN).strftime(form)

    def told(self, flag: Flag, yes: str = "1", no: str = "0") -> str:
        return yes if flag in self.flags else no


READ = policy.default.clone(utf8=True)
JAPAN = timezone(timedelta(hours=9))


class Product:
    """What they have in common."""

    mapping = ""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folders: dict[str, list[FolderPath]] = {}
        self.mails: list[Kept] = []
        self._number = 0
        root.mkdir(parents=True, exist_ok=True)
        self.write()

    def open(self) -> AbstractContextManager[Source]:
        assert adapter.open_source is not None
        return adapter.open_source(adapter.config(mapping=self.mapping, root=self.root))

    def make(self, account: str, path: FolderPath) -> None:
        paths = self.folders.setdefault(account, [])
        if path not in paths:
            paths.append(path)
        self.write()

    def add(self, account: str, path: FolderPath, raw: bytes, flags: frozenset[Flag], received_at: datetime) -> Kept:
        self._number += 1
        self.mails.append(Kept(self._number, account, path, raw, flags, received_at))
        self.make(account, path)
        return self.mails[-1]

    def remove(self, handle: Kept) -> None:
        self.mails.remove(handle)
        self.write()

    def reflag(self, handle: Kept, flags: frozenset[Flag]) -> Kept:
        handle.flags = flags
        self.write()
        return handle

    def snapshot(self) -> object:
        return snapshot(self.root)

    def write(self) -> None:
        raise NotImplementedError

    def put(self, path: str, data: bytes) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.exists() or place.read_bytes() != data:
            place.write_bytes(data)


class OpenWebMail(Product):
    """An mbox a folder with marks in each mail's header, and an index in DBM."""

    mapping = "openwebmail"

    def write(self) -> None:
        for account, paths in self.folders.items():
            self.put(f"home/{account}/.openwebmail/openwebmailrc", b"language=ja\n")
            for path in paths:
                kept = [each for each in self.mails if (each.account, each.path) == (account, path)]
                name = "/".join(path)
                file = f"spool/{account}" if name == "INBOX" else f"home/{account}/mail/{name}"
                entries = [mbox([self.marked(each)], "mboxrd", "a@example.co.jp", each.received_at) for each in kept]
                self.put(file, b"".join(entries))
                index = account if name == "INBOX" else name.replace("/", "#")
                place = self.root / f"home/{account}/.openwebmail/db/{index}.db"
                place.parent.mkdir(parents=True, exist_ok=True)
                berkeley(place, self.index(kept, entries).items())

    def marked(self, mail: Kept) -> bytes:
        """With its marks behind its header, where there are any."""
        status = ("R" if SEEN in mail.flags else "") + ("D" if "D" in mail.flags else "")
        marks = "".join(letter for flag, letter in ((ANSWERED, "A"), (FLAGGED, "I")) if flag in mail.flags)
        fields = (f"Status: {status}\n" if status else "") + (f"X-Status: {marks}\n" if marks else "")
        return re.sub(rb"\n(?=\r?\n)", b"\n" + fields.encode(), mail.raw, count=1)

    def index(self, mails: Iterable[Kept], entries: Iterable[bytes]) -> dict[bytes, bytes]:
        """Its keys and values, with those that are no mail."""
        pairs = {b"DBVERSION": b"20100828.1", b"METAINFO": b"mtime=1 size=2", b"ALLMESSAGES": b"1"}
        at = 0
        for mail, entry in zip(mails, entries, strict=True):
            date = mail.received_at.astimezone(UTC).strftime("%Y%m%d%H%M%S")
            status = ("R" if SEEN in mail.flags else "") + "T" + ("Z" if DELETED in mail.flags else "")
            row = [str(at), str(len(entry)), "100", "sum", date, date, "a", "b", "件名", "text/plain", "", status, ""]
            pairs[mail.header("Message-ID").encode() or b"<made@up>"] = "\n".join(row).encode()
            at += len(entry)
        return pairs


def sql(text: str) -> str:
    """As both dumps write a text."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r") + "'"


class PhProjekt(Product):
    """Rows of one table, mails and folders; attachments in files."""

    mapping = "phprojekt"

    def write(self) -> None:
        users = [*self.folders]
        folders = {(user, path[:depth]) for user, paths in self.folders.items() for path in paths for depth in DEPTHS}
        folders -= {(user, ()) for user in users} | {(user, ("INBOX",)) for user in users}
        ids = {each: number for number, each in enumerate(sorted(folders), 1000)}
        rows = [
            f"{ids[user, path]},{users.index(user)},'d',{sql(path[-1])},{ids.get((user, path[:-1]), 0)}" + ",''" * 13
            for user, path in sorted(folders)
        ]
        rows += [
            self.row(each, users.index(each.account), ids.get((each.account, each.path), 0)) for each in self.mails
        ]
        files = [(each, *attached) for each in self.mails for attached in each.attached]
        columns = "ID von typ subject parent sender recipient cc replyto header body body_html date_sent date_received"
        dump = mysql("users", "ID loginname pw", *(f"{number},{sql(user)},'x'" for number, user in enumerate(users)))
        dump += mysql("mail_client", f"{columns} touched replied forwarded is_deleted", *rows)
        names = [(number, each, name) for number, (each, name, _) in enumerate(files)]
        dump += mysql(
            "mail_attach",
            "ID parent filename tempname filesize",
            *(f"{number},{each.number},{sql(name)},'t{number}',1" for number, each, name in names),
        )
        self.put("phprojekt.sql", dump.encode())
        for number, (_, _, data) in enumerate(files):
            self.put(f"attach/t{number}", data)

    def row(self, mail: Kept, user: int, folder: int) -> str:
        fields = [mail.header(name) for name in ("Subject", "From", "To", "Cc", "Reply-To")]
        at = mail.at("%Y%m%d%H%M%S")
        texts = [*fields[1:], mail.head, mail.text("plain"), mail.text("html"), at, at]
        marks = [mail.told(SEEN), mail.told(ANSWERED, "77"), mail.told(FORWARDED, "78"), mail.told(DELETED, "1", "")]
        return f"{mail.number},{user},'m',{sql(fields[0])},{folder}," + ",".join(map(sql, [*texts, *marks]))


DEPTHS = (1, 2)


class GroupSession(Product):
    """Header fields, addresses, bodies and attachments in tables of their own, in a dump of H2."""

    mapping = "groupsession"

    def write(self) -> None:
        accounts = [*self.folders]
        folders = [(account, path) for account, paths in self.folders.items() for path in paths]
        numbers = {each: number for number, each in enumerate(folders)}
        tables: dict[str, list[str]] = {name: [] for name in H2_TABLES}
        for number, account in enumerate(accounts):
            tables["WML_ACCOUNT"].append(f"{number}, {h2(account)}, {h2('secret')}")
        for (account, path), number in numbers.items():
            kind = KINDS.get(path[0], 3)
            tables["WML_DIRECTORY"].append(f"{number}, {accounts.index(account)}, {h2(path[0])}, {kind}")
        for mail in reversed(self.mails):
            self.rows(mail, numbers[mail.account, mail.path], tables)
        parts = [
            f"CREATE CACHED TABLE PUBLIC.{name}({', '.join(f'{each} VARCHAR' for each in H2_TABLES[name].split())});\n"
            + "".join(f"INSERT INTO PUBLIC.{name} VALUES\n({row});\n" for row in rows)
            for name, rows in tables.items()
        ]
        self.put("gsession.sql", "".join(parts).encode())

    def rows(self, mail: Kept, folder: int, tables: dict[str, list[str]]) -> None:
        at, id_ = f"TIMESTAMP '{mail.at('%Y-%m-%d %H:%M:%S')}.0'", mail.number
        marks = ", ".join([mail.told(SEEN), mail.told(ANSWERED), mail.told(FORWARDED)])
        title, sender = h2(mail.header("Subject")), h2(mail.header("From"))
        tables["WML_MAILDATA"].append(f"{id_}, {folder}, {title}, {sender}, {at}, {marks}")
        fields = message_from_bytes(mail.raw, policy=policy.compat32).items()
        for number, (name, value) in reversed([*enumerate(fields, 1)]):
            unfolded = re.sub(r"\r?\n", "", str(value))
            tables["WML_HEADER_DATA"].append(f"{id_}, {number}, {h2(name)}, {h2(unfolded[:1000])}")
        for number, kind in ((1, "To"), (2, "Cc"), (3, "Bcc")):
            if value := mail.header(kind):
                tables["WML_SENDADDRESS"].append(f"{id_}, {number}, {number}, {h2(value)}")
        tables["WML_MAIL_BODY"].append(f"{id_}, {h2(mail.text('plain'))}")
        files = [(name, data, 0) for name, data in mail.attached]
        page = mail.text("html").encode("utf-8").replace(b"\n", b"\r\n")
        for number, (name, data, html) in enumerate([*files, *([("attach.html", page, 1)] if page else [])]):
            path = f"2009/11/02/{id_}{number}"
            charset = "'utf-8'" if html else "NULL"
            tables["WML_TEMPFILE"].append(f"{id_}, {id_}{number}, {h2(name)}, {h2(path)}, 0, {html}, {charset}")
            self.put(f"webmail/{path}", data)


KINDS = {"受信箱": 1, "送信済み": 2, "草稿": 4, "ゴミ箱": 5, "迷惑メール": 6, "保管": 7}
H2_TABLES = {
    "WML_ACCOUNT": "WAC_SID WAC_ADDRESS WAC_RECEIVE_PASS",
    "WML_DIRECTORY": "WDR_SID WAC_SID WDR_NAME WDR_TYPE",
    "WML_MAILDATA": "WMD_MAILNUM WDR_SID WMD_TITLE WMD_FROM WMD_SDATE WMD_READED WMD_REPLY WMD_FORWARD",
    "WML_HEADER_DATA": "WMD_MAILNUM WMH_NUM WMH_TYPE WMH_CONTENT",
    "WML_SENDADDRESS": "WMD_MAILNUM WSA_NUM WSA_TYPE WSA_ADDRESS",
    "WML_MAIL_BODY": "WMD_MAILNUM WMB_BODY",
    "WML_TEMPFILE": "WMD_MAILNUM WTF_SID WTF_FILE_NAME WTF_FILE_PATH WTF_JKBN WTF_HTMLMAIL WTF_CHARSET",
}


def h2(text: str) -> str:
    """As H2 writes a text."""
    if text.isascii() and text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    escaped = "".join(each if each.isascii() and each.isprintable() else _escape(each) for each in text)
    return "STRINGDECODE('" + escaped.replace("'", "''") + "')"


def _escape(letter: str) -> str:
    units = letter.encode("utf-16-be")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
