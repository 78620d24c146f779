"""Those we measure against, each as its own manual says to use it, at its best."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.servers.dovecot import PASSWORD, Dovecot

PARSE = """
import sys
from email.parser import BytesParser
from email.policy import compat32
from pathlib import Path
parser = BytesParser(policy=compat32)
for path in Path(sys.argv[1]).rglob("*.eml"):
    parser.parsebytes(path.read_bytes())
"""

APPEND = """
import sys
from pathlib import Path
from imapclient import IMAPClient
root, port, user, password = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
client = IMAPClient("127.0.0.1", port, ssl=False)
client.login(user, password)
for folder in [root, *sorted(path for path in root.iterdir() if path.name.startswith("."))]:
    name = folder.name[1:].encode() if folder != root else b"INBOX"
    if folder != root:
        client.create_folder(name)
    for path in (folder / "cur").iterdir():
        client.append(name, path.read_bytes())
"""

MBSYNC = """\
IMAPAccount new
Host 127.0.0.1
Port {port}
User {user}
Pass {password}
SSLType None
AuthMechs LOGIN
DisableExtensions "COMPRESS=DEFLATE"

IMAPStore new
Account new

MaildirStore old
SubFolders Maildir++
Inbox {store}

Channel all
Far :new:
Near :old:
Patterns *
Sync Push New
Create Both
SyncState {state}/
"""


def extract_baseline(root: Path) -> None:
    """Read and parse every mail, and do nothing with it."""
    subprocess.run([sys.executable, "-c", PARSE, root], check=True)


@dataclass(frozen=True, slots=True)
class Peer:
    """A program that can bring a Maildir++ into a mailbox."""

    name: str
    program: str
    load: Callable[[Path, Dovecot, str], None]

    def installed(self) -> bool:
        return shutil.which(self.program) is not None


def doveadm_import(store: Path, dovecot: Dovecot, owner: str) -> None:
    dovecot.doveadm("import", "-u", owner, f"maildir:{store}", "", "ALL")


def doveadm_backup(dovecot: Dovecot, source: str, owner: str) -> None:
    """Pull a mailbox over IMAP (imapc) into one of its own."""
    at = {"imapc_host": "127.0.0.1", "imapc_port": str(dovecot.port), "imapc_user": source, "imapc_password": PASSWORD}
    tuned = {"imapc_features": "rfc822.size fetch-headers", "mail_prefetch_count": "20"}
    options = [word for name, value in (at | tuned).items() for word in ("-o", f"{name}={value}")]
    dovecot.doveadm(*options, "backup", "-R", "-u", owner, "imapc:")


def mbsync(store: Path, dovecot: Dovecot, owner: str) -> None:
    state = store.parent.parent / f"mbsync-{owner}"
    state.mkdir()
    copy = state / "Maildir"  # mbsync writes its marks into the names of the source's files
    shutil.copytree(store, copy, copy_function=_link)
    config = state / "rc"
    config.write_text(MBSYNC.format(port=dovecot.port, user=owner, password=PASSWORD, store=copy, state=state))
    subprocess.run(["mbsync", "-q", "-c", config, "all"], check=True, capture_output=True)


def _link(source: str, target: str) -> None:
    Path(target).hardlink_to(source)


def imapclient_loop(store: Path, dovecot: Dovecot, owner: str) -> None:
    subprocess.run([sys.executable, "-c", APPEND, store, str(dovecot.port), owner, PASSWORD], check=True)


def imapsync(store: Path, dovecot: Dovecot, owner: str) -> None:
    """imapsync reads IMAP only, so its source is the same Dovecot, filled once by doveadm import."""
    source = f"source-of-{owner}"
    dovecot.doveadm("import", "-u", source, f"maildir:{store}", "", "ALL")
    one = ["--host1", "127.0.0.1", "--port1", str(dovecot.port), "--user1", source, "--password1", PASSWORD]
    other = ["--host2", "127.0.0.1", "--port2", str(dovecot.port), "--user2", owner, "--password2", PASSWORD]
    subprocess.run(["imapsync", *one, *other, "--nossl1", "--nossl2", "--nolog"], check=True, capture_output=True)


@dataclass(frozen=True, slots=True)
class Puller:
    """A program that can take a mailbox out of an IMAP server."""

    name: str
    pull: Callable[[Dovecot, str, str], None]


BACKUP = Puller("doveadm backup, imapc", doveadm_backup)
DOVEADM = Peer("doveadm import", "doveadm", doveadm_import)

PEERS = (
    DOVEADM,
    Peer("mbsync, uncompressed", "mbsync", mbsync),
    Peer("imapclient loop", sys.executable, imapclient_loop),
    Peer("imapsync", "imapsync", imapsync),
)
