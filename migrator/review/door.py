"""Who comes in: by the one-time link that the command prints, or by name and secret; and what each may see and do."""

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache
from hashlib import sha256
from typing import Literal, TypeVar, get_args

from migrator.settings import Reviewer

Role = Literal["see", "decide", "sign"]
ROLES: tuple[Role, ...] = get_args(Role)

STAYS = 12 * 3600
"""Seconds after which everybody comes in anew."""

FREE, FIRST_WAIT, LONGEST_WAIT = 5, 30.0, 900.0
"""So many wrong secrets cost nothing; each further one doubles the wait, in seconds."""

REMEMBERED = 10_000
"""Names and hosts whose wrong secrets are counted, and sessions that are open at once."""


@lru_cache(100_000)
def seen(patterns: tuple[str, ...], account: str) -> bool:
    """Whether an account is among these names or globs."""
    return any(pattern == "*" or fnmatchcase(account, pattern) for pattern in patterns)


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person: the name that decisions carry, the role, and the accounts (names or globs) whose subjects are seen."""

    name: str
    role: Role
    accounts: tuple[str, ...]

    def may(self, what: Role) -> bool:
        """Whether the role goes so far."""
        return ROLES.index(self.role) >= ROLES.index(what)

    def sees(self, account: str) -> bool:
        """Whether the mail of this account is theirs to see."""
        return seen(self.accounts, account)


@dataclass(frozen=True, slots=True)
class Session:
    """One person at one browser. `csrf` stands in every form of theirs, and nobody else knows it."""

    token: str
    csrf: str
    visitor: Visitor
    until: float


@dataclass(frozen=True, slots=True)
class Wait:
    """Too many wrong secrets: not before so many seconds."""

    seconds: int


@dataclass
class Door:
    """Lets people in. Nothing here outlives the process."""

    reviewers: Mapping[str, Reviewer]
    clock: Callable[[], float] = time.monotonic
    _links: dict[str, Visitor] = field(default_factory=dict)
    _sessions: dict[str, Session] = field(default_factory=dict)
    _wrong: dict[str, tuple[int, float]] = field(default_factory=dict)
    _counting: threading.Lock = field(default_factory=threading.Lock)

    def link(self, visitor: Visitor) -> str:
        """The word of a link that lets this person in, once."""
        word = secrets.token_urlsafe(32)
        self._links[_digest(word)] = visitor
        return word

    def by_link(self, word: str) -> Session | None:
        """The session of whoever follows the link first."""
        visitor = self._links.pop(_digest(word), None)
        return None if visitor is None else self._begin(visitor)

    def by_secret(self, name: str, secret: str, host: str) -> Session | Wait | None:
        """The session of a named reviewer. While somebody has to wait, not even the right secret is looked at."""
        keys = (f"name {name}", f"host {host}")
        with self._counting:
            if wait := max(map(self._wait, keys)):
                return Wait(int(wait) + 1)
            for key in keys:  # before it is looked at, so that nobody guesses many at a time
                self._count(key)
        reviewer = self.reviewers.get(name)
        known = secrets.token_urlsafe(32) if reviewer is None else reviewer.secret.reveal().get_secret_value()
        right = secrets.compare_digest(_digest(secret), _digest(known)) and reviewer is not None
        if not right or reviewer is None:
            return None
        with self._counting:
            for key in keys:
                self._wrong.pop(key, None)
        return self._begin(Visitor(name, reviewer.role, reviewer.accounts))

    def session(self, token: str) -> Session | None:
        """The session that a cookie names, while it lasts."""
        found = self._sessions.get(_digest(token))
        return found if found is not None and found.until > self.clock() else None

    def leave(self, session: Session) -> None:
        """This session is over."""
        self._sessions.pop(_digest(session.token), None)

    def _begin(self, visitor: Visitor) -> Session:
        session = Session(secrets.token_urlsafe(32), secrets.token_urlsafe(32), visitor, self.clock() + STAYS)
        _bounded(self._sessions)[_digest(session.token)] = session
        return session

    def _wait(self, key: str) -> float:
        many, last = self._wrong.get(key, (0, 0.0))
        if many < FREE:
            return 0.0
        wait: float = min(FIRST_WAIT * 2 ** min(many - FREE, 10), LONGEST_WAIT)
        return max(0.0, last + wait - self.clock())

    def _count(self, key: str) -> None:
        many, _ = self._wrong.pop(key, (0, 0.0))
        _bounded(self._wrong)[key] = (many + 1, self.clock())


def _digest(word: str) -> str:
    """What is kept and looked up instead of a secret, so that no comparison tells how near a guess came."""
    return sha256(word.encode("utf-8", "surrogatepass")).hexdigest()


Value = TypeVar("Value")


def _bounded(kept: dict[str, Value]) -> dict[str, Value]:
    while len(kept) >= REMEMBERED:
        kept.pop(next(iter(kept)))
    return kept
