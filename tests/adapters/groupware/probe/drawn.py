"""Stores whose layout is drawn by a seed, each with the mapping that describes it. probe knows none of them."""

from __future__ import annotations

import csv
import json
import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from random import Random
from typing import Any

JST = timezone(timedelta(hours=9))
NAMES = ("受信箱", "送信済み", "下書き", "ごみ箱", "迷惑メール", "見積", "お客様")
PLAIN = ("Inbox", "Sent", "Drafts", "Trash", "Junk", "Offers", "Customers")
ROLES = ("inbox", "sent", "drafts", "trash", "junk")
FLAGS = (r"\Seen", r"\Answered", r"\Draft", r"\Flagged")
WORDS = ("契約の件", "見積書の送付", "打合せ日程", "納期について", "請求書", "meeting", "order")
PATTERNS = ("%Y/%m/%d %H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y%m%d%H%M%S", "%Y-%m-%dT%H:%M:%S", None)


def dbf(columns: list[str], rows: list[list[Any]], charset: str) -> bytes:
    """A table of dBASE III."""
    cells = [[str(cell).encode(charset) for cell in row] for row in rows]
    widths = [max([len(row[place]) for row in cells] + [1]) for place in range(len(columns))]
    fields = b"".join(
        column.encode(charset).ljust(11, b"\0") + b"C" + bytes(4) + bytes([width, 0]) + bytes(14)
        for column, width in zip(columns, widths, strict=True)
    )
    sizes = len(rows).to_bytes(4, "little") + (33 + len(fields)).to_bytes(2, "little")
    head = bytes([3, 112, 1, 1]) + sizes + (sum(widths) + 1).to_bytes(2, "little") + bytes(20)
    records = b"".join(b" " + b"".join(map(bytes.ljust, row, widths)) for row in cells)
    return head + fields + b"\r" + records + b"\x1a"


