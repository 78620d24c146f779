"""What a server is and what it cannot do, found by asking it and nothing else."""

import hashlib
from contextlib import suppress

from adapters.utf7 import encode
from migrator.model import Identity

from .answers import Data
from .reading import attributes
from .session import No, Session
from .words import quoted

INSIDE, LEADING = './\\~%*"&#|^:', "~#.%"
"""ASCII signs that some server gives a meaning to in names, or at their beginning."""


def name_of(session: Session) -> str:
    """What it calls itself (RFC 2971), without its version, which changes with every update."""
    if not session.can("ID"):
        return ""
    with suppress(No):
        for said in session.run(b"ID NIL"):
            match said:
                case Data(values=(_, tuple(pairs))) if said.kind == b"ID":
                    words = [each.decode("utf-8", "replace") if isinstance(each, bytes) else "" for each in pairs]
                    told = dict(zip((word.lower() for word in words[::2]), words[1::2], strict=False))
                    return told.get("name", "")
                case _:
                    pass
    return ""


def identity_of(session: Session, epoch: int | None) -> Identity:
    """The server by address and name, the mailbox by its inbox's UIDVALIDITY, the certificate by its SHA-256."""
    wire = session.wire
    store = f"imap {wire.host}:{wire.port} {name_of(session)}".strip()
    certificate = wire.certificate
    return Identity(
        store if epoch is None else f"{store} inbox {epoch}",
        hashlib.sha256(certificate).hexdigest() if certificate else None,
    )


def item_bytes(session: Session) -> int | None:
    """The largest mail it says it takes (RFC 7889)."""
    for capability in session.capabilities:
        name, _, value = capability.partition("=")
        if name == "APPENDLIMIT" and value.isdigit():
            return int(value)
    if session.can("APPENDLIMIT"):
        with suppress(No):
            return attributes(session.run(b"STATUS INBOX (APPENDLIMIT)")).get("APPENDLIMIT")
    return None


def refused_in_names(session: Session, prefix: bytes) -> frozenset[str]:
    """The signs that no name may hold: it is asked for folders that are not there, and says CANNOT (RFC 5530).

    A sign that is forbidden only at the beginning is left out altogether.
    """
    session.leave()
    questions = [(sign, f"migrator{sign}x") for sign in INSIDE] + [(sign, f"{sign}migrator") for sign in LEADING]
    lines = [b"STATUS " + quoted(prefix + encode(name)) + b" (MESSAGES)" for _, name in questions]
    answers = zip(questions, session.run_each(lines), strict=True)
    return frozenset(sign for (sign, _), answer in answers if answer.code == "CANNOT")
