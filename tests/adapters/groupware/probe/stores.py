"""The store of every kind that a mapping is shipped for, with a correspondence in it, and the mapping to be found."""

import gzip
import sqlite3
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

from migrator.demo.store import build as demo_store
from migrator.model import ANSWERED, DRAFT, FLAGGED, FORWARDED, SEEN, Role
from tests.adapters.groupware.makers import mysql, postgresql, put
from tests.adapters.groupware.probe.correspondence import DOMAIN, JST, OWN, PEOPLE, Written, correspondence
from tests.adapters.groupware.products import GroupSession, Kept, OpenWebMail, PhProjekt, Product
from tests.adapters.groupware.test_acceptance import BITS, MAPPING, SplitStore

FOLDERS = {Role.INBOX: "受信箱", Role.SENT: "送信済み", Role.DRAFTS: "下書き", Role.TRASH: "ごみ箱", OWN: OWN}


def kyoyu(root: Path) -> str:
    demo_store(root)
    return "kyoyu-mail"


# -- Becky! ----------------------------------------------------------------------------------------------------------

BECKY = {Role.INBOX: "!!!!Inbox", Role.SENT: "!!Sent", Role.DRAFTS: "!!!Draft", OWN: "!!!!Inbox/客先"}
BECKY_BITS = {SEEN: 1, FORWARDED: 2, ANSWERED: 4}
CHUNK = 9
"""Mails of one file."""


def becky(root: Path) -> str:
    boxes: dict[tuple[str, str], list[Written]] = defaultdict(list)
    for each in correspondence():
        boxes[each.account, BECKY[each.folder]].append(each)
    for (account, folder), mails in boxes.items():
        home = f"{0x12AB00 + PEOPLE.index(account) * 977:08x}.mb"
        put(root, f"{home}/Mailbox.ini", f"[Account]\r\nMailAddress={account}@{DOMAIN}\r\n".encode())
        place = f"{home}/{folder}".encode("cp932").decode("utf-8", "surrogateescape")
        for number in range(0, len(mails), CHUNK):
            put(root, f"{place}/{number // CHUNK + 1}.bmf", b"".join(map(_dotted, mails[number : number + CHUNK])))
        put(root, f"{place}/Folder.idx", b"".join(_cached(number, each) for number, each in enumerate(mails)))
    return "becky"


def _dotted(mail: Written) -> bytes:
    bits = sum(bit for flag, bit in BECKY_BITS.items() if flag in mail.flags)
    raw = b"X-Becky-Status: %08x,0000,0\r\n" % bits + mail.raw
    return raw.replace(b"\r\n.", b"\r\n..") + b".\r\n"


def _cached(number: int, mail: Written) -> bytes:
    cells = [f"{number:08x}", mail.subject, mail.sender, f"{int(mail.at.timestamp()):08x}", "ISO-2022-JP"]
    return "\x01".join(cells).encode("cp932") + b"\r\n"


# -- Aipo ------------------------------------------------------------------------------------------------------------


