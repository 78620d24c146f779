"""Mails and facts of a shared inbox in few words, and any number of them at random."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from migrator.inboxes import About, Letter, Named, Scope, SharedInbox, Status, WorkState
from migrator.model import Account, Role
from migrator.shared.mails import own
from migrator.shared.standing import Standing, standing

BEGIN = datetime(2014, 5, 1, 9, 0, tzinfo=UTC)
INBOX = SharedInbox(
    key="support", name="support", account=Account("support"), address="support@example.co.jp", token=r"\[(\d+)-\d+\]"
)
OWN = own(["example.co.jp"])


def letter(
    number: int,
    sender: str = "mori@reiji.example",
    to: str = "support@example.co.jp",
    subject: str = "question",
    *,
    answers: tuple[int, ...] = (),
    days: float = 0,
    folder: str = "in",
    role: Role | None = None,
    message_id: str | None = None,
) -> Letter:
    lines = [f"From: {sender}", f"To: {to}", f"Subject: {subject}"]
    if message_id != "":
        lines.append(f"Message-ID: {message_id or f'<{number}@mail.example>'}")
    if answers:
        lines.append("References: " + " ".join(f"<{each}@mail.example>" for each in answers))
    head = "\r\n".join([*lines, f"X-Number: {number}", "", ""]).encode()
    return Letter(named=Named((folder,), str(number)), head=head, received_at=BEGIN + timedelta(days=days), role=role)


def ours(number: int, to: str = "mori@reiji.example", subject: str = "Re: question", **how: object) -> Letter:
    return letter(number, "support@example.co.jp", to, subject, folder="sent", role=Role.SENT, **how)


def state(number: int, status: Status | None, *, folder: str = "in", **how: object) -> WorkState:
    known = {
        "key": f"s{number}",
        "about": About(items=(Named((folder,), str(number)),)),
        "scope": Scope.MAIL,
        "status": status,
        "label": str(status),
    }
    return WorkState(**{**known, **how})


def stands(letters: list[Letter], work: list = [], **how: object) -> Standing:  # noqa: B006
    return standing(INBOX, letters, work, OWN, **how)


CUSTOMERS = ("mori@reiji.example", "shimizu@kakuu.example")


@st.composite
def inboxes(draw: st.DrawFn) -> tuple[list[Letter], list[WorkState]]:
    """A few mails of two customers and us, with answers to each other and states of every kind."""
    letters, states = [], []
    for number in range(draw(st.integers(1, 8))):
        how = {
            "subject": draw(st.sampled_from(["question", "Re: question", "another", "[7-1] x", "Re: [7-2] x", ""])),
            "answers": tuple(draw(st.lists(st.integers(0, 9), max_size=2))),
            "days": draw(st.sampled_from([0, 1, 2, 2, 10, 20, 40])),
        }
        customer = draw(st.sampled_from(CUSTOMERS))
        letters.append(
            letter(number, customer, **how)
            if draw(st.booleans())
            else ours(number, draw(st.sampled_from([customer, "sato@example.co.jp"])), **how)
        )
        if draw(st.booleans()):
            states.append(
                state(
                    number,
                    draw(st.sampled_from([*Status, None])),
                    folder=letters[-1].named.folder[0],
                    assignee=draw(st.sampled_from([None, "sato", "suzuki"])),
                    at=BEGIN + timedelta(days=draw(st.integers(0, 40))) if draw(st.booleans()) else None,
                )
            )
    return letters, states
