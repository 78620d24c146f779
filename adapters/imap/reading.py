"""What lies in a folder: its mark, its mails one by one, their bytes. Nothing here changes anything."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from migrator.errors import FolderError, Reason
from migrator.mail import header_digest
from migrator.model import IN_MEMORY, Mark, Raw, Sighting

from .answers import ABSENT, Data, Fetched, Status
from .letters import message_id
from .session import No, Session
from .words import number_set, quoted

WINDOW = 500
"""Mails whose headers are asked for in one command."""

UNTOLD = datetime(1970, 1, 1, tzinfo=UTC)
"""The received time of a mail whose server tells none that can be read."""


def status(session: Session, name: bytes) -> Mark | None:
    """How far a folder has come, without selecting it; None where the server says that there is none. Raises No."""
    session.leave()
    try:
        answer = session.run(b"STATUS " + quoted(name) + b" (UIDVALIDITY UIDNEXT MESSAGES)")
    except No as no:
        if no.status.code in ABSENT:
            return None
        raise
    told = attributes(answer)
    try:
        return Mark(told["UIDVALIDITY"], told["UIDNEXT"], told["MESSAGES"])
    except KeyError as error:
        raise FolderError(Reason("imap.status-incomplete", what=str(error.args[0]))) from error


def attributes(answer: Sequence[Data | Fetched | Status]) -> dict[str, int]:
    """The numbers of a STATUS response."""
    for said in answer:
        match said:
            case Data(values=(_, _, tuple(pairs))) if said.kind == b"STATUS":
                words = [pair.decode("ascii", "replace") if isinstance(pair, bytes) else "" for pair in pairs]
                return {
                    word.upper(): int(value)
                    for word, value in zip(words[::2], words[1::2], strict=False)
                    if value.isdigit()
                }
            case _:
                pass
    return {}


def census(session: Session, name: bytes) -> tuple[int, int]:
    """Mails and bytes of a folder by STATUS; the bytes by a list of sizes where STATUS cannot tell. Raises No."""
    session.leave()
    items = b"(MESSAGES SIZE)" if session.can("STATUS=SIZE") else b"(MESSAGES)"
    told = attributes(session.run(b"STATUS %b %b" % (quoted(name), items)))
    count = told.get("MESSAGES", 0)
    if "SIZE" in told or not count:
        return count, told.get("SIZE", 0)
    session.open(name)
    sizes = session.said(session.begin(b"UID FETCH 1:* (UID RFC822.SIZE)"))
    return count, sum(said.size or 0 for said in sizes if isinstance(said, Fetched))


def numbers(session: Session, first: int = 1, last: int | None = None) -> list[int]:
    """The numbers from `first` on (to `last`) in the selected folder, ascending. Raises No."""
    found: list[int] = []
    for said in session.run(b"UID SEARCH UID %d:%b" % (first, b"*" if last is None else b"%d" % last)):
        if isinstance(said, Data) and said.kind == b"SEARCH":
            found += [int(value) for value in said.values[1:] if isinstance(value, bytes) and value.isdigit()]
    # `n:*` names the last one even where it is below n (RFC 9051 §9, seq-range)
    return sorted({number for number in found if number >= first})


def survey(session: Session, name: bytes, since: Mark | None) -> Iterator[Sighting]:
    """The folder's mails in the order of their numbers. Raises No.

    Each window is read to its end before it is given out, so the connection is free for other questions in between.
    """
    opened = session.open(name)
    assert opened is not None
    first = since.next if since and since.epoch == opened.epoch else 1
    waiting = numbers(session, first) if opened.count else []
    for at in range(0, len(waiting), WINDOW):
        if at and (again := session.open(name, anew=False)) and again.epoch != opened.epoch:
            raise FolderError(Reason("imap.epoch-changed", was=opened.epoch, now=again.epoch))
        yield from sorted(sightings(session, opened.epoch, waiting[at : at + WINDOW]), key=lambda each: each.number)


def sightings(session: Session, epoch: int, wanted: Sequence[int]) -> list[Sighting]:
    """These mails of the selected folder as far as they are there. Raises No."""
    command = b"UID FETCH %b (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER])" % number_set(wanted)
    found: dict[int, Sighting] = {}
    for said in session.said(session.begin(command)):
        if isinstance(said, Fetched) and said.uid is not None and said.body is not None:
            found[said.uid] = sighting(said, epoch)
    return list(found.values())


def sighting(fetched: Fetched, epoch: int) -> Sighting:
    """What a mail looks like, from its number, flags, time, size and header."""
    assert fetched.uid is not None
    assert fetched.body is not None
    with fetched.body.open() as stream:
        start = stream.read(IN_MEMORY)  # more than any digest covers
    return Sighting(
        ref=f"{epoch}:{fetched.uid}",
        size=fetched.size or 0,
        message_id=message_id(start),
        flags=fetched.flags or frozenset(),
        received_at=fetched.received_at or UNTOLD,
        headers=header_digest(start),
    )


def body(session: Session, name: bytes, ref: str) -> Raw | None:
    """One mail's bytes; None where it is gone. Raises No."""
    epoch, _, number = ref.partition(":")
    for anew in (False, True):  # a folder selected some time ago may not show yet what has come since
        opened = session.open(name, anew=anew)
        if opened and str(opened.epoch) != epoch:
            raise FolderError(Reason("imap.epoch-changed", was=int(epoch), now=opened.epoch))
        # nor, without the NOOP, that something has gone
        for said in session.run(b"NOOP", b"UID FETCH %d (UID BODY.PEEK[])" % int(number)):
            if isinstance(said, Fetched) and said.uid == int(number) and said.body is not None:
                return said.body
        if opened:
            break
    return None


def quota(session: Session) -> Iterator[tuple[str, int, int]]:
    """Resource, usage and limit of what INBOX counts against (RFC 9208); STORAGE in units of 1024 bytes."""
    if not session.can("QUOTA") and not any(each.startswith("QUOTA=") for each in session.capabilities):
        return
    with suppress(No):
        for said in session.run(b"GETQUOTAROOT INBOX"):
            match said:
                case Data(values=(_, _, tuple(triples))) if said.kind == b"QUOTA":
                    words = [each.decode("ascii", "replace") if isinstance(each, bytes) else "" for each in triples]
                    for resource, used, limit in zip(words[::3], words[1::3], words[2::3], strict=False):
                        if used.isdigit() and limit.isdigit() and int(limit):
                            yield resource.upper(), int(used), int(limit)
                case _:
                    pass
