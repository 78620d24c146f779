"""The address to listen on, and the server. Loopback by default; beyond it only with TLS and named reviewers."""

import ipaddress
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Never

import uvicorn
from starlette.types import ASGIApp

from migrator.errors import Reason, UsageError
from migrator.settings import Reviewer, ReviewSection

SHORTEST = 12
"""Characters of a secret that may be tried from other desks."""


@dataclass(frozen=True, slots=True)
class Listening:
    """Where the page is: its socket, its scheme, and the names (with port) under which a browser may ask for it."""

    socket: socket.socket
    scheme: str
    hosts: tuple[str, ...]
    tls: ssl.SSLContext | None

    @property
    def address(self) -> str:
        """As it is written before a path."""
        return f"{self.scheme}://{self.hosts[0]}"


def listen(where: str, section: ReviewSection) -> Listening:
    """Open the socket that HOST:PORT names; port 0 is a free one. Raises UsageError."""
    host, port = _split(where)
    for each in section.reviewers.values():
        each.secret.reveal()  # one that is not there is told now, and not to whoever comes in
    try:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        local = ipaddress.ip_address(str(place[0]).partition("%")[0]).is_loopback
        tls = None if local else _tls(section)
        opened = socket.create_server((str(place[0]), port), family=family)
    except (OSError, UnicodeError) as error:
        raise UsageError(Reason("review.listen", where=where, answer=str(error))) from error
    bound = opened.getsockname()[1]
    names = _names(host, local=local) if local else (*section.hosts, *_names(host, local=local))
    scheme = "http" if tls is None else "https"
    usual = 80 if tls is None else 443
    hosts = [name if bound == usual else f"{name}:{bound}" for name in dict.fromkeys(names)]
    return Listening(opened, scheme, tuple(hosts), tls)


def _split(where: str) -> tuple[str, int]:
    host, colon, port = where.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise UsageError(Reason("review.listen", where=where, answer="HOST:PORT"))
    return host.removeprefix("[").removesuffix("]"), int(port)


def _names(host: str, *, local: bool) -> tuple[str, ...]:
    written = f"[{host}]" if ":" in host else host
    if local:
        return tuple(dict.fromkeys((written, "localhost")))
    try:
        return () if ipaddress.ip_address(host).is_unspecified else (written,)
    except ValueError:
        return (written,)


def _tls(section: ReviewSection) -> ssl.SSLContext:
    """What beyond loopback must be there. Raises UsageError."""
    if section.certificate is None or section.key is None:
        raise UsageError(Reason("review.needs-tls"))
    if not section.reviewers:
        raise UsageError(Reason("review.needs-reviewers"))
    if not section.hosts:
        raise UsageError(Reason("review.needs-hosts"))
    _refuse_short(section.reviewers)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(section.certificate, section.key, password=lambda: "")
    except (OSError, ValueError) as error:  # SSLError is an OSError
        raise UsageError(Reason("review.certificate", answer=type(error).__name__)) from error
    return context


def _refuse_short(reviewers: Mapping[str, Reviewer]) -> None:
    for name, each in reviewers.items():
        if len(each.secret.reveal().get_secret_value()) < SHORTEST:
            raise UsageError(Reason("review.secret-short", name=name, least=SHORTEST))


def server(app: ASGIApp, listening: Listening) -> uvicorn.Server:
    """What answers, not yet running. What goes wrong is told by the log; which addresses were asked for, nowhere."""
    tls = listening.tls
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        http="h11",
        ws="none",
        lifespan="off",
        server_header=False,
        proxy_headers=False,
        ssl_context_factory=None if tls is None else lambda config, default: tls,
    )
    return uvicorn.Server(config)


def serve(app: ASGIApp, listening: Listening) -> Never:
    """Answer until Ctrl-C. Raises KeyboardInterrupt, also where a shell has started us deaf to it."""
    server(app, listening).run(sockets=[listening.socket])
    raise KeyboardInterrupt
