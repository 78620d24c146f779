"""What a server says, as values: status lines, data, and one message's FETCH data (RFC 9051 §7)."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from migrator.model import Flag, Raw

from .words import flag_of

Value: TypeAlias = "bytes | tuple[Value, ...] | None"
"""An atom, string or number as its bytes; NIL; a list."""


NOT_NOW = {"UNAVAILABLE", "INUSE", "SERVERBUG"}
"""Response codes by which a server says: not now (RFC 5530)."""

LOGIN_ENDED = {"AUTHENTICATIONFAILED", "EXPIRED"}
"""Response codes by which it says, to any command: log in again (an expired token; RFC 5530)."""

ABSENT = {"NONEXISTENT", "TRYCREATE"}
"""Response codes by which it says: no such folder."""


@dataclass(frozen=True, slots=True)
class Status:
    """OK, NO, BAD, BYE or PREAUTH, its response code and the code's arguments; the text is the server's own."""

    tag: bytes
    kind: str
    code: str = ""
    argument: str = ""
    text: str = ""

    @property
    def shown(self) -> str:
        """What may be told of it: short, printable ASCII."""
        said = f"{self.kind} [{self.code}] {self.text}" if self.code else f"{self.kind} {self.text}"
        return re.sub(r"[^ -~]", "?", said)[:160]

    @property
    def retry_after(self) -> float | None:
        """Seconds it wishes to be left alone (Exchange: `Suggested Backoff Time: 299961 milliseconds`)."""
        found = _BACKOFF.search(self.text)
        return int(found[1]) / (1000 if found[2] else 1) if found else None

    @property
    def not_now(self) -> bool:
        """Whether it may well say something else later."""
        return self.code in NOT_NOW or self.retry_after is not None


@dataclass(frozen=True, slots=True)
class Data:
    """An untagged response: `LIST (\\HasNoChildren) "/" INBOX`, `12 EXISTS`."""

    values: tuple[Value, ...]

    @property
    def kind(self) -> bytes:
        """Its name in upper case, wherever it stands."""
        words = [value for value in self.values[:2] if isinstance(value, bytes)]
        return next((word.upper() for word in words if not word.isdigit()), b"")


@dataclass(frozen=True, slots=True)
class Continuation:
    """The server waits for more."""


@dataclass(slots=True)
class Fetched:
    """What one FETCH response told of one message; None for what it did not tell."""

    uid: int | None = None
    size: int | None = None
    flags: frozenset[Flag] | None = None
    received_at: datetime | None = None
    modseq: int | None = None
    body: Raw | None = None
    """BODY[] or BODY[HEADER], whichever was asked for."""


_BACKOFF = re.compile(r"back-?off\D{1,20}(\d{1,9}) ?(ms|milli)?", re.I)

STATUS = re.compile(rb"(\S+) (OK|NO|BAD|BYE|PREAUTH)(?: \[([^] ]+)(?: ([^]]*))?\])?(?: (.*))?\Z", re.I | re.S)
LITERAL = re.compile(rb"\{(\d+)\+?\}\Z")

_TOKEN = re.compile(rb' *(?:(\()|(\))|"((?:[^"\\]|\\.)*)"|([^ ()"]+))', re.S)


def status_of(line: bytes) -> Status | None:
    """The status a line tells, or None where it tells something else."""
    found = STATUS.match(line)
    if not found:
        return None
    tag, kind, code, argument, text = (part or b"" for part in found.groups())
    words = (part.decode("ascii", "replace") for part in (kind.upper(), code.upper(), argument, text))
    return Status(tag, *words)


def values_of(parts: list[bytes]) -> tuple[Value, ...]:
    """Tokens of a response given as line, literal, line, literal, …, line. Raises ValueError where it is none."""
    stack: list[list[Value]] = [[]]
    for number, part in enumerate(parts):
        if number % 2:
            stack[-1].append(part)
            continue
        at = 0
        part = part.rstrip(b" ")
        while at < len(part):
            token = _TOKEN.match(part, at)
            if token is None:
                raise ValueError("no token")
            at = token.end()
            if token[1]:
                stack.append([])
            elif token[2]:
                if len(stack) == 1:
                    raise ValueError("no such list")
                done = tuple(stack.pop())
                stack[-1].append(done)
            elif token[3] is not None:
                stack[-1].append(re.sub(rb"\\(.)", rb"\1", token[3], flags=re.S))
            else:
                stack[-1].append(None if token[4].upper() == b"NIL" else token[4])
    if len(stack) != 1:
        raise ValueError("list without end")
    return tuple(stack[0])


# -- FETCH -----------------------------------------------------------------------------------------------------------

FETCH = re.compile(rb"\* \d+ FETCH \(", re.I)

ITEM = re.compile(
    rb""" \ * (?:
      (?P<number>UID|RFC822\.SIZE)\ (?P<value>\d+)
    | FLAGS\ \((?P<flags>[^)]*)\)
    | INTERNALDATE\ "(?P<date>[^"]*)"
    | MODSEQ\ \((?P<modseq>\d+)\)
    | BODY\[[^]]*\](?:<\d+>)?\ (?: (?P<nil>NIL) | "(?P<quoted>(?:[^"\\]|\\.)*)" | \{(?P<literal>\d+)\}\Z )
    | (?P<end>\))
    | [A-Z][A-Z0-9.\-]*(?:\[[^]]*\])?\ (?:\d+|NIL|"(?:[^"\\]|\\.)*"|\([^()]*\))
    )""",
    re.I | re.X | re.S,
)
"""One item of a FETCH response, what we did not ask for included; a body's literal ends its line."""

_FLAG_LISTS: dict[bytes, frozenset[Flag]] = {}


def flags_of(words: bytes) -> frozenset[Flag]:
    """The flags of a list as our text; `\\Recent` belongs to a session and is left out."""
    known = _FLAG_LISTS.get(words)
    if known is None:
        known = frozenset(flag_of(word) for word in words.split() if word.lower() != b"\\recent")
        if len(_FLAG_LISTS) < 1000:  # most messages share a few combinations
            _FLAG_LISTS[words] = known
    return known
