"""A call of Graph: which one a path names, whose mailbox it means, who may, and batches of calls."""

import contextlib
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from tests.servers.answers import Answer
from tests.servers.exchange.faults import Request
from tests.servers.exchange.store import Folder, Item, Mailbox, Refusal
from tests.servers.graph.login import JSON, Grant

if TYPE_CHECKING:
    from tests.servers.graph import Graph

STATUS = {
    "ErrorAccessDenied": 403,
    "ErrorFolderExists": 409,
    "ErrorFolderNotFound": 404,
    "ErrorInvalidUser": 404,
    "ErrorIrresolvableConflict": 412,
    "ErrorItemNotFound": 404,
    "ErrorMessageSizeExceeded": 413,
    "ErrorNonExistentMailbox": 404,
    "ErrorQuotaExceeded": 507,
}
"""HTTP status by code; 400 for all else."""

BATCH = 20
"""Requests in a batch at most: [graph] json-batching."""


@dataclass(frozen=True)
class Said:
    """What was asked: an HTTP request, or one in a batch."""

    method: str
    version: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    raw: bytes

    @classmethod
    def of(cls, method: str, url: str, headers: Mapping[str, str], raw: bytes) -> "Said":
        path, _, query = url.partition("?")
        version, _, rest = path.strip("/").partition("/")
        lower = {name.lower(): value for name, value in headers.items()}
        return cls(method, version, unquote(rest), dict(parse_qsl(query, keep_blank_values=True)), lower, raw)

    def json(self) -> dict[str, Any]:
        try:
            told = json.loads(self.raw)
        except ValueError:
            raise Refusal("BadRequest", "Unable to read JSON request payload.") from None
        if not isinstance(told, dict):
            raise Refusal("BadRequest", "An object is wanted.")
        return told


@dataclass
class Call:
    """A call, the grant it is made under, and the mailbox it means."""

    graph: "Graph"
    said: Said
    grant: Grant
    mailbox: Mailbox
    names: dict[str, str] = field(default_factory=dict)
    """What the path names: folder, message."""

    def need(self, *permissions: str) -> None:
        """Any of these permissions will do."""
        if not {permission.removesuffix(".All") for permission in self.grant.permissions} & set(permissions):
            raise Refusal("ErrorAccessDenied", "Access is denied. Check credentials and try again.")

    @property
    def folder(self) -> Folder:
        """By id or by a well-known name: [graph] resources/mailfolder."""
        name = inward(self.names["folder"])
        if name in self.mailbox.folders:
            return self.mailbox.folders[name]
        return self.mailbox.role(name.lower())

    @property
    def item(self) -> Item:
        wanted = inward(self.names["message"])
        for each in self.mailbox.items.values():
            if wanted in (each.id, each.lasting):
                return each
        raise Refusal("ErrorItemNotFound", "The specified object was not found in the store.")

    def identity(self, item: Item) -> str:
        """The id that stays when the message is moved, for those who prefer it: [graph] outlook-immutable-id"""
        lasting = "immutableid" in self.said.headers.get("prefer", "").lower()
        return outward(item.lasting if lasting else item.id)


def outward(identity: str) -> str:
    """An id as it stands in URLs."""
    return identity.replace("/", "-").replace("+", "_")


def inward(identity: str) -> str:
    return identity.replace("-", "/").replace("_", "+")


Work = Callable[[Call], tuple[int, Any]]
"""Gives a status and what is said: an object for JSON, bytes as they are, None for nothing."""

CALLS: list[tuple[str, str, re.Pattern[str], str, Work]] = []


def call(method: str, path: str, name: str, version: str = "") -> Callable[[Work], Work]:
    """Enlist what answers a method on a path below a mailbox; `{folder}` and `{message}` in it are names."""
    pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path.replace("$", r"\$")), re.IGNORECASE)

    def enlist(work: Work) -> Work:
        CALLS.append((method, f"{method} {name}", pattern, version, work))
        return work

    return enlist


OWNER = re.compile(r"(?:me|users/(?P<user>[^/]+))/(?P<rest>.+)", re.IGNORECASE)


def operation(said: Said) -> str:
    """The name of what is asked, for logs and faults."""
    if said.path == "$batch":
        return "POST batch"
    found = _found(said)
    return found[0] if found else f"{said.method} ?"


def _found(said: Said) -> tuple[str, dict[str, str], Work] | None:
    owner = OWNER.fullmatch(said.path)
    for method, name, pattern, version, work in CALLS if owner else ():
        if method == said.method and version in ("", said.version) and (names := pattern.fullmatch(owner["rest"])):  # type: ignore[index]
            return name, {key: value for key, value in names.groupdict().items() if value}, work
    return None


