"""What can go wrong between a client and the server, each at chosen requests.

`at` counts the requests of the operation from 1, or is a question to the request. A fault knows how often it `fired`.
"""

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from tests.servers.answers import Answer
from tests.servers.exchange.calls import fault
from tests.servers.exchange.store import Refusal
from tests.servers.exchange.xml import SOAP, TYPES, Element


@dataclass
class Request:
    """A request that came in. `number` counts those of its operation, `raw` is kept below 1 MB."""

    operation: str
    number: int
    user: str
    size: int
    headers: dict[str, str]
    raw: bytes
    body: Element
    hang_up: Callable[[], None]
    fault: str = ""
    """The kind of fault it met."""
    busy_after: int | None = None
    """How many parts are done before the server is busy."""

    def header(self, name: str) -> Element | None:
        """An element of the SOAP header."""
        head = self.body.getroottree().getroot().find(f"{SOAP}Header")
        return None if head is None else head.find(f"{TYPES}{name}")


When = int | Collection[int] | Callable[[Request], bool]
Work = Callable[[], Answer]


class Fault:
    """Goes wrong at some requests of an operation; None for an answer is a line that breaks before one."""

    def __init__(self, at: When = 1, operation: str = "CreateItem") -> None:
        self.at = at
        self.operation = operation
        self.fired = 0
        self._lock = threading.Lock()

    def due(self, request: Request) -> bool:
        if request.operation != self.operation:
            return False
        if callable(self.at):
            return self.at(request)
        return request.number in ((self.at,) if isinstance(self.at, int) else self.at)

    def strike(self, request: Request, work: Work) -> Answer | None:
        with self._lock:
            self.fired += 1
        request.fault = type(self).__name__
        return self.answer(request, work)

    def answer(self, request: Request, work: Work) -> Answer | None:
        raise NotImplementedError


class Lost(Fault):
    """The server has done it, and its answer is lost with the connection."""

    def answer(self, request: Request, work: Work) -> Answer | None:
        work()
        return None


class Truncated(Fault):
    """The server has done it, and half of its answer arrives."""

    def answer(self, request: Request, work: Work) -> Answer | None:
        whole = work()
        return replace(whole, cut=len(whole.body) // 2)


class Dropped(Fault):
    """The line breaks before anything is done."""

    def answer(self, request: Request, work: Work) -> Answer | None:
        return None


class Late(Fault):
    """The line breaks at once, and the server does its work all the same, so many seconds later."""

    def __init__(self, at: When = 1, operation: str = "CreateItem", *, seconds: float = 5) -> None:
        super().__init__(at, operation)
        self.seconds = seconds

    def answer(self, request: Request, work: Work) -> Answer | None:
        request.hang_up()
        time.sleep(self.seconds)
        work()
        return None


class Slow(Fault):
    """The work takes its time."""

    def __init__(self, at: When = 1, operation: str = "CreateItem", *, seconds: float = 0.5) -> None:
        super().__init__(at, operation)
        self.seconds = seconds

    def answer(self, request: Request, work: Work) -> Answer | None:
        time.sleep(self.seconds)
        return work()


class Unavailable(Fault):
    """HTTP 503 with Retry-After in seconds.

    [services] ews-throttling-in-exchange
    """

    def __init__(self, at: When = 1, operation: str = "CreateItem", *, retry_after: int | None = 1) -> None:
        super().__init__(at, operation)
        self.retry_after = retry_after

    def answer(self, request: Request, work: Work) -> Answer | None:
        return Answer(503, headers={"Retry-After": str(self.retry_after)} if self.retry_after is not None else {})


class Busy(Fault):
    """HTTP 500 with a SOAP fault ErrorServerBusy that says how long to wait.

    [services] ews-throttling-in-exchange
    """

    def __init__(self, at: When = 1, operation: str = "CreateItem", *, milliseconds: int | None = 1000) -> None:
        super().__init__(at, operation)
        self.milliseconds = milliseconds

    def answer(self, request: Request, work: Work) -> Answer | None:
        words = "The server cannot service this request right now. Try again later."
        back_off = {} if self.milliseconds is None else {"BackOffMilliseconds": self.milliseconds}
        return Answer(500, fault("ErrorServerBusy", words, **back_off), {"Content-Type": "text/xml; charset=utf-8"})


class BusyInside(Fault):
    """HTTP 200, and from a part of the request on each is an ErrorInternalServerError with ErrorServerBusy inside: the
    budget is looked at after each item. `after` so many are done before.

    [services] ews-throttling-in-exchange
    """

    def __init__(self, at: When = 1, operation: str = "CreateItem", *, after: int = 0) -> None:
        super().__init__(at, operation)
        self.after = after

    def answer(self, request: Request, work: Work) -> Answer | None:
        request.busy_after = self.after
        return work()


class Failed(Fault):
    """HTTP 500 with a SOAP fault of any code, ErrorMailboxStoreUnavailable for one; nothing is done."""

    def __init__(self, code: str, at: When = 1, operation: str = "CreateItem") -> None:
        super().__init__(at, operation)
        self.code = code

    def answer(self, request: Request, work: Work) -> Answer | None:
        return Answer(500, fault(self.code), {"Content-Type": "text/xml; charset=utf-8"})


class Page(Fault):
    """A page for people where an answer should be, from a proxy or a login form; nothing is done."""

    def __init__(self, at: When = 1, operation: str = "CreateItem", *, status: int = 200) -> None:
        super().__init__(at, operation)
        self.status = status

    def answer(self, request: Request, work: Work) -> Answer | None:
        return Answer(self.status, b"<!DOCTYPE html><title>Sign in</title>", {"Content-Type": "text/html"})


class Unauthorised(Fault):
    """HTTP 401, as when a token has expired or a password was changed."""

    def answer(self, request: Request, work: Work) -> Answer | None:
        return Answer(401, headers={"WWW-Authenticate": 'Basic realm="exchange"'})


class Meanwhile(Fault):
    """Something happens at the server before it does its work."""

    def __init__(self, what: Callable[[], object], at: When = 1, operation: str = "CreateItem") -> None:
        super().__init__(at, operation)
        self.what = what

    def answer(self, request: Request, work: Work) -> Answer | None:
        self.what()
        return work()


class Refused(Fault):
    """Some parts of requests are refused with a code, in the middle of others: `which` asks a part's element."""

    def __init__(self, code: str, which: Callable[[Element], bool], operation: str = "CreateItem") -> None:
        super().__init__((), operation)
        self.code = code
        self.which = which

    def part(self, operation: str, part: Element) -> None:
        """Raise the Refusal that a part deserves."""
        if operation == self.operation and self.which(part):
            self.fired += 1
            raise Refusal(self.code)
