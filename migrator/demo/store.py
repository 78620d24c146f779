"""Twelve years of 見本商会's mail, and everything that went wrong in them. `build` is the table of contents.

Every mail is made up, the same for the same seed; the only domains are example.co.jp, example.com and *.example.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from migrator.demo.groupware import DRAFTS, INBOX, JUNK, SENT, TRASH, Groupware, Mark
from migrator.demo.letters import JIS, SJIS, UTF8_8BIT, UTF8_QP, Attachment, written
from migrator.demo.office import READ, Office, Planted
from migrator.demo.people import CUSTOMERS, MATTERS, NEWSLETTERS, SHOP, STAFF, SUPPORT, Person
from migrator.demo.shared import the_shared_inboxes

__all__ = ["Planted", "build", "late"]


def build(root: Path, *, seed: int = 1) -> Planted:
    """Write the whole store below `root`, which must be empty or absent. Takes a second or so."""
    with Groupware(root) as groupware:
        office = Office(groupware, Random(seed))  # noqa: S311 - a story, not a secret
        everyday_threads(office)
        one_long_thread(office)
        newsletters_to_everybody(office)
        orders_and_junk(office)
        the_shared_inboxes(office)
        drafts_and_trash(office)
        mails_that_ask_for_a_receipt(office)
        folders_with_difficult_names(office)
        line_ends_of_every_kind(office)
        the_same_mail_twice(office)
        half_written_mails(office)
        rows_without_files_and_files_without_rows(office)
        rows_that_are_broken_or_climb(office)
        locks_and_leftovers(office)
        return office.planted()


def late(root: Path, login: str, mails: int) -> Callable[[], None]:
    """Take the newest mails of an account out of a store, row and file; what is returned lets them arrive there."""
    folder = root / "user" / login
    index = folder / "mail.csv"
    rows = index.read_bytes().splitlines(keepends=True)
    places = [folder / row.split(b",")[1].decode() / row.split(b",")[2].decode() for row in rows[-mails:]]
    files = {place: place.read_bytes() for place in places}
    index.write_bytes(b"".join(rows[:-mails]))
    for place in places:
        place.unlink()

    def arrive() -> None:
        for place, mail in files.items():
            place.write_bytes(mail)
        index.write_bytes(b"".join(rows))

    return arrive


# -- the ordinary days -------------------------------------------------------------------------------------------------


def everyday_threads(office: Office) -> None:
    """Staff and customers, to and fro; each side's mail lies with whoever works here."""
    for number in range(36):
        ours = office.chance.choice(STAFF)
        theirs = office.chance.choice([*CUSTOMERS, *(each for each in STAFF if each is not ours)])
        thread(office, ours, theirs, office.chance.choice(MATTERS), letters=2 + number % 5, story="thread")


def one_long_thread(office: Office) -> None:
    """A customer who never starts a new mail."""
    thread(office, STAFF[0], CUSTOMERS[0], "基本契約の更新について", letters=24, story="long thread")


def thread(office: Office, ours: Person, theirs: Person, subject: str, *, letters: int, story: str) -> None:
    """A correspondence, each letter an answer to the one before it."""
    references: tuple[str, ...] = ()
    for turn in range(letters):
        sender, receiver = (theirs, ours) if turn % 2 == 0 else (ours, theirs)
        letter = office.letter(
            sender,
            receiver,
            subject if not references else f"Re: {subject}",
            references=references,
            attachments=tuple(attachments(office)) if turn % 4 == 3 else (),
        )
        references += (letter.message_id,)
        answered = Mark.REPLIED if turn + 1 < letters else Mark(0)
        copies = {sender: (SENT,), receiver: folder_for(sender)}
        owners = {person: folder for person, folder in copies.items() if person.login}
        office.send(letter, owners, marks=READ | answered | flagged(office), story=story)


def folder_for(sender: Person) -> tuple[str, ...]:
    """Customers have folders of their own, one of them with a slash in its name."""
    if sender is CUSTOMERS[0]:
        return ("お客様", "㈱例示工業")
    if sender is CUSTOMERS[1]:
        return ("お客様", "架空電機/保守")
    return (INBOX,)


def flagged(office: Office) -> Mark:
    """Now and then a mail is important, forwarded or printed."""
    return office.chance.choice([Mark(0)] * 8 + [Mark.FLAGGED, Mark.FORWARDED, Mark.PRINTED])


