"""A Dovecot of our own for tests: Debian's 2.3 in a temporary folder on free loopback ports.

It is never run as root: under root it runs as the packaged user `dovecot`, so both cases are the same case. It dies
with the process that started it, even when that is killed. Any user name logs in with PASSWORD, so every test can have
an account of its own.
"""

import base64
import ctypes
import grp
import hashlib
import hmac
import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.servers import absent

PASSWORD = "open-sesame"
MASTER, MASTER_PASSWORD = "migrator", "master-sesame"
PR_SET_PDEATHSIG = 1
START = 60
"""Seconds a server may take to greet."""

Storage = Literal["maildir", "sdbox"]
LOCATION = {"maildir": "maildir:~/Maildir", "sdbox": "sdbox:~/sdbox"}
SHARED = {"maildir": "maildir:{home}/mail/%%u/Maildir", "sdbox": "sdbox:{home}/mail/%%u/sdbox"}

CONFIGURATION = """\
base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/log
log_timestamp = "%Y-%m-%dT%H:%M:%S "
protocols = imap
listen = 127.0.0.1
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
ssl = yes
ssl_cert = <{home}/cert.pem
ssl_key = <{home}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login xoauth2 oauthbearer
auth_username_chars =
auth_failure_delay = 0
auth_master_user_separator = *
first_valid_uid = {uid}
mail_location = {location}
mail_fsync = {mail_fsync}
mailbox_list_index = yes
maildir_stat_dirs = yes
mail_max_userip_connections = 1000
imap_metadata = yes
mail_attribute_dict = file:%h/attributes
mail_plugins = acl quota
protocol imap {{
  mail_plugins = $mail_plugins imap_acl imap_quota
}}
passdb {{
  driver = passwd-file
  master = yes
  args = scheme=PLAIN username_format=%u {home}/masters
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {home}/oauth2.conf
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={home}/mail/%u allow_all_users=yes
}}
namespace inbox {{
  inbox = yes
  separator = {separator}
  prefix = {prefix}
  mailbox Drafts {{
    special_use = \\Drafts
    auto = create
  }}
  mailbox {sent} {{
    special_use = \\Sent
    auto = create
  }}
  mailbox Trash {{
    special_use = \\Trash
    auto = create
  }}
  mailbox Junk {{
    special_use = \\Junk
    auto = create
  }}
  mailbox Archive {{
    special_use = \\Archive
    auto = no
  }}
}}
namespace users {{
  type = shared
  separator = {separator}
  prefix = Other Users{separator}%%u{separator}
  location = {shared}:INDEXPVT=~/shared/%%u
  subscriptions = no
  list = children
}}
plugin {{
  # without acl_user a master login would have the master's own rights
  acl = vfile
  acl_user = %u
  acl_shared_dict = file:{home}/shared.db
  quota = count:User quota
  quota_vsizes = yes
  quota_rule = *:storage={quota}
  quota_max_mail_size = {largest}
  quota_exceeded_message = Quota exceeded
}}
service imap-login {{
  chroot =
  process_min_avail = 1
  service_count = 0
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service imap {{
  process_limit = 256
}}
service anvil {{
  chroot =
  # else one wrong password makes the next logins from the same address wait
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service auth {{
  unix_listener auth-userdb {{
    mode = 0600
  }}
}}
"""

COMMANDS = """
event_exporter log {{
  format = json
  format_args = time-rfc3339
  transport = log
}}
metric commands {{
  filter = event=imap_command_finished
  exporter = log
  exporter_include = name fields
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"""
"""Every command that its parser took for one is written to the log."""

OAUTH2 = """\
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={home}/keys/
username_attribute = sub
"""

_NUMBERS = count(1)


@dataclass(frozen=True, slots=True)
class Dovecot:
    """A running server: where it listens, what it trusts, and the administrator's command."""

    home: Path
    port: int
    tls_port: int
    storage: Storage
    _secret: bytes
    _who: dict[str, Any]
    host: str = "127.0.0.1"

    @property
    def ca_file(self) -> Path:
        """The certificate to trust: it names localhost and 127.0.0.1."""
        return self.home / "cert.pem"

    def account(self) -> str:
        """A user nobody has used before, on any server; the password is PASSWORD."""
        return f"user{next(_NUMBERS)}@example.co.jp"

    def token(self, user: str, *, seconds: int = 600) -> str:
        """An OAuth2 token for the user, valid for that long (negative: expired)."""
        now = int(time.time())
        header = {"alg": "HS256", "typ": "JWT", "kid": "default"}
        claims = {"sub": user, "azp": "default", "iat": now - 3600, "nbf": now - 3600, "exp": now + seconds}
        signed = b".".join(_base64(json.dumps(part).encode()) for part in (header, claims))
        return (signed + b"." + _base64(hmac.digest(self._secret, signed, hashlib.sha256))).decode()

    def doveadm(self, *arguments: str | Path, data: bytes | None = None) -> bytes:
        """What `doveadm` prints. Raises CalledProcessError."""
        command = ["doveadm", "-c", self.home / "dovecot.conf", *arguments]
        stdin: dict[str, Any] = {"stdin": subprocess.DEVNULL} if data is None else {"input": data}
        return subprocess.run(command, capture_output=True, check=True, cwd="/", **stdin, **self._who).stdout

    def give(self, path: Path) -> None:
        """Make a file or tree belong to the user the server runs as."""
        if self._who:
            for each in (path, *path.rglob("*")):
                os.chown(each, self._who["user"], self._who["group"])

    def commands(self, user: str) -> list[tuple[str, str, str]]:
        """Tag, name and answer (OK, NO, BAD) of every command the parser has seen; of a server that logs them."""
        lines = (line.partition("stats: Info: ")[2] for line in self.log.splitlines())
        events = (json.loads(line)["fields"] for line in lines if line.startswith("{"))
        fields = ("cmd_tag", "cmd_name", "tagged_reply")
        return [tuple(str(each.get(field, "")) for field in fields) for each in events if each.get("user") == user]

    @property
    def log(self) -> str:
        """All it has logged so far."""
        path = self.home / "log"
        return path.read_text(errors="replace") if path.exists() else ""


