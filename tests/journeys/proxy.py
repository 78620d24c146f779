"""A listener between us and a server: passes everything on, and writes down every line that the client sends."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Proxy:
    """Where it listens, and what went through. `sent` holds the client's bytes, all connections together."""

    port: int
    sent: bytearray = field(default_factory=bytearray)

    def commands(self) -> set[bytes]:
        """The commands that were sent, by name (UID FETCH is FETCH), literals not told apart from lines."""
        names = set()
        for line in bytes(self.sent).split(b"\r\n"):
            words = line.upper().split(b" ")
            if len(words) > 1:
                names.add(words[2] if words[1] == b"UID" and len(words) > 2 else words[1])
        return names


@contextmanager
def proxy(host: str, port: int) -> Iterator[Proxy]:
    """Listen on a free loopback port and pass every connection on to host and port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = Proxy(listener.getsockname()[1])
        stopped = threading.Event()
        threads: list[threading.Thread] = []

        def accept() -> None:
            listener.settimeout(0.1)
            while not stopped.is_set():
                with suppress(TimeoutError):
                    client, _ = listener.accept()
                    threads.append(threading.Thread(target=_serve, args=(client, host, port, made), daemon=True))
                    threads[-1].start()

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield made
        finally:
            stopped.set()
            accepting.join()
            for thread in threads:
                thread.join(5)


def _serve(client: socket.socket, host: str, port: int, made: Proxy) -> None:
    with client, socket.create_connection((host, port)) as server:
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        back = threading.Thread(target=_pass, args=(server, client, None), daemon=True)
        back.start()
        _pass(client, server, made.sent)
        back.join(5)


def _pass(one: socket.socket, other: socket.socket, record: bytearray | None) -> None:
    with suppress(OSError):
        while data := one.recv(65536):
            if record is not None:
                record += data
            other.sendall(data)
    with suppress(OSError):
        other.shutdown(socket.SHUT_WR)
