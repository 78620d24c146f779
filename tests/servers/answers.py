"""HTTP for servers that tests write themselves: answers that arrive, and answers that do not."""

import contextlib
import socket
import ssl
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal

Oversize = Literal[413, "close"]
"""How a request that is too large ends: by an answer, or by a line that breaks."""


@dataclass(frozen=True)
class Answer:
    """An HTTP answer. `cut` is after how many bytes of it the line breaks."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None


class Web(ThreadingHTTPServer):
    """Threads of this process; what is stored lives as long as the server, whatever becomes of its clients."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, handler: type["Handler"], certificate: Path | None) -> None:
        self.counts: Counter[str] = Counter()
        self.lines: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None
        if certificate is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(certificate, certificate.with_name("key.pem"))
        super().__init__(("127.0.0.1", 0), handler)

    @property
    def origin(self) -> str:
        return f"http{'s' if self._context else ''}://localhost:{self.server_port}"

    def number(self, operation: str) -> int:
        """The how-manieth request of an operation this one is, from 1."""
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

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.shutdown()
            with self._lock:
                for line in self.lines:
                    with contextlib.suppress(OSError):
                        line.shutdown(socket.SHUT_RDWR)
            self.server_close()
            thread.join()


class Handler(BaseHTTPRequestHandler):
    """Reads requests and writes answers; what they mean is a subclass's affair."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    """Else the body of an answer waits 40 ms for the client to acknowledge its header (RFC 1122 §4.2.3.2)."""

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""

    def read_body(self, limit: int, oversize: Oversize) -> bytes | None:
        """The body of a request, of known length or in chunks; None where it was too large, which has been answered."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = b"".join(self._chunks())
        else:
            length = int(self.headers.get("Content-Length", 0))
            if length > limit and oversize == "close":
                self.hang_up()  # and what is unread resets the line
                return None
            body = self.rfile.read(length)
        if len(body) <= limit:
            return body
        self.send_answer(Answer(413, headers={"Connection": "close"}) if oversize == 413 else None)
        return None

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass

    def send_answer(self, answer: Answer | None) -> None:
        """None is a line that breaks without an answer."""
        if answer is None:
            self.hang_up()
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body if answer.cut is None else answer.body[: answer.cut])
        if answer.cut is not None:
            self.hang_up()

    def hang_up(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)


def certificate(home: Path) -> Path:
    """A certificate for localhost that nobody vouches for, with its key beside it."""
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(home / "key.pem")]
    made = ["openssl", "req", "-x509", *key, "-days", "2", "-subj", "/CN=localhost", "-addext", names]
    subprocess.run([*made, "-out", str(home / "cert.pem")], check=True, capture_output=True)
    return home / "cert.pem"
