"""A listener between clients and a server. What happens to the bytes is for the caller: a tap, a fault."""

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

Work = Callable[[], None]
Join = Callable[[socket.socket, socket.socket], Iterable[Work]]
"""What is to be done, in a thread each, between a new client's end and the server's."""


@contextmanager
def passing(host: str, port: int, join: Join, end: Work, *, ahead: Work = lambda: None) -> Iterator[int]:
    """Listen on a free loopback port, which is yielded, and join every client to the server.

    `ahead` is called before a client is joined; `end` must make all work end.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []
    ends: list[socket.socket] = []

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            ahead()
            server = socket.create_connection((host, port))
            for side in (client, server):
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                ends.append(side)
            for work in join(client, server):
                threads.append(threading.Thread(target=work, daemon=True))
                threads[-1].start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield listener.getsockname()[1]
    finally:
        hang_up(listener)
        listener.close()
        accepting.join()
        end()
        for thread in threads:
            thread.join()
        for side in ends:
            side.close()


def hang_up(end: socket.socket, how: int = socket.SHUT_RDWR) -> None:
    """End a connection, if it has not ended."""
    with suppress(OSError):
        end.shutdown(how)
