"""Dovecot Pigeonhole's `sieve-test`: what a Sieve script would do with a mail, without a server."""

import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers import absent

CONFIGURATION = """\
mail_uid = {user}
mail_gid = {user}
first_valid_uid = 1
mail_home = {home}
mail_location = maildir:{home}/Maildir
ssl = no
"""

_STORED = re.compile(r"^ \* store message in folder: (.*)$", re.MULTILINE)
_ACTION = re.compile(r"^ \* ", re.MULTILINE)


@dataclass(frozen=True)
class SieveTest:
    """Runs scripts; as the packaged user where we are root, which Dovecot does not want to be."""

    home: Path

    def folders(self, script: str, mail: bytes) -> list[str]:
        """Where the mail would lie. Fails on a script that does not compile, and on any action but to store."""
        (self.home / "rules.sieve").write_text(script, encoding="utf-8")
        (self.home / "mail.eml").write_bytes(mail)
        command = ["sieve-test", "-c", "dovecot.conf", "rules.sieve", "mail.eml"]
        done = subprocess.run(command, cwd=self.home, capture_output=True, check=False)
        said = done.stdout.decode("utf-8", "replace")
        assert done.returncode == 0, done.stderr
        assert b"error" not in done.stderr.lower(), done.stderr
        stored = _STORED.findall(said)
        assert len(_ACTION.findall(said)) == len(stored) > 0, said
        return stored


@pytest.fixture(scope="session")
def sieve_test() -> Iterator[SieveTest]:
    if shutil.which("sieve-test") is None:
        absent("sieve-test", "apt-get install dovecot-sieve")
    with tempfile.TemporaryDirectory() as folder:
        user = "dovecot" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        (Path(folder) / "dovecot.conf").write_text(CONFIGURATION.format(user=user, home=folder), encoding="ascii")
        if os.geteuid() == 0:
            shutil.chown(folder, user)
        yield SieveTest(Path(folder))
