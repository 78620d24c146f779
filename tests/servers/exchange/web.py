"""The HTTP side of the server: who is there and what is asked."""

import base64
import binascii
import contextlib
import os
import tempfile
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import spnego
import spnego.exceptions
from lxml import etree

from tests.servers import answers
from tests.servers.answers import Answer
from tests.servers.exchange.calls import OPERATIONS, Call, answer, envelope, fault
from tests.servers.exchange.faults import Request
from tests.servers.exchange.store import Refusal
from tests.servers.exchange.xml import SOAP, local

if TYPE_CHECKING:
    from tests.servers.exchange import Exchange

PATH = "/EWS/Exchange.asmx"
KEPT = 1 << 20
XML = {"Content-Type": "text/xml; charset=utf-8"}
UNKNOWN = Answer(401, headers={"WWW-Authenticate": 'NTLM, Basic realm="exchange"'})
DOMAIN = "CORP"
PARSER = etree.XMLParser(huge_tree=True, resolve_entities=False, no_network=True)


class Web(answers.Web):
    def __init__(self, exchange: "Exchange", certificate: Path | None) -> None:
        self.exchange = exchange
        super().__init__(Handler, certificate)


class Handler(answers.Handler):
    server: Web

    def setup(self) -> None:
        super().setup()
        self._ntlm = Handshake(self.server.exchange.passwords)

    def do_GET(self) -> None:  # noqa: N802
        """A client that asks how to log in."""
        user = self._user()
        self.send_answer(Answer(200, b"<html/>") if user else self._ntlm.challenge or UNKNOWN)

    def do_POST(self) -> None:  # noqa: N802
        exchange = self.server.exchange
        raw = self.read_body(exchange.request_bytes, exchange.oversize)
        if raw is None:
            return
        user = self._user()
        if user is None:
            self.send_answer(self._ntlm.challenge or UNKNOWN)
            return
        if self.path.lower() != PATH.lower():
            self.send_answer(Answer(404))
            return
        try:
            request = self._request(user, raw)
        except (etree.XMLSyntaxError, LookupError) as wrong:
            exchange.invalid_requests.append(str(wrong))
            self.send_answer(Answer(500, fault("ErrorSchemaValidation", str(wrong)), XML))
            return
        exchange.requests.append(request)
        try:
            self.send_answer(exchange.serve(request))
        except OSError:
            self.close_connection = True
        except Exception:  # noqa: BLE001 - it is raised where the server ends
            exchange.broken.append(traceback.format_exc())
            self.send_answer(Answer(500))

    def _user(self) -> str | None:
        """The user a password or a token belongs to."""
        kind, _, secret = self.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return self.server.exchange.tokens.get(secret)
        if kind.lower() == "ntlm" or not kind:
            return self._ntlm.user(secret)
        try:
            name, _, password = base64.b64decode(secret).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        known = self.server.exchange.passwords.get(name.lower())
        return name.lower() if kind.lower() == "basic" and known is not None and known == password else None

    def _request(self, user: str, raw: bytes) -> Request:
        """LookupError where there is no operation in it."""
        body = etree.fromstring(raw, PARSER).find(f"{SOAP}Body")
        if body is None or len(body) != 1:
            raise LookupError("The request has no operation.")
        operation = local(body[0])
        return Request(
            operation=operation,
            number=self.server.number(operation),
            user=user,
            size=len(raw),
            headers={"X-AnchorMailbox": "", "X-PublicFolderMailbox": ""} | dict(self.headers.items()),
            raw=raw if len(raw) < KEPT else b"",
            body=body[0],
            hang_up=self.hang_up,
        )