def attachments(office: Office) -> Iterator[Attachment]:
    yield Attachment("見積書①.pdf", b"%PDF-1.4\n" + office.chance.randbytes(2500), "application/pdf")
    if office.chance.random() < 0.5:
        yield Attachment("数量表.csv", "品名,数量\r\n部品Ａ,10\r\n".encode("cp932"), "text/csv")


def newsletters_to_everybody(office: Office) -> None:
    """One body, as many headers as there are people: what staging keeps only once."""
    for number in range(7):
        sender = NEWSLETTERS[number % len(NEWSLETTERS)]
        body = office.text(lines=8) * 6
        headers = (
            ("List-Id", f"<mail.{sender.address.partition('@')[2]}>"),
            ("List-Unsubscribe", f"<mailto:leave@{sender.address.partition('@')[2]}>"),
            ("Precedence", "bulk"),
        )
        for reader in (*STAFF, SUPPORT):
            subject = f"【{sender.name}】{office.now.year}年{office.now.month}月号"
            letter = office.letter(sender, reader, subject, body=body, headers=headers)
            marks = READ if office.chance.random() < 0.3 else Mark(0)
            office.put(reader, INBOX, letter, written(letter, UTF8_QP), marks, story="newsletter")


def orders_and_junk(office: Office) -> None:
    """Order confirmations look like advertising and are not; the junk folder holds what is."""
    for number in range(16):
        buyer = office.chance.choice(STAFF)
        order = office.letter(
            SHOP,
            buyer,
            f"ご注文ありがとうございます(注文番号 {1000 + number})",
            body=f"合計 {number * 980 + 500:,}円\n",
        )
        office.put(buyer, INBOX, order, written(order, JIS), story="order")
        junk = office.letter(NEWSLETTERS[2], buyer, "★当選のお知らせ★", headers=(("X-Spam-Flag", "YES"),))
        office.put(buyer, JUNK, junk, written(junk, SJIS), Mark(0), story="junk")


# -- what people leave behind ------------------------------------------------------------------------------------------


def drafts_and_trash(office: Office) -> None:
    """Mails that were never sent, and mails that were thrown away or only marked so."""
    for writer in STAFF[:6]:
        draft = office.letter(writer, office.chance.choice(CUSTOMERS), office.chance.choice(MATTERS))
        office.put(writer, DRAFTS, draft, written(draft, JIS), READ | Mark.DRAFT, story="draft")
        thrown = office.letter(SHOP, writer, "配送状況のお知らせ")
        office.put(writer, TRASH, thrown, written(thrown, SJIS), READ, story="in trash")
        marked = office.letter(SHOP, writer, "アンケートのお願い")
        office.put(writer, INBOX, marked, written(marked, JIS), READ | Mark.DELETED, story="marked deleted")


def mails_that_ask_for_a_receipt(office: Office) -> None:
    """A migration may not answer them (RFC 8098)."""
    for reader in STAFF[2:5]:
        sender = CUSTOMERS[3]
        headers = (("Disposition-Notification-To", sender.address), ("Return-Receipt-To", sender.address))
        letter = office.letter(sender, reader, "【要開封確認】契約書", headers=headers)
        office.put(reader, INBOX, letter, written(letter, JIS), Mark(0), story="asks for a receipt")


def folders_with_difficult_names(office: Office) -> None:
    """Names that mean something to one server or another, and folders that hold nothing."""
    names = ("見積～2019", "旧~", "ＦＡＸ通知", "a.b", "Ｒ＆Ｄ & co", '"至急"', "100%", "{控え}", "\\temp", "*")
    for owner, name in zip(STAFF * 2, names, strict=False):
        letter = office.letter(CUSTOMERS[2], owner, office.chance.choice(MATTERS))
        office.put(owner, ("お客様", name), letter, written(letter, UTF8_8BIT), story="difficult name")
    for owner in STAFF:
        office.account(owner).folder("空のフォルダ", f"{owner.name}の控え")


# -- what went wrong ---------------------------------------------------------------------------------------------------