def aipo(root: Path, *, dialect: str) -> str:
    """As its source writes it: most mails in files, those since the installation was changed in the table."""
    table = mysql if dialect == "mysql" else postgresql
    users = [f"{4 + n},'{login}','x','{login}@{DOMAIN}','F'" for n, login in enumerate(PEOPLE)]
    boxes = [f"{11 + n},{4 + n},'{login}@{DOMAIN}','x'" for n, login in enumerate(PEOPLE)]
    folders = [
        f"{21 + 2 * n + more},{11 + n},'{name}'"
        for n in range(len(PEOPLE))
        for more, name in enumerate(("受信トレイ", OWN))
    ]
    mails = []
    for number, each in enumerate(correspondence(threads=24), 1):
        n, sent = PEOPLE.index(each.account), each.folder in (Role.SENT, Role.DRAFTS)
        folder = "NULL" if sent else str(21 + 2 * n + (each.folder == OWN))
        file, blob = str(1_000_000_007 * number), "NULL"
        if number % 3 == 0:
            hexed = each.raw.hex()
            file, blob = "", f"0x{hexed}" if dialect == "mysql" else f"\\\\x{hexed}"
        else:
            put(root, f"mail/{4 + n}/{11 + n}/{'Send' if sent else 'Receive'}/{file}", each.raw)
        cells = [number, 4 + n, 11 + n, folder, f"'{'S' if sent else 'R'}'", f"'{'T' if SEEN in each.flags else 'F'}'"]
        cells += [f"'{each.subject}'", f"'{each.sender}'", f"'{each.at.astimezone(JST):%Y-%m-%d %H:%M:%S}'"]
        cells += [-(-len(each.raw) // 1024), "'F'", f"'{file}'", blob, f"'{each.at.astimezone(JST):%Y-%m-%d}'"]
        mails.append(",".join(map(str, cells)))
    for n in range(len(PEOPLE)):
        uids = "".join(f"{number:08x}.{4 + n}\n" for number in range(40))
        put(root, f"mail/{4 + n}/{11 + n}/Receive/uid.dat", uids.encode())
    columns = "mail_id user_id account_id folder_id type read_flg subject person event_date file_volume has_files"
    put(
        root,
        "org001.sql",
        "".join(
            (
                table("turbine_user", "user_id login_name password_value email disabled", *users),
                table("eip_m_mail_account", "account_id user_id mail_address pop3password", *boxes),
                table("eip_t_mail_folder", "folder_id account_id folder_name", *folders),
                table("eip_t_mail", f"{columns} file_path mail create_date", *mails),
                table("eip_t_todo", "todo_id user_id todo_name", "1,4,'買い物'", "2,5,'掃除'"),
                table("eip_t_mail_filter", "filter_id account_id filter_string", "1,11,'order'", "2,12,'請求書'"),
            )
        ).encode(),
    )
    return f"aipo-{dialect}"


# -- the store of tests/adapters/groupware/test_acceptance.py --------------------------------------------------------


def split(root: Path) -> str:
    """Header and body in two files of records, every second mail in a zip archive of its month, users in DBF."""
    root.with_name("split.toml").write_text(MAPPING, "utf-8")
    store = SplitStore(root)
    write, store._write = store._write, lambda: None  # type: ignore[method-assign]
    for each in correspondence():
        store.add(each.account, (FOLDERS[each.folder],), each.raw, each.flags & BITS.keys(), each.at)
    write()
    return str(root.with_name("split.toml"))


# -- directories that tell by themselves -----------------------------------------------------------------------------

MAILDIR = {Role.INBOX: "", Role.SENT: ".Sent", Role.DRAFTS: ".Drafts", OWN: ".&W6JRSA-"}
LETTERS = {SEEN: "S", ANSWERED: "R", FORWARDED: "P", FLAGGED: "F", DRAFT: "D"}


def users(root: Path, *more: str) -> None:
    """A table of the accounts, of which some have no mail."""
    lines = [f"{n},{login},{login}@{DOMAIN}\n" for n, login in enumerate((*PEOPLE, *more), 1)]
    put(root, "users.csv", "".join(["number,login,address\n", *lines]).encode())


def maildir(root: Path) -> str:
    """Maildir++, with what was never delivered, a list of the mails' numbers and one of the folders."""
    users(root, "yamada")
    numbers: dict[str, list[str]] = defaultdict(list)
    for number, each in enumerate(correspondence(), 1):
        home = "/".join(filter(None, ("home", each.account, "Maildir", MAILDIR[each.folder])))
        base = f"{int(each.at.timestamp())}.M{number}P7.mail"
        letters = "".join(sorted(LETTERS[flag] for flag in each.flags))
        put(root, f"{home}/" + (f"cur/{base}:2,{letters}" if letters else f"new/{base}"), each.raw)
        numbers[home].append(base)
    for home, names in numbers.items():
        lines = [f"{uid} :{name}\n" for uid, name in enumerate(names, 1)]
        put(root, f"{home}/dovecot-uidlist", "".join(["3 V1 N99 G5c\n", *lines]).encode())
    for account in PEOPLE:
        names = [each.removeprefix(".") for each in MAILDIR.values() if each]
        put(root, f"home/{account}/Maildir/subscriptions", "".join(f"{name}\n" for name in names).encode())
        put(root, f"home/{account}/Maildir/tmp/1257120904.M5P1.mail", b"From: a@example.com\r\nSubj")
    return "example-maildir"


MH = {Role.INBOX: "inbox", Role.SENT: "outbox", Role.DRAFTS: "drafts", OWN: "客先/A社"}
SEQUENCES = {ANSWERED: "replied", FLAGGED: "flagged", FORWARDED: "forwarded"}


def mh(root: Path) -> str:
    """MH folders, one of them below a directory without mails."""
    users(root, "yamada")
    folders: dict[str, list[Written]] = defaultdict(list)
    for each in correspondence():
        folders[f"home/{each.account}/Mail/{MH[each.folder]}"].append(each)
    for folder, mails in folders.items():
        for number, each in enumerate(mails, 1):
            put(root, f"{folder}/{number}", each.raw)
        named = {name: [n for n, each in enumerate(mails, 1) if flag in each.flags] for flag, name in SEQUENCES.items()}
        named["unseen"] = [n for n, each in enumerate(mails, 1) if SEEN not in each.flags]
        lines = [f"{name}: {' '.join(map(str, numbers))}\n" for name, numbers in named.items() if numbers]
        put(root, f"{folder}/.mh_sequences", "".join(lines).encode())
    return "example-mh"


# -- mboxes with an index --------------------------------------------------------------------------------------------

BOXES = {Role.INBOX: "inbox", Role.SENT: "sent", Role.DRAFTS: "draft", OWN: "box4"}
PATHS = {Role.INBOX: "受信箱", Role.SENT: "送信済み", Role.DRAFTS: "下書き", OWN: "受信箱/客先"}


def mbox_sqlite(root: Path) -> str:
    """Users in an INI file; for each a database whose rows say where in which mbox a mail begins. Marks have several
    digits: of `7` nobody could say whether it is hexadecimal."""
    sections = [f"[{login}]\r\nmail={login}@{DOMAIN}\r\n" for login in PEOPLE]
    put(root, "etc/users.ini", "".join(sections).encode("cp932"))
    rows: dict[str, list[tuple[object, ...]]] = defaultdict(list)
    boxes: dict[tuple[str, str], bytes] = defaultdict(bytes)
    for number, each in enumerate(correspondence(), 1):
        box = each.account, BOXES[each.folder]
        place, bits = len(boxes[box]), sum(bit for flag, bit in BECKY_BITS.items() if flag in each.flags)
        line = f"From {each.sender} {each.at:%a %b %d %H:%M:%S %Y}\n".encode()
        boxes[box] += line + each.raw.replace(b"\r\nFrom ", b"\r\n>From ") + b"\n"
        folder = [*BOXES].index(each.folder) + 1
        rows[each.account].append((number, folder, box[1], place, f"{bits:04x}", f"{int(each.at.timestamp()):08x}"))
    for (account, name), data in boxes.items():
        put(root, f"spool/{account}/{name}.mbx", data)
    (root / "var").mkdir()
    for account, mails in rows.items():
        with closing(sqlite3.connect(root / "var" / f"{account}.db", isolation_level=None)) as database:
            database.execute("create table folders (id integer primary key, path text)")
            database.execute("create table messages (id integer primary key, folder_id, box, ofs, st, rcv)")
            database.executemany("insert into folders values (?, ?)", enumerate(PATHS.values(), 1))
            database.executemany("insert into messages values (?, ?, ?, ?, ?, ?)", mails)
    return "example-mbox-sqlite"


# -- mailboxes of a PC ----------------------------------------------------------------------------------------------

EUDORA = {Role.INBOX: "In", Role.SENT: "Out", Role.DRAFTS: "客先.fol/下書き", OWN: "客先.fol/A社"}


def eudora(root: Path) -> str:
    """Mailboxes parted by lines that name nobody, some attachments beside; and beside each box a table of 218 bytes a
    mail: where it begins with that line, how long it is, when, from whom, what about."""
    boxes: dict[tuple[str, str], list[Written]] = defaultdict(list)
    for each in correspondence():
        boxes[each.account, EUDORA[each.folder]].append(each)
    for (account, box), mails in boxes.items():
        name = f"{account}/{box}".encode("cp932").decode("utf-8", "surrogateescape")
        data, table = b"", box.encode("cp932").ljust(104, b"\0")
        for number, each in enumerate(mails):
            told = f"From ???@??? {each.at:%a %b %d %H:%M:%S %Y}\r\n".encode() + each.raw
            if number % 4 == 1:
                attached = f"図面{number}.dwg"
                told += f'Attachment Converted: "C:\\Mail\\Attach\\{attached}"\r\n'.encode("cp932")
                place = f"{account}/Attach/{attached}".encode("cp932").decode("utf-8", "surrogateescape")
                put(root, place, b"AC1015" + bytes(range(200, 256)) * 9)
            cells = (f"{each.at:%Y/%m/%d %H:%M}", each.sender, each.subject)
            numbers = len(data).to_bytes(4, "little") + len(told).to_bytes(4, "little") + bytes(2)
            texts = [cell.encode("cp932").ljust(width, b"\0") for cell, width in zip(cells, (32, 64, 112), strict=True)]
            table += b"".join((numbers, *texts))
            data += told
        put(root, f"{name}.mbx", data)
        put(root, f"{name}.toc", table)
    for account in PEOPLE:
        put(root, f"{account}/eudora.ini", f"[Settings]\r\nReturnAddress={account}@{DOMAIN}\r\n".encode())
        put(root, f"{account}/filters.pce", "rule 受注\r\ntransfer A社.mbx\r\n".encode("cp932"))
    return "eudora"


# -- packed mails -----------------------------------------------------------------------------------------------------

PACKED = """
mapping = 1
name = "packed"
paths = "utf-8"

[tables.users]
rows = { type = "csv", path = "conf/users.csv" }
key = ["id"]
columns = { id = "id", login = "login" }

[tables.folders]
rows = { type = "csv", path = "data/{users.login}/folders.csv", each = "users", charset = "utf-8" }
key = ["id"]
columns = { id = "id", name = "name" }

[tables.mails]
rows = { type = "csv", path = "data/{users.login}/index.tsv", each = "users", delimiter = "\\t" }
key = ["number"]
joins = [{ table = "folders", on = { folder = "id" } }]

[tables.mails.columns]
number = "number"
folder = "folder"
received = { column = "received", as = { kind = "date", format = "epoch" } }

[tables.mails.columns.marks]
column = "marks"
as = { kind = "flags", written = "letters", map = { S = '\\Seen', A = '\\Answered', P = '$Forwarded' } }

[accounts]
table = "users"
name = "login"

[folders]
table = "folders"
name = "name"

[[messages]]
table = "mails"
flags = ["marks"]
received = "received"
container = { type = "file", path = "data/{users.login}/{number}.eml.gz", packed = true }
"""


def packed(root: Path) -> str:
    """Every mail in a file of its own, packed; of each account a table of its folders and one of its mails."""
    root.with_name("packed.toml").write_text(PACKED, "utf-8")
    folders = [f"{11 + place},{name}\r\n" for place, name in enumerate(FOLDERS.values())]
    logins = [f"{n},{login}\r\n" for n, login in enumerate(PEOPLE, 1)]
    put(root, "conf/users.csv", "".join(["id,login\r\n", *logins]).encode())
    rows: dict[str, list[str]] = defaultdict(lambda: ["number\tfolder\tmarks\treceived\n"])
    for number, each in enumerate(correspondence(), 1001):
        put(root, f"data/{each.account}/{number}.eml.gz", gzip.compress(each.raw, mtime=0))
        folder = 11 + [*FOLDERS].index(each.folder)
        marks = "".join(letter for flag, letter in zip(BECKY_BITS, "SPA", strict=True) if flag in each.flags)
        rows[each.account].append(f"{number}\t{folder}\t{marks}\t{int(each.at.timestamp())}\n")
    for account, lines in rows.items():
        put(root, f"data/{account}/index.tsv", "".join(lines).encode())
        put(root, f"data/{account}/folders.csv", "".join(["id,name\r\n", *folders]).encode())
    return str(root.with_name("packed.toml"))


# -- products of tests/adapters/groupware/products.py ----------------------------------------------------------------

OPENWEBMAIL = {Role.INBOX: "INBOX", Role.SENT: "sent-mail", Role.DRAFTS: "saved-drafts", OWN: OWN}
GROUPSESSION = {Role.INBOX: "受信箱", Role.SENT: "送信済み", Role.DRAFTS: "草稿", OWN: OWN}
PHPROJEKT = {Role.INBOX: "INBOX", Role.SENT: "送信済み", Role.DRAFTS: "下書き", OWN: OWN}


def product(root: Path, *, kind: type[Product], folders: dict[Role | str, str], name: str = "{}") -> str:
    """Written once, when all mails are there."""
    store = kind(root)
    for number, each in enumerate(correspondence(threads=24), 1):
        account, path = name.format(each.account), (folders[each.folder],)
        store.folders.setdefault(account, [])
        if path not in store.folders[account]:
            store.folders[account].append(path)
        store.mails.append(Kept(number, account, path, each.raw, each.flags & PRODUCT_FLAGS, each.at))
    store.write()
    return store.mapping


PRODUCT_FLAGS = frozenset({SEEN, ANSWERED, FORWARDED, FLAGGED})

STORES: dict[str, Callable[[Path], str]] = {
    "kyoyu-mail": kyoyu,
    "becky": becky,
    "aipo-mysql": partial(aipo, dialect="mysql"),
    "aipo-postgresql": partial(aipo, dialect="postgresql"),
    "split": split,
    "openwebmail": partial(product, kind=OpenWebMail, folders=OPENWEBMAIL),
    "phprojekt": partial(product, kind=PhProjekt, folders=PHPROJEKT),
    "groupsession": partial(product, kind=GroupSession, folders=GROUPSESSION, name=f"{{}}@{DOMAIN}"),
    "example-maildir": maildir,
    "example-mh": mh,
    "example-mbox-sqlite": mbox_sqlite,
    "packed": packed,
    "eudora": eudora,
}
"""Kind -> what makes it below a root and names the mapping that describes it."""