def serve(graph: "Graph", request: Request) -> Answer:
    said: Said = request.body
    grant = graph.grants.get(said.headers.get("authorization", "").removeprefix("Bearer "))
    if grant is None or grant.until < time.time():
        return error(401, "InvalidAuthenticationToken", "Access token has expired or is not yet valid.")
    return _batch(graph, request, grant) if said.path == "$batch" else single(graph, said, grant)


def single(graph: "Graph", said: Said, grant: Grant) -> Answer:
    found = _found(said)
    if found is None:
        return error(405 if OWNER.fullmatch(said.path) else 400, "BadRequest", "Resource not found for the segment.")
    try:
        mailbox = _mailbox(graph, said, grant)
        with _budget(graph, grant.app, mailbox.owner) as within:
            if not within:
                return error(
                    429,
                    "ApplicationThrottled",
                    "Application is over its MailboxConcurrency limit.",
                    {"Retry-After": "1"},
                )
            with graph.store.lock:
                status, told = found[2](Call(graph, said, grant, mailbox, found[1]))
    except Refusal as refusal:
        return error(STATUS.get(refusal.code, 400), refusal.code, refusal.words)
    if isinstance(told, bytes):
        return Answer(status, told, {"Content-Type": "text/plain"})
    return Answer(status, b"" if told is None else json.dumps(told).encode(), JSON if told is not None else {})


def _mailbox(graph: "Graph", said: Said, grant: Grant) -> Mailbox:
    """An app alone may into all mailboxes, a user into his own and those with full access for him."""
    owner = OWNER.fullmatch(said.path)
    user = (owner["user"] if owner else None) or grant.user
    if user is None:
        raise Refusal("BadRequest", "/me request is only valid with delegated authentication flow.")
    if user.lower() not in graph.store.mailboxes:
        raise Refusal("ErrorInvalidUser", f"The requested user '{user}' is invalid.")
    mailbox = graph.store[user]
    if grant.user is not None and not mailbox.is_owner(grant.user):
        raise Refusal("ErrorAccessDenied", "Access is denied. Check credentials and try again.")
    return mailbox


@contextlib.contextmanager
def _budget(graph: "Graph", app: str, mailbox: str) -> Iterator[bool]:
    """Four requests an app and mailbox at once: [graph] throttling-limits (Outlook service limits)."""
    with graph.store.lock:
        graph.underway[app, mailbox] += 1
        now = graph.underway[app, mailbox]
        graph.busiest[app, mailbox] = max(now, graph.busiest[app, mailbox])
    try:
        yield now <= graph.concurrency
    finally:
        with graph.store.lock:
            graph.underway[app, mailbox] -= 1


def _batch(graph: "Graph", request: Request, grant: Grant) -> Answer:
    """Up to 20 requests in one, each answered for itself, and those that depend on a failed one not at all.

    [graph] json-batching
    """
    said: Said = request.body
    try:
        asked = said.json().get("requests")
        if not isinstance(asked, list) or not 0 < len(asked) <= BATCH:
            raise Refusal("BadRequest", f"The batch has to have from 1 to {BATCH} requests.")
        if len({str(each["id"]).lower() for each in asked}) < len(asked):
            raise Refusal("BadRequest", "The ids of a batch's requests have to be unique.")
    except (Refusal, KeyError, TypeError) as wrong:
        return error(400, "BadRequest", getattr(wrong, "words", "A request has no id."))
    told: dict[str, dict[str, Any]] = {}
    for each in asked:
        if any(told.get(other, {"status": 424})["status"] >= 400 for other in each.get("dependsOn", ())):
            answer = error(424, "FailedDependency", "A request that this one depends on has failed.")
        else:
            inner = _inner(said, each)
            name = operation(inner)
            lone = replace(request, operation=name, number=graph.number(name), body=inner, raw=inner.raw, fault="")
            answer = graph.serve(lone) or error(504, "GatewayTimeout", "The request timed out.")
        told[each["id"]] = _shown(each["id"], answer)
    # The order is nobody's promise.
    return Answer(200, json.dumps({"responses": list(reversed(told.values()))}).encode(), JSON)


def _inner(said: Said, asked: Mapping[str, Any]) -> Said:
    body = asked.get("body")
    raw = b"" if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    headers = {**asked.get("headers", {}), "Authorization": said.headers.get("authorization", "")}
    return Said.of(asked["method"].upper(), f"{said.version}/{str(asked['url']).lstrip('/')}", headers, raw)


def _shown(identity: str, answer: Answer) -> dict[str, Any]:
    body: Any = None
    if answer.body:
        is_json = answer.headers.get("Content-Type", "").startswith("application/json")
        body = json.loads(answer.body) if is_json else answer.body.decode("latin-1")
    return {"id": identity, "status": answer.status, "headers": answer.headers, "body": body}


def error(status: int, code: str, words: str, headers: Mapping[str, str] | None = None) -> Answer:
    told = {"error": {"code": code, "message": words, "innerError": {"request-id": "0000"}}}
    return Answer(status, json.dumps(told).encode(), JSON | dict(headers or {}))
