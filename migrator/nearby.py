"""Whether a name or address is this host's own by its very form: no resolver is asked."""

import ipaddress
import os
from collections.abc import Mapping, Sequence


def is_here(host: str) -> bool:
    """Whether it is a socket's path, or loopback."""
    if host.lower() == "localhost" or host.startswith(("/", "@")):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def postgresql_is_here(host: str | None, query: Mapping[str, str | Sequence[str]]) -> bool:
    """Whether a URL with this host and query leads here, libpq's environment included."""
    named: list[str | None] = [host or os.environ.get("PGHOST"), os.environ.get("PGHOSTADDR")]
    for word in ("host", "hostaddr"):
        said = query.get(word, ())
        named += [said] if isinstance(said, str) else said
    hosts = [host for each in named if each for host in each.split(",")]
    return "service" not in query and "PGSERVICE" not in os.environ and all(map(is_here, hosts))