def _base64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def program() -> str | None:
    """Dovecot's master program, or None where there is none that understands our configuration."""
    found = shutil.which("dovecot") or shutil.which("dovecot", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        return None
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    return found if re.match(r"2\.3\.", version) else None


@contextmanager
def server(
    *,
    storage: Storage = "maildir",
    mail_fsync: Literal["never", "optimized", "always"] = "never",
    quota: str = "10G",
    largest: str = "50M",
    separator: str = "/",
    prefix: str = "",
    sent: str = "Sent",
    home: Path | None = None,
    more: str = "",
) -> Iterator[Dovecot]:
    """Run Dovecot; its folder is `home`, or one that is removed afterwards. `sent` is the name of its \\Sent folder,
    `more` is more configuration.
    """
    exe = program()
    if exe is None:
        absent("Dovecot 2.3", "apt-get install -y --no-install-recommends dovecot-imapd")
    user = pwd.getpwnam("dovecot") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    who = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    place = home or Path(tempfile.mkdtemp(prefix="dv-", dir="/tmp"))  # short: a socket's path has 107 bytes at most
    secret = os.urandom(32)
    port, tls_port = _free_port(), _free_port()
    dovecot = Dovecot(place, port, tls_port, storage, secret, who)
    try:
        for folder in ("run", "state", "mail", "keys/default/HS256"):
            (place / folder).mkdir(parents=True, exist_ok=True)
        (place / "keys/default/HS256/default").write_bytes(base64.b64encode(secret))
        (place / "masters").write_text(f"{MASTER}:{MASTER_PASSWORD}\n")
        (place / "oauth2.conf").write_text(OAUTH2.format(home=place))
        _certificate(place)
        (place / "dovecot.conf").write_text(
            (CONFIGURATION + more).format(
                home=place,
                user=user.pw_name,
                group=grp.getgrgid(user.pw_gid).gr_name,
                uid=user.pw_uid,
                gid=user.pw_gid,
                location=LOCATION[storage],
                shared=SHARED[storage].format(home=place),
                mail_fsync=mail_fsync,
                quota=quota,
                largest=largest,
                separator=separator,
                prefix=prefix,
                sent=sent,
                port=port,
                tls_port=tls_port,
                password=PASSWORD,
            )
        )
        dovecot.give(place)
        with (place / "stderr").open("wb") as errors:
            master = subprocess.Popen(
                [exe, "-F", "-c", place / "dovecot.conf"],
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                cwd="/",
                start_new_session=True,
                preexec_fn=_die_with_parent,
                **who,
            )
        try:
            _wait_for(dovecot, master)
            yield dovecot
        finally:
            master.send_signal(signal.SIGTERM)
            try:
                master.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(master.pid, signal.SIGKILL)
                master.wait()
    finally:
        if home is None:
            shutil.rmtree(place, ignore_errors=True)


def _certificate(home: Path) -> None:
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", home / "key.pem"]
    made = ["openssl", "req", "-x509", *key, "-days", "2", "-subj", "/CN=localhost", "-addext", names]
    subprocess.run([*made, "-out", home / "cert.pem"], check=True, capture_output=True)


def _wait_for(dovecot: Dovecot, master: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START
    while True:
        try:
            with socket.create_connection((dovecot.host, dovecot.port), 5) as connection:
                if connection.recv(10).startswith(b"* OK"):
                    return
        except OSError as error:
            if master.poll() is not None or time.monotonic() > until:
                raise RuntimeError((dovecot.home / "stderr").read_text() + dovecot.log) from error
        time.sleep(0.05)


@pytest.fixture(scope="session")
def dovecot_maildir() -> Iterator[Dovecot]:
    """A server with Maildir mailboxes that lives as long as this test process."""
    with server(storage="maildir") as running:
        yield running


@pytest.fixture(scope="session")
def dovecot_sdbox() -> Iterator[Dovecot]:
    """A server with sdbox mailboxes that lives as long as this test process."""
    with server(storage="sdbox") as running:
        yield running
