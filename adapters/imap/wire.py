"""One connection's bytes: lines and literals in, large buffers out, and never deaf while it writes.

imaplib and imapclient read and write through the same object while they log in, so nothing is buffered twice.
"""

import contextlib
import select
import socket
import ssl
import time
from collections.abc import Callable, Iterator

from migrator.errors import Outage, Reason

SLICE = 256 * 1024
"""Bytes written, or asked for, between two looks at what the server says."""

LONGEST_LINE = 32 * 2**20
"""Bytes: the answer to a search of some million mails is one line."""

_AGAIN = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Wire:
    """A connected socket, plain or TLS. Every method raises Outage when the other side is gone or silent too long."""

    def __init__(self, connection: socket.socket, *, host: str, port: int, timeout: float) -> None:
        self.host, self.port = host, port
        self.ended: Callable[[], None] = lambda: None
        """Called when the connection ends that we had not closed."""
        self._timeout = timeout
        self._buffer, self._at = b"", 0
        self._adopt(connection)

    def _adopt(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self.socket = connection
        self._poll = select.poll()
        self._poll.register(connection, select.POLLIN)

    @property
    def closed(self) -> bool:
        return self.socket.fileno() < 0

    @property
    def certificate(self) -> bytes | None:
        """The server's certificate in DER; None on a plain connection."""
        return self.socket.getpeercert(binary_form=True) if isinstance(self.socket, ssl.SSLSocket) else None

    def secure(self, context: ssl.SSLContext) -> None:
        """Go on in TLS. Raises ssl.SSLError and OSError.

        Whatever the server, or somebody between, said before the handshake is a reason to go: it could pass for an
        answer inside TLS (RFC 9051 §11.1).
        """
        if self._at < len(self._buffer):
            raise self.broken(Reason("imap.protocol", host=self.host, port=self.port, what="STARTTLS"))
        self.socket.settimeout(self._timeout)
        self._adopt(context.wrap_socket(self.socket, server_hostname=self.host))

    def close(self) -> None:
        """At once, and any number of times: what the server has not read by now it need not read."""
        if not self.closed:
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)
            self.socket.close()

    def broken(self, reason: Reason, *, retry_after: float | None = None) -> Outage:
        """The error to raise where a connection cannot go on; it is closed."""
        if not self.closed:
            self.close()
            self.ended()
        return Outage(reason, retry_after=retry_after)

    # -- reading -----------------------------------------------------------------------------------------------------

    def readline(self) -> bytes:
        """The next line with its line end."""
        while (end := self._buffer.find(b"\n", self._at)) < 0:
            if len(self._buffer) - self._at > LONGEST_LINE:
                raise self.broken(Reason("imap.protocol", host=self.host, port=self.port, what="line"))
            self._fill()
        start, self._at = self._at, end + 1
        return self._buffer[start : end + 1]

    def read(self, size: int) -> bytes:
        """The next `size` bytes, in memory."""
        if len(self._buffer) - self._at >= size:
            start, self._at = self._at, self._at + size
            return self._buffer[start : self._at]
        whole = bytearray(size)
        got = len(self._buffer) - self._at
        whole[:got] = self._buffer[self._at :]
        self._buffer, self._at = b"", 0
        view = memoryview(whole)
        while got < size:
            got += self._receive_into(view[got:])
        return bytes(whole)

    def pieces(self, size: int) -> Iterator[bytes]:
        """The next `size` bytes, a slice at a time."""
        while size:
            piece = self.read(min(size, SLICE))
            size -= len(piece)
            yield piece

    def _fill(self) -> None:
        while not self._gather():
            self._wait(select.POLLIN)

    def _gather(self) -> bool:
        """Take what has arrived, without waiting."""
        try:
            data = self.socket.recv(SLICE)
        except _AGAIN:
            return False
        except OSError as error:
            raise self._lost() from error
        if not data:
            raise self._lost()
        self._buffer, self._at = self._buffer[self._at :] + data, 0
        return True

    def _receive_into(self, view: memoryview) -> int:
        while True:
            try:
                got = self.socket.recv_into(view)
            except _AGAIN:
                self._wait(select.POLLIN)
            except OSError as error:
                raise self._lost() from error
            else:
                if not got:
                    raise self._lost()
                return got

    # -- writing -----------------------------------------------------------------------------------------------------

    def send(self, data: bytes, *, alarms: tuple[bytes, ...] = ()) -> bool:
        """Write it all, reading meanwhile what the server says: two that only write would wait for ever.

        False as soon as the server has begun a line with one of the alarms: then the rest is not sent.
        """
        view = memoryview(data)
        while view:
            ready = self._wait(select.POLLIN | select.POLLOUT)
            if ready & ~select.POLLOUT and self._gather() and alarms and self._heard(alarms):
                return False
            if ready & select.POLLOUT:
                try:
                    view = view[self.socket.send(view[:SLICE]) :]
                except _AGAIN:
                    continue
                except OSError as error:
                    raise self._lost() from error
        return True

    def _heard(self, alarms: tuple[bytes, ...]) -> bool:
        heard = self._buffer[self._at :]
        return any(heard.startswith(alarm) or b"\n" + alarm in heard for alarm in alarms)

    # -- waiting -----------------------------------------------------------------------------------------------------

    def _wait(self, events: int) -> int:
        """Wait for one of the events, but no longer than the timeout; what happened."""
        if self.closed:
            raise self._lost()
        self._poll.modify(self.socket, events)
        until = time.monotonic() + self._timeout
        while (left := until - time.monotonic()) > 0:
            for _, event in self._poll.poll(left * 1000):
                return event
        raise self.broken(Reason("imap.silent", host=self.host, port=self.port, seconds=self._timeout))

    def _lost(self) -> Outage:
        return self.broken(Reason("imap.lost", host=self.host, port=self.port))