@dataclass
class Drawn:
    """One store in the making."""

    root: Path
    chance: Random
    facts: dict[str, Any] = field(default_factory=dict)
    """The mapping, flat: key -> value."""

    def __post_init__(self) -> None:
        draw = self.chance.choice
        self.delimiter = draw([",", "\t", ";", "|"])
        self.charset = draw(["cp932", "utf-8", "euc_jp"])
        self.kind = draw(["csv", "csv", "csv", "sqlite", "json", "json lines", "dbf", "xml"])
        if self.kind != "csv":
            self.charset = "cp932" if self.kind == "dbf" else "utf-8"
        self.headed = self.kind != "csv" or self.chance.random() < 0.75
        self.pattern, self.zone = draw(PATTERNS), draw([JST, UTC])
        self.names = draw([NAMES, PLAIN]) if self.charset == "utf-8" else NAMES
        self.nested = draw(["own tables", "one table", "folder first"])
        self.written = draw(["bits", "letters"])
        marks = [str(1 << bit) for bit in range(6)] if self.written == "bits" else [*"ABDFNRSX"]
        self.marks = dict(zip(FLAGS, self.chance.sample(marks, len(FLAGS)), strict=True))
        self.suffix = draw([".eml", ".msg", ".txt", ""])
        self.home, self.conf = draw(["user", "spool", "data/mail", "利用者"]), draw(["conf", "etc", "system"])
        self.paths = draw(["utf-8", "cp932", "euc_jp"]) if self.home == "利用者" else "utf-8"
        self.facts["paths"] = self.paths
        self.end = draw([".csv", ".dat", ".idx"])

    # -- tables ----------------------------------------------------------------------------------------------------

    def table(self, name: str, path: str, columns: dict[str, str], files: dict[str, list[dict[str, Any]]]) -> None:
        """Write one table in a drawn order of its columns. `columns`: name in the mapping -> in the store."""
        order = self.chance.sample([*columns], len(columns))
        for login, rows in files.items():
            file = self._place(path.format(login=login))
            file.parent.mkdir(parents=True, exist_ok=True)
            self._write(file, name, [columns[key] for key in order], [[row[key] for key in order] for row in rows])
        self.facts |= {f"{name}.type": self.kind.partition(" ")[0], f"{name}.charset": self.charset}
        if self.kind == "sqlite":
            self.facts[f"{name}.table"] = name
        if self.kind.startswith("json"):
            self.facts[f"{name}.written"] = "lines" if self.kind.endswith("lines") else "array"
        if self.kind == "csv":
            self.facts[f"{name}.delimiter"] = self.delimiter
        self.facts[f"{name}.path"] = path.format(login="{login}")
        self.columns = {key: columns[key] if self.headed else f"c{order.index(key) + 1}" for key in order}
        for key, column in self.columns.items():
            self.facts[f"{name}.{key}"] = column

    def _place(self, path: str) -> Path:
        """Where a file lies, its name in the drawn charset."""
        return self.root / os.fsdecode(path.encode(self.paths))

    def _write(self, file: Path, name: str, columns: list[str], rows: list[list[Any]]) -> None:
        objects = [dict(zip(columns, map(str, row), strict=True)) for row in rows]
        match self.kind:
            case "sqlite":
                with closing(sqlite3.connect(file)) as made:
                    made.execute(f'create table "{name}" ({", ".join(columns)})')
                    made.executemany(f'insert into "{name}" values ({", ".join("?" * len(columns))})', rows)  # noqa: S608
                    made.commit()
            case "json":
                file.write_text(json.dumps(objects, ensure_ascii=False), encoding="utf-8")
            case "json lines":
                file.write_text("".join(json.dumps(each) + "\n" for each in objects), encoding="utf-8")
            case "xml":
                lines = ["".join(f"<{key}>{value}</{key}>" for key, value in each.items()) for each in objects]
                text = "".join(f"<row>{line}</row>\n" for line in lines)
                file.write_text(f"<table>{text}</table>", encoding="utf-8")
            case "dbf":
                file.write_bytes(dbf(columns, rows, self.charset))
            case _:
                with file.open("w", encoding=self.charset, newline="") as stream:
                    written = csv.writer(stream, delimiter=self.delimiter, lineterminator="\r\n")
                    if self.headed:
                        written.writerow(columns)
                    written.writerows(rows)

    def forget(self, *keys: str) -> None:
        """Columns that no mapping would name."""
        for key in keys:
            self.facts.pop(key)

    # -- content ---------------------------------------------------------------------------------------------------

    def build(self) -> None:
        """Write it all."""
        draw = self.chance
        logins = draw.sample(["sato", "suzuki", "takahashi", "tanaka", "ito", "yamada", "k.mori"], 5)
        users = [
            {"id": f"{900 + 7 * n}", "login": login, "name": f"社員 {login}", "mail": f"{login}@example.co.jp"}
            for n, login in enumerate(logins)
        ]
        self.table(
            "users",
            f"{self.conf}/{draw.choice(['users', 'member', 'account'])}{self.end}",
            {"id": "番号", "login": "ログイン", "name": "氏名", "mail": "アドレス"},
            {"": users},
        )
        self.forget("users.name", "users.mail")
        folders: dict[str, list[dict[str, Any]]] = {}
        index: dict[str, list[dict[str, Any]]] = {}
        number = 0
        for user in users:
            login = str(user["login"])
            folders[login] = [
                {"id": f"{10 + n}", "user": user["id"], "name": name, "kind": n + 1 if n < 5 else 9}
                | {"parent": "15" if n == 6 else "", "spare": "0"}
                for n, name in enumerate(self.names)
            ]
            index[login] = []
            for thread in range(14):
                number = self._thread(user, folders[login], index[login], number, thread)
        self._tables(folders, index)

    def _thread(
        self, user: dict[str, str], folders: list[dict[str, Any]], index: list[dict[str, Any]], number: int, thread: int
    ) -> int:
        """A mail, and in two of three cases our answer to it; now and then a draft."""
        asked, answered = "", self.chance.random() < 0.6
        for place in (0, 1) if answered else (2,) if thread % 5 == 0 else (0,) if thread % 3 else (5,):
            number += 1
            mail = EmailMessage()
            at = datetime(2012, 1, 1, tzinfo=UTC) + timedelta(minutes=self.chance.randrange(3_000_000))
            mail["Date"], mail["Message-ID"] = format_datetime(at.astimezone(JST)), f"<{number}@example.com>"
            mail["From"], mail["To"] = "a@example.com", user["mail"]
            mail["Subject"] = subject = self.chance.choice(WORDS)
            if asked:
                mail["In-Reply-To"] = asked
            mail.set_content(f"{subject}\n" * self.chance.randrange(2, 30))
            flags = {r"\Flagged"} if self.chance.random() < 0.2 else set()
            if place == 2:
                flags |= {r"\Draft", r"\Seen"}
            elif place == 1 or answered or self.chance.random() < 0.6:
                flags |= {r"\Seen"} | ({r"\Answered"} if answered and place == 0 else set())
            asked = mail["Message-ID"] if place == 0 else ""
            name = f"{number:07d}{self.suffix}"
            folder = folders[place]["id"]
            steps = {"own tables": (user["login"], folder), "one table": (user["login"],)}.get(
                self.nested, (folder, user["login"])
            )
            path = self._place("/".join((self.home, *steps, name)))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(mail.as_bytes())
            index.append(
                {"number": f"{100000 + number}", "user": user["id"], "folder": folder, "file": name}
                | {"marks": self._marked(flags), "received": self._clock(at), "subject": subject}
                | {"size": path.stat().st_size, "spare": "0"}
            )
        return number

    def _marked(self, flags: set[str]) -> str | int:
        marks = [self.marks[flag] for flag in sorted(flags)]
        return "".join(marks) if self.written == "letters" else sum(map(int, marks))

    def _clock(self, at: datetime) -> str:
        return str(int(at.timestamp())) if self.pattern is None else at.astimezone(self.zone).strftime(self.pattern)

    def _tables(self, folders: dict[str, list[dict[str, Any]]], index: dict[str, list[dict[str, Any]]]) -> None:
        own = self.nested == "own tables"
        where = f"{self.home}/{{login}}" if own else self.conf
        named = {"id": "番号", "user": "所有者", "name": "名称", "kind": "区分", "parent": "上位", "spare": "予備"}
        mails = {"number": "No", "user": "所有者", "folder": "分類", "file": "実体", "marks": "状態"}
        mails |= {"received": "日時", "subject": "件名", "size": "サイズ", "spare": "予備"}
        if own:
            named.pop("user")
            mails.pop("user")
        else:
            folders = {"": [row for rows in folders.values() for row in rows]}
            index = {"": [row for rows in index.values() for row in rows]}
        self.table("folders", f"{where}/folder{self.end}", named, folders)
        self.table("index", f"{where}/mail{self.end}", mails, index)
        self.forget("index.subject", "index.size", "index.spare", "folders.spare")
        steps = {"own tables": "{login}/{folder}", "one table": "{login}"}.get(self.nested, "{folder}/{login}")
        self.facts |= {"messages.path": f"{self.home}/{steps}/{{file}}", "index.marks.written": self.written}
        self.facts |= {f"index.marks.{mark}": flag for flag, mark in self.marks.items()}
        self.facts |= {f"folders.kind.{code}": role for code, role in enumerate(ROLES, start=1)}
        self.facts["index.received.format"] = "epoch" if self.pattern is None else "strptime"
        if self.pattern is not None:
            self.facts["index.received.pattern"] = self.pattern
            self.facts["index.received.zone"] = "+09:00" if self.zone is JST else "+00:00"