class Handshake:
    """NTLM on one connection, which is its user's once it has come to an end ([MS-NTHT]); spnego does the sums."""

    def __init__(self, passwords: Mapping[str, str]) -> None:
        self._passwords = passwords
        self._context: Any = None
        self._user: str | None = None
        self.challenge: Answer | None = None

    def user(self, token: str) -> str | None:
        """Whose the connection is; where that is not clear yet, `challenge` is what to answer."""
        self.challenge = None
        if not token:
            return self._user
        with tempfile.NamedTemporaryFile("w", suffix=".ntlm") as file:
            file.writelines(f"{DOMAIN}:{name.partition('@')[0]}:{word}\n" for name, word in self._passwords.items())
            file.flush()
            os.environ["NTLM_USER_FILE"] = file.name
            if self._context is None or self._context.complete:
                self._context = spnego.server(protocol="ntlm", options=spnego.NegotiateOptions.use_ntlm)
            try:
                said = self._context.step(base64.b64decode(token))
            except spnego.exceptions.SpnegoError:
                self._context = self._user = None
                return None
            finally:
                del os.environ["NTLM_USER_FILE"]
        if not self._context.complete:
            self.challenge = Answer(401, headers={"WWW-Authenticate": f"NTLM {base64.b64encode(said or b'').decode()}"})
            return None
        who = self._context.client_principal.rpartition("\\")[2].lower()
        self._user = next((name for name in self._passwords if name.partition("@")[0] == who), None)
        return self._user


VERSIONS = (
    *("Exchange2007", "Exchange2007_SP1", "Exchange2010", "Exchange2010_SP1", "Exchange2010_SP2"),
    *("Exchange2013", "Exchange2013_SP1", "Exchange2015", "Exchange2016"),
)
"""Versions of the schema, the oldest first: [reference] requestserverversion"""


def _out_of_time(request: Request) -> bool:
    """Whether a request uses what the version of the schema it names did not have yet; one that names none is old.

    [services] ews-schema-versions-in-exchange, [reference] updateitem (SuppressReadReceipts)
    """
    found = request.header("RequestServerVersion")
    version = VERSIONS.index(str(found.get("Version"))) if found is not None else 0
    return "SuppressReadReceipts" in request.body.attrib and version < VERSIONS.index("Exchange2013_SP1")


def work(exchange: "Exchange", request: Request) -> Answer:
    """Do what a request asks for: the schema's word comes first, then the right to speak for somebody else."""
    try:
        early = _out_of_time(request)
    except ValueError:
        return Answer(500, fault("ErrorInvalidServerVersion"), XML)
    complaint = "SuppressReadReceipts is not declared." if early else exchange.judge.complaint(request.body)
    if complaint:
        exchange.invalid_requests.append(f"{request.operation}: {complaint}")
        return Answer(500, fault("ErrorSchemaValidation", "The request is not valid.", Violation=complaint), XML)
    if request.operation not in OPERATIONS:
        return Answer(500, fault("ErrorInvalidOperation", f"{request.operation} is not known here."), XML)
    try:
        call = Call(exchange, request, _caller(exchange, request))
        made = answer(call)
    except Refusal as refusal:
        return Answer(500, fault(refusal.code, refusal.words), XML)
    if complaint := exchange.judge.complaint(made):
        exchange.invalid_answers.append(f"{request.operation}: {complaint}")
    return Answer(200, envelope(made), XML)


@contextlib.contextmanager
def budget(exchange: "Exchange", request: Request) -> Iterator[bool]:
    """Whether a request is within what its mailbox may have under way; an impersonated mailbox has its own budget.

    [services] ews-throttling-in-exchange
    """
    mailbox = _impersonated(request) or request.user
    with exchange.store.lock:
        exchange.underway[mailbox] += 1
        now = exchange.underway[mailbox]
        exchange.busiest[mailbox] = max(now, exchange.busiest[mailbox])
    try:
        yield now <= exchange.concurrency
    finally:
        with exchange.store.lock:
            exchange.underway[mailbox] -= 1


def _impersonated(request: Request) -> str | None:
    who = request.header("ExchangeImpersonation")
    return None if who is None else next((each.text or "" for each in who.iter() if not len(each)), "").lower()


def _caller(exchange: "Exchange", request: Request) -> str:
    """Whom the request acts for: its user, or the one he impersonates, which takes the role ApplicationImpersonation.

    [services] impersonation-and-ews-in-exchange
    """
    mailbox = _impersonated(request)
    if mailbox is None:
        return request.user
    if request.user not in exchange.impersonators:
        words = "The account does not have permission to impersonate the requested user."
        raise Refusal("ErrorImpersonateUserDenied", words)
    return exchange.store[mailbox].owner