def line_ends_of_every_kind(office: Office) -> None:
    """LF by an export, CR CR LF by a gateway that converted twice, bare CR by a Macintosh, no end at all."""
    ends = {"LF": b"\n", "CR CR LF": b"\r\r\n", "bare CR": b"\r"}
    for name, end in ends.items():
        letter = office.letter(CUSTOMERS[4], STAFF[4], office.chance.choice(MATTERS))
        head, _, body = written(letter, JIS).partition(b"\r\n\r\n")
        mail = (head + b"\r\n\r\n").replace(b"\r\n", b"\n" if name == "LF" else b"\r\n") + body.replace(b"\r\n", end)
        office.put(STAFF[4], INBOX, letter, mail, story=f"line ends: {name}")
    letter = office.letter(CUSTOMERS[4], STAFF[4], "改行なし")
    office.put(STAFF[4], INBOX, letter, written(letter, JIS).rstrip(b"\r\n"), story="line ends: none at the end")


def the_same_mail_twice(office: Office) -> None:
    """Twins in one folder, and two different mails under one Message-ID: all of them are somebody's mail."""
    letter = office.letter(CUSTOMERS[5], STAFF[5], "二通届いたメール")
    for _ in range(2):
        office.put(STAFF[5], INBOX, letter, written(letter, UTF8_QP), story="twin")
    shared_id = "<0001.copy@dummy-foods.example>"
    for subject in ("同じ番号のメール その一", "同じ番号のメール その二"):
        letter = office.letter(CUSTOMERS[4], STAFF[5], subject, message_id=shared_id)
        office.put(STAFF[5], INBOX, letter, written(letter, JIS), story="same Message-ID")


def half_written_mails(office: Office) -> None:
    """Reception cut off, disk full, power lost: the row is there, the file is not all there."""
    owner = STAFF[6]
    for story in ("cut in header", "cut in body", "NUL tail", "empty"):
        for _ in range(2):
            letter = office.letter(
                CUSTOMERS[1], owner, office.chance.choice(MATTERS), attachments=tuple(attachments(office))
            )
            whole = written(letter, JIS)
            mail = {
                "cut in header": whole[: whole.index(b"Subject:") + 20],
                "cut in body": whole[: len(whole) * 2 // 3],
                "NUL tail": whole[: len(whole) // 2] + bytes(512),
                "empty": b"",
            }[story]
            office.put(owner, INBOX, letter, mail, Mark(0), story=story)


def rows_without_files_and_files_without_rows(office: Office) -> None:
    """A virus scanner took the file and left the row; an index was restored from an older backup."""
    for owner in STAFF[7:10]:
        account = office.account(owner)
        inbox = account.folder(INBOX)
        lost = account.next()
        account.row(
            lost, inbox, f"{lost}.eml", at=office.tick(), marks=READ, sender="virus@example.com", subject="(なし)"
        )
        office.fault("row without file")
        letter = office.letter(CUSTOMERS[3], owner, office.chance.choice(MATTERS))
        mail = written(letter, JIS)
        path = account.file(inbox, f"{account.next()}.eml", mail, at=letter.at)
        office.plant(path, mail, story="file without row")
    letter = office.letter(CUSTOMERS[3], STAFF[7], "退避したメール")
    aside = office.groupware.root / "backup" / "2015" / "退避.eml"
    aside.parent.mkdir(parents=True)
    aside.write_bytes(written(letter, JIS))
    office.plant(aside, written(letter, JIS), story="file of nobody")


def rows_that_are_broken_or_climb(office: Office) -> None:
    """An index line cut in the middle, whose file is there all the same; and one that somebody wrote by hand."""
    owner = STAFF[8]
    account = office.account(owner)
    inbox = account.folder(INBOX)
    letter = office.letter(CUSTOMERS[2], owner, office.chance.choice(MATTERS))
    number = account.next()
    mail = written(letter, JIS)
    path = account.file(inbox, f"{number}.eml", mail, at=letter.at)
    account.index.write(number, inbox, path.name)
    office.plant(path, mail, story="file of a broken row")
    office.fault("broken row")
    account.row(account.next(), inbox, "../../../../etc/passwd", at=office.tick())
    office.fault("row that climbs")


def locks_and_leftovers(office: Office) -> None:
    """What the program leaves behind when it crashes."""
    for owner in (STAFF[0], STAFF[10]):
        office.not_mail(f"user/{owner.login}/mail.lock", b"pid 4711\r\n", story="lock")
    half = written(office.letter(SHOP, STAFF[0], "受信途中"), JIS)[:200]
    office.not_mail("work/00012345.tmp", half, story="half received")
