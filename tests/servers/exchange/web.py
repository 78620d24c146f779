"""The HTTP side of the server: who is there, what is asked, and answers that arrive or do not."""

import base64
import binascii
import contextlib
import socket
import ssl
import threading
import traceback
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

from lxml import etree

from tests.servers.exchange.calls import OPERATIONS, Call, answer, envelope, fault
from tests.servers.exchange.faults import Answer, Request
from tests.servers.exchange.store import Refusal
from tests.servers.exchange.xml import SOAP, TYPES, local

if TYPE_CHECKING:
    from tests.servers.exchange import Exchange

PATH = "/EWS/Exchange.asmx"
KEPT = 1 << 20
PARSER = etree.XMLParser(huge_tree=True, resolve_entities=False, no_network=True)


class Web(ThreadingHTTPServer):
    """Threads of this process; the store lives as long as the server, whatever becomes of its clients."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, exchange: "Exchange", certificate: Path | None) -> None:
        self.exchange = exchange
        self.counts: Counter[str] = Counter()
        self.lines: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None
        if certificate is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(certificate, certificate.with_name("key.pem"))
        super().__init__(("127.0.0.1", 0), Handler)

    def number(self, operation: str) -> int:
        with self._lock:
            self.counts[operation] += 1
            return self.counts[operation]

    def finish_request(self, request: socket.socket, client_address: tuple[str, int]) -> None:  # type: ignore[override]
        if self._context is not None:
            request = self._context.wrap_socket(request, server_side=True)
        with self._lock:
            self.lines.add(request)
        try:
            super().finish_request(request, client_address)
        finally:
            with self._lock:
                self.lines.discard(request)
            request.close()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away, or does not trust us, is none of our worries."""

    def stop(self) -> None:
        """End all that goes on, clients' idle lines too."""
        self.shutdown()
        with self._lock:
            for line in self.lines:
                with contextlib.suppress(OSError):
                    line.shutdown(socket.SHUT_RDWR)
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Web

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""

    def do_GET(self) -> None:
        """A client that asks how to log in."""
        self._send(Answer(200, b"<html/>") if self._user() else self._unknown())

    def do_POST(self) -> None:
        exchange = self.server.exchange
        raw = self._read()
        if len(raw) > exchange.request_bytes:
            self._send(Answer(413, headers={"Connection": "close"}) if exchange.oversize == 413 else None)
            return
        user = self._user()
        if user is None:
            self._send(self._unknown())
            return
        if self.path.lower() != PATH.lower():
            self._send(Answer(404))
            return
        try:
            request = self._request(user, raw)
        except etree.XMLSyntaxError as wrong:
            exchange.invalid_requests.append(str(wrong))
            self._send(Answer(500, fault("ErrorSchemaValidation", str(wrong))))
            return
        exchange.requests.append(request)
        try:
            self._send(exchange.serve(request))
        except OSError:
            self.close_connection = True
        except Exception:  # noqa: BLE001 - it is raised where the server ends
            exchange.broken.append(traceback.format_exc())
            self._send(Answer(500))

    def _read(self) -> bytes:
        """The body of a request, of known length or in chunks; what is too long is read and forgotten."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            pieces = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return b"".join(pieces)
        length = int(self.headers.get("Content-Length", 0))
        if length > self.server.exchange.request_bytes and self.server.exchange.oversize != 413:
            self._hang_up()
        return self.rfile.read(length)

    def _user(self) -> str | None:
        """The user a password or a token belongs to."""
        kind, _, secret = self.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return self.server.exchange.tokens.get(secret)
        try:
            name, _, password = base64.b64decode(secret).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        known = self.server.exchange.passwords.get(name.lower())
        return name.lower() if kind.lower() == "basic" and known is not None and known == password else None

    @staticmethod
    def _unknown() -> Answer:
        return Answer(401, headers={"WWW-Authenticate": 'Basic realm="exchange"'})

    def _request(self, user: str, raw: bytes) -> Request:
        whole = etree.fromstring(raw, PARSER)
        body = whole.find(f"{SOAP}Body")
        if body is None or len(body) != 1:
            raise etree.XMLSyntaxError("no body", 0, 0, 0)
        operation = local(body[0])
        return Request(
            operation=operation,
            number=self.server.number(operation),
            user=user,
            size=len(raw),
            headers={"X-AnchorMailbox": "", "X-PublicFolderMailbox": ""} | dict(self.headers.items()),
            raw=raw if len(raw) < KEPT else b"",
            body=body[0],
            hang_up=self._hang_up,
        )

    def _send(self, reply: Answer | None) -> None:
        if reply is None:
            self._hang_up()
            return
        self.send_response(reply.status)
        for name, value in {"Content-Type": "text/xml; charset=utf-8", **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body if reply.cut is None else reply.body[: reply.cut])
        if reply.cut is not None:
            self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)


def work(exchange: "Exchange", request: Request) -> Answer:
    """Do what a request asks for: the schema's word comes first, then the right to speak for somebody else."""
    if complaint := exchange.judge.complaint(request.body):
        exchange.invalid_requests.append(f"{request.operation}: {complaint}")
        return Answer(500, fault("ErrorSchemaValidation", "The request failed schema validation.", Violation=complaint))
    if request.operation not in OPERATIONS:
        return Answer(500, fault("ErrorInvalidOperation", f"{request.operation} is not known here."))
    try:
        call = Call(exchange, request, _caller(exchange, request))
        made = answer(call)
    except Refusal as refusal:
        return Answer(500, fault(refusal.code, refusal.words))
    if complaint := exchange.judge.complaint(made):
        exchange.invalid_answers.append(f"{request.operation}: {complaint}")
    return Answer(200, envelope(made))


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
    header = request.body.getroottree().getroot().find(f"{SOAP}Header")
    who = header.find(f"{TYPES}ExchangeImpersonation") if header is not None else None
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
