"""Shared inboxes in a memory world, for tests: two desks where everything has happened that a store can tell."""

from datetime import UTC, datetime, timedelta

from adapters.memory import World
from migrator.errors import Reason
from migrator.inboxes import (
    About,
    Belongs,
    Event,
    Happened,
    Member,
    Named,
    Note,
    Principal,
    Right,
    Scope,
    Status,
    Tag,
    Template,
    WorkState,
)
from migrator.model import Unreadable

AT = datetime(2014, 5, 1, 9, 0, tzinfo=UTC)
INBOX, SENT = ("受信箱",), ("送信済み",)


def letter(
    sender: str, to: str, subject: str, number: str, *, answers: str = "", at: datetime = AT, body: str = "text"
) -> bytes:
    """A mail of the number, which answers another's."""
    lines = [f"From: {sender}", f"To: {to}", f"Subject: {subject}", f"Message-ID: <{number}@mail.example>"]
    lines.append(f"Date: {at:%a, %d %b %Y %H:%M:%S} +0000")
    if answers:
        lines += [f"In-Reply-To: <{answers}@mail.example>", f"References: <{answers}@mail.example>"]
    return ("\r\n".join(lines) + f"\r\n\r\n{body}\r\n").encode()


def asked(world: World, owner: str, number: str, *, subject: str = "question", days: int = 0) -> Named:
    """A customer writes to the inbox."""
    at = AT + timedelta(days=days)
    raw = letter("mori@reiji.example", f"{owner}@example.co.jp", subject, number, at=at)
    return world.named(owner, INBOX, world.add(owner, INBOX, raw, received_at=at))


def answered(world: World, owner: str, number: str, answers: str, *, days: int = 1) -> Named:
    """The inbox answers a customer."""
    at = AT + timedelta(days=days)
    raw = letter(f"{owner}@example.co.jp", "mori@reiji.example", "Re: question", number, answers=answers, at=at)
    return world.named(owner, SENT, world.add(owner, SENT, raw, received_at=at))


def two_desks(world: World) -> None:
    """Support, where every kind of fact is told; sales, where nobody has done anything yet."""
    for key, name, left in (("sato", "佐藤 健一", False), ("yoshida", "吉田 浩二", True)):
        world.know(Principal(key=key, name=name, login=key, address=f"{key}@example.co.jp", left=left))
    first, reply = asked(world, "support", "1"), answered(world, "support", "2", "1")
    second = asked(world, "support", "3", subject="another", days=2)
    asked(world, "support", "4", subject="untouched", days=3)
    desk = world.share("support", address="support@example.co.jp")
    every = frozenset(Right)
    desk.join(Member(key="m1", principal="sato", rights=every, label="管理"))
    desk.join(Member(key="m2", principal="yoshida", rights=frozenset({Right.READ}), label="参照", until=AT))
    desk.join(Member(key="m3", principal="担当12", rights=None, label="特別"))
    one, both = About(items=(first,)), About(items=(first, reply), thread="C-1")
    desk.tell(
        WorkState(key="s1", about=one, scope=Scope.MAIL, status=Status.CLOSED, label="完了", assignee="sato", at=AT)
    )
    desk.tell(WorkState(key="s2", about=About(items=(second,)), scope=Scope.MAIL, status=None, label="要確認", by="m9"))
    desk.tell(Event(key="e1", about=one, what=Happened.ASSIGNED, label="担当変更", new="sato", at=AT, by="yoshida"))
    desk.tell(Note(key="n1", about=one, text="折り返し電話\n済み", at=AT, by="yoshida"))
    desk.tell(Tag(key="t1", about=About(thread="C-1"), name="返品", colour="#ff0000"))
    desk.tell(Belongs(key="b1", about=both, number="1"))
    desk.tell(Template(key="p1", name="お礼", text="ありがとうございます。", subject="お礼"))
    desk.tell(Unreadable(key="f1", path="share/support/status.csv", reason=Reason("groupware.line-width", line=3)))
    asked(world, "sales", "5")
    world.share("sales", token=r"\[(\d+)-\d+\]").join(Member(key="m1", principal="sato", rights=every))
