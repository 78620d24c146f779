"""A whole migration as an administrator does it: the command in a folder, a real server, and another eye to look."""

import imaplib
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.servers.dovecot import MASTER, MASTER_PASSWORD, Dovecot

imaplib._MAXLINE = 10_000_000

PROGRAM = "from migrator.cli import main; raise SystemExit(main())"

MEASURED = """
import re, resource, sys
from migrator.cli import main
ended = main()
own = int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
print(max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss), file=sys.stderr)
raise SystemExit(ended)
"""

SETTINGS = """
[staging]
url = "{url}"

[source]
{source}

[targets.new]
adapter = "imap"
host = "127.0.0.1"
port = {port}
security = "{security}"
auth = "master"
user = "{user}"
master_user = "{master}"
password = {{ env = "NEW_PASSWORD" }}
late_commit = {late_commit}
patience = {patience}

[accounts]
{accounts}
"""


@dataclass
class Journey:
    """One migration folder, and the Dovecot it goes to. `tag` keeps its mailboxes apart from other tests'."""

    folder: Path
    dovecot: Dovecot
    source: Mapping[str, Any]
    accounts: Mapping[str, str]
    url: str = "sqlite:///staging.db"
    port: int | None = None
    late_commit: float = 0.5
    patience: float = 60
    security: str = "none"
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "migration.toml").write_text(
            SETTINGS.format(
                url=self.url,
                source="\n".join(f"{key} = {json.dumps(str(value))}" for key, value in self.source.items()),
                port=self.port or self.dovecot.port,
                user="{address}",
                master=MASTER,
                late_commit=self.late_commit,
                patience=self.patience,
                security=self.security,
                accounts="\n".join(f"{json.dumps(name)} = {json.dumps(to)}" for name, to in self.accounts.items()),
            )
        )

    def start(self, *words: str, program: str = PROGRAM) -> "subprocess.Popen[str]":
        """The command in a process of its own."""
        command = [sys.executable, "-c", program, *words]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=os.environ | {"NEW_PASSWORD": MASTER_PASSWORD, "MIGRATOR_LANG": "en"} | self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, code: int | None = 0) -> str:
        """The command to its end; what it printed on stdout."""
        with self.start(*words) as process:
            out, err = process.communicate(timeout=280)
        assert code is None or process.returncode == code, f"{words}: exit {process.returncode}\n{out}\n{err}"
        return out

    def complaint(self, *words: str, code: int) -> str:
        """The command, which must end with this code and one line of complaint; that line's code in [brackets]."""
        with self.start(*words) as process:
            _, err = process.communicate(timeout=280)
        assert process.returncode == code, err
        assert "Traceback" not in err
        return re.findall(r"\[([a-z.-]+)\]", err)[-1]

    def peak(self, *words: str) -> int:
        """The most memory that the command, or a helper of its, had at a time, in MB."""
        with self.start(*words, program=MEASURED) as process:
            _, err = process.communicate(timeout=280)
        assert process.returncode == 0, err
        return int(err.splitlines()[-1]) // 1024

    def kill_after(self, seconds: float, *words: str) -> int:
        """Start the command and kill -9 it after so long; the exit code (-9, unless it was done before)."""
        with self.start(*words) as process:
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
            process.communicate()
        return process.returncode

    def json(self, *words: str, code: int | None = 0) -> Any:
        return json.loads(self.run(*words, "--json", code=code))

    def lines(self, *words: str) -> list[Any]:
        return [json.loads(line) for line in self.run(*words, "--json").splitlines()]

    # -- another eye: Python's imaplib alone --

    def places(self, owner: str) -> Iterator[tuple[str, imaplib.IMAP4]]:
        """Each selectable mailbox of an owner, selected for reading; not those that others share with them."""
        with imaplib.IMAP4(self.dovecot.host, self.dovecot.port) as client:
            client.login(f"{owner}*{MASTER}", MASTER_PASSWORD)
            _, listed = client.list()
            for line in listed:
                assert isinstance(line, bytes)
                found = re.match(rb'\((.*?)\) (?:"[^"]*"|NIL) (.*)', line)
                assert found
                name = found[2].decode()
                if b"\\Noselect" in found[1] or name.strip('"').startswith("Other Users/"):
                    continue
                typ, _ = client.select(name if name.startswith('"') else f'"{name}"', readonly=True)
                assert typ == "OK", name
                yield name.strip('"'), client

    def mails(self, owner: str) -> Iterator[tuple[str, bytes, bytes]]:
        """Every mail of an owner: place, what FETCH says of it, and its bytes."""
        for name, client in self.places(owner):
            _, answer = client.fetch("1:*", "(UID FLAGS INTERNALDATE BODY.PEEK[])") if _count(client) else ("", [])
            for part in answer:
                if isinstance(part, tuple):
                    yield name, part[0], part[1]

    def arrived(self) -> Counter[str]:
        """The digest of every mail at the target, over all owners."""
        return Counter(
            sha256(data).hexdigest()
            for owner in sorted(set(self.accounts.values()))
            for _, _, data in self.mails(owner)
        )


def _count(client: imaplib.IMAP4) -> int:
    answer = client.untagged_responses.get("EXISTS", [b"0"])
    return int(answer[-1] or b"0")


def on_wire(data: bytes) -> bytes:
    """What IMAP makes of a mail's bytes, written down a second time and as simply as can be."""
    data = re.sub(rb"\r*\n", b"\r\n", data.replace(b"\0", b"\x80"))
    return re.sub(rb"\r+\Z", b"\r\n", data)


def digest(data: bytes) -> str:
    return sha256(on_wire(data)).hexdigest()


def tree(root: Path) -> dict[str, tuple[int, str]]:
    """Every file below a root with its time and digest, to see that nothing was written there."""
    return {
        str(path.relative_to(root)): (path.stat().st_mtime_ns, sha256(path.read_bytes()).hexdigest())
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }
