"""An IMAP server in this very process, from pip alone (pymap): for `migrator demo`, for tests, and for staged faults.

pymap is imported only when a server is started. It keeps everything in memory, and its keywords are made to persist.
"""

import asyncio
import threading
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from typing_extensions import override

from migrator.errors import Reason, UsageError

STORE_AND_DIE, DIE = "store-and-die", "die"
"""What a fault may be: the mail is stored, or is not, and the connection ends before the answer."""

Fault = str
"""STORE_AND_DIE, DIE, or the words of a refusal: "[LIMIT] too large"."""

START = 30
"""Seconds the server may take to listen."""


@dataclass(slots=True)
class ImapServer:
    """Where it listens, and what befalls an APPEND: `fault` is asked about each mail's bytes before it is stored."""

    host: str = "127.0.0.1"
    port: int = 0
    fault: Callable[[bytes], Fault | None] = field(default=lambda _: None)


@contextmanager
def imap_server(users: Mapping[str, str]) -> Iterator[ImapServer]:
    """Serve these users with these passwords on a free loopback port, on a thread of its own, while the block runs.

    Raises UsageError where pymap is not installed.
    """
    try:
        import pymap.imap  # noqa: F401
    except ImportError as error:
        raise UsageError(Reason("demo.pymap-absent")) from error
    server = ImapServer()
    loop = asyncio.new_event_loop()
    listening, done = threading.Event(), asyncio.Event()

    def run() -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(_serve(server, users, listening, done))
        finally:
            loop.close()

    thread = threading.Thread(target=run, name="pymap", daemon=True)
    thread.start()
    if not listening.wait(START):
        raise RuntimeError("pymap did not start")
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join()


async def _serve(server: ImapServer, users: Mapping[str, str], listening: threading.Event, done: asyncio.Event) -> None:
    from proxyprotocol.noop import ProxyProtocolNoop
    from proxyprotocol.sock import SocketInfo
    from pymap.backend.dict import Login
    from pymap.imap import IMAPServer
    from pymap.user import Passwords, UserMetadata

    config = _config(server)
    config.apply_context()
    login = Login(config)
    for name, password in users.items():
        login.users_dict[name] = UserMetadata(config, name, password=await Passwords(config).hash_password(password))
    talk, direct = IMAPServer(login, config), ProxyProtocolNoop().unpack(b"")
    connections: set[asyncio.Task[Any]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        try:
            await talk(reader, writer, SocketInfo.get(writer, direct, unique_id=uuid4().bytes))
        except (asyncio.CancelledError, ConnectionError):
            pass
        finally:
            connections.discard(task)
            writer.transport.abort()

    listener = await asyncio.start_server(connected, server.host, 0)
    server.port = listener.sockets[0].getsockname()[1]
    listening.set()
    await done.wait()
    listener.close()
    for task in list(connections):
        task.cancel()
    await asyncio.gather(*connections, return_exceptions=True)


def _config(server: ImapServer) -> Any:
    """pymap's configuration: plain text, cheap password hashes, keywords that persist, and our faults."""
    from pymap.backend.dict import Config
    from pymap.backend.dict import mailbox as memory
    from pymap.exceptions import ResponseError
    from pymap.mime import MessageContent
    from pymap.parsing.response import ResponseCode, ResponseNo
    from pymap.parsing.specials.flag import Recent, Wildcard, get_system_flags
    from pysasl.hashing import BuiltinHash

    class RefusalError(ResponseError):  # type: ignore[misc, unused-ignore]
        @override
        def get_response(self, tag: bytes) -> Any:
            code, _, text = str(self).rpartition("]")
            return ResponseNo(tag, text.strip().encode(), ResponseCode.of(code[1:].encode()) if code else None)

    class Mailbox(memory.MailboxData):  # type: ignore[misc, unused-ignore]
        @property
        @override
        def permanent_flags(self) -> Any:
            return (get_system_flags() - {Recent}) | {Wildcard}

        @override
        async def append(self, append_msg: Any, *, recent: bool = False) -> Any:
            fault = server.fault(bytes(append_msg.literal))
            if fault == DIE:
                raise ConnectionAbortedError
            if fault is not None and fault != STORE_AND_DIE:
                raise RefusalError(fault)
            stored = await super().append(append_msg, recent=recent)
            if fault == STORE_AND_DIE:
                raise ConnectionAbortedError
            return stored

    class Content(MessageContent):  # type: ignore[misc, unused-ignore]
        @classmethod
        @override
        def parse(cls, data: bytes) -> Any:
            content = super().parse(data)
            content._raw = memoryview(data)  # pymap's own lacks the last byte where no blank line ends the header
            return content

        @classmethod
        @override
        def _split_lines(cls, data: bytes, lines: Any) -> tuple[Any, Any]:
            """An empty line ends the header, and nothing else: pymap takes a line of spaces for one too."""
            for number, (start, end, _) in enumerate(lines, start=1):
                if start == end:
                    return lines[:number], lines[number:]
            return lines, []

    class Settings(Config):  # type: ignore[misc, unused-ignore]
        @property
        @override
        def greeting(self) -> bytes:
            return b"ready"  # pymap's own asks the resolver for this host's name

    memory.MailboxData = Mailbox  # type: ignore[misc, unused-ignore]
    memory.MessageContent = Content  # type: ignore[misc, attr-defined, unused-ignore]
    arguments = Namespace(
        demo_data=False,
        demo_user="",
        demo_password="",
        tls=False,
        cert=None,
        key=None,
        host=[server.host],
        port="0",
        proxy_protocol=None,
        debug=False,
        skip_services=[],
        passlib_cfg=None,
        inherited_sockets=None,
        set_uid=None,
        set_gid=None,
    )
    return Settings.from_args(arguments, hash_context=BuiltinHash(rounds=1))
