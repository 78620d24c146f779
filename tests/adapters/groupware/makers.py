"""Stores as the programs make them that our mappings describe; each maker returns the mails that are in it."""

from pathlib import Path

from migrator.testing import mail


def put(root: Path, path: str, data: bytes) -> None:
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)


def becky(root: Path) -> list[bytes]:
    """Two mailboxes of Becky! 2; one file lacks its last line."""

    def bmf(*mails: bytes) -> bytes:
        return b"".join(each.replace(b"\r\n.", b"\r\n..") + b".\r\n" for each in mails)

    def status(number: int, name: str) -> bytes:
        return b"X-Becky-Status: %08x,0000,0\r\n" % number + mail(name, body=b"a\r\n.b %b\r\n..\r\n" % name.encode())

    one, two, three = status(1, "m1"), status(6, "m2"), mail("m3")
    put(root, "12ab.mb/!!!!Inbox/1.bmf", bmf(one, two))
    put(root, "12ab.mb/!!!!Inbox/2.bmf", bmf(three)[:-3])
    put(root, "12ab.mb/!!!!Inbox/Folder.idx", b"\1")
    put(root, "12ab.mb/!!!!Inbox/客先/1.bmf".encode("cp932").decode("utf-8", "surrogateescape"), bmf(one))
    put(root, "99cd.mb/!!Sent/1.bmf", bmf(two))
    put(root, "12ab.mb/Mailbox.ini", b"[Account]\r\n")
    return [one, two, three, one, two]


def mysql(table: str, columns: str, *rows: str) -> str:
    names = "".join(f"  `{each}` text,\n" for each in columns.split())
    filled = "".join(f"INSERT INTO `{table}` VALUES ({row});\n" for row in rows)  # noqa: S608 - nothing runs it
    return f"CREATE TABLE `{table}` (\n{names}  KEY `k` (`x`)\n);\n{filled}"


def postgresql(table: str, columns: str, *rows: str) -> str:
    lines = "".join(row.replace("'", "").replace("NULL", "\\N").replace(",", "\t") + "\n" for row in rows)
    return f"COPY public.{table} ({', '.join(columns.split())}) FROM stdin;\n{lines}\\.\n\n"


def aipo(root: Path, dialect: str) -> list[bytes]:
    """Mails in files and in the table; a file that two rows claim, one that is missing, and one without a row."""
    table = mysql if dialect == "mysql" else postgresql

    def blob(data: bytes) -> str:
        return f"0x{data.hex()}" if dialect == "mysql" else f"\\\\x{data.hex()}"

    columns = "mail_id user_id account_id folder_id type read_flg subject event_date has_files file_path mail"
    dump = (
        table("turbine_user", "user_id login_name password_value", "4,'sato','x'", "5,'suzuki','x'")
        + table("eip_m_mail_account", "account_id user_id pop3password", "1,4,'x'", "2,5,'x'")
        + table(
            "eip_t_mail_folder",
            "folder_id account_id folder_name",
            "1,1,'受信トレイ'",
            "2,2,'受信トレイ'",
            "3,1,'客先'",
        )
        + table(
            "eip_t_mail",
            columns,
            "1,4,1,1,'R','T','a','2009-11-02 09:15:00','F','1001',NULL",
            f"2,4,1,3,'R','F','b','2009-11-02 09:15:00.123','F','',{blob(mail('m2'))}",
            "3,4,1,NULL,'S','T','c','2009-11-02 09:15:00','F','1003',NULL",
            "4,5,2,2,'R','F','d','2009-11-02 09:15:00','F','1004',NULL",
            "5,5,2,2,'R','F','e','2009-11-02 09:15:00','F','1004',NULL",
            "6,5,2,2,'R','F','f','2009-11-02 09:15:00','F','1006',NULL",
        )
    )
    put(root, "org001.sql", dump.encode())
    for path, name in (("4/1/Receive/1001", "m1"), ("4/1/Send/1003", "m3"), ("5/2/Receive/1004", "m4")):
        put(root, f"mail/{path}", mail(name))
    put(root, "mail/4/1/Receive/uid.dat", b"uid\n")
    put(root, "mail/5/2/Receive/9999", mail("orphan"))
    return [mail(name) for name in ("m1", "m2", "m3", "m4", "orphan")]
