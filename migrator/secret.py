"""Secrets by reference (laws.md §7): migration.toml says where a secret is, never what it is."""

import os
import stat
import subprocess
from pathlib import Path

from pydantic import BaseModel, ConfigDict, SecretStr, model_validator

from migrator.errors import Reason, UsageError

TIMEOUT = 30
"""Seconds a secret's command may take."""

SHORTEST = 4
"""Characters; a shorter secret is not looked for in other text, where it would stand by chance."""

_revealed: set[str] = set()


def hidden(text: str) -> str:
    """The text, with *** for every secret that this process has asked for: an error of anybody's may quote one."""
    for secret in sorted(_revealed, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


class Secret(BaseModel):
    """One of `{ env = … }`, `{ keyring = … }`, `{ file = … }`, `{ command = […] }`.

    `{account}` and `{address}` inside are filled in.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    env: str | None = None
    keyring: str | None = None
    file: str | None = None
    command: tuple[str, ...] | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> "Secret":
        if sum(value is not None for value in (self.env, self.keyring, self.file, self.command)) != 1:
            raise ValueError("a secret is one of env, keyring, file, command")
        return self

    def reveal(self, **words: str) -> SecretStr:
        """The secret's value, asked for anew at each call. Raises UsageError, which never holds the value."""
        value = self._value(words)
        if len(value) >= SHORTEST:
            _revealed.add(value)
        return SecretStr(value)

    def _value(self, words: dict[str, str]) -> str:
        if self.env is not None:
            return _from_environment(_filled(self.env, words))
        if self.file is not None:
            return _from_file(Path(_filled(self.file, words)))
        if self.keyring is not None:
            return _from_keyring(_filled(self.keyring, words))
        assert self.command is not None
        return _from_command([_filled(word, words) for word in self.command])


def _filled(text: str, words: dict[str, str]) -> str:
    for name, value in words.items():
        text = text.replace("{" + name + "}", value)
    return text


def _from_environment(name: str) -> str:
    value = os.environb.get(os.fsencode(name))
    if value is None:
        raise UsageError(Reason("secret.env-missing", name=name))
    return _decoded(value, name)


def _from_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if stat.S_IMODE(status.st_mode) & 0o077 or status.st_uid != os.geteuid():
                raise UsageError(Reason("secret.file-open-to-others", path=str(path)))
            return _decoded(file.read(), str(path)).rstrip("\r\n")
    except OSError as error:
        raise UsageError(Reason("secret.file-unreadable", path=str(path), answer=type(error).__name__)) from error


def _from_keyring(entry: str) -> str:
    try:
        import keyring
        import keyring.errors
    except ImportError as error:
        raise UsageError(Reason("secret.keyring-absent", entry=entry)) from error
    service, _, user = entry.partition("/")
    try:
        value = keyring.get_password(service, user)
    except keyring.errors.KeyringError as error:
        # its text is the backend's own, and might quote what it was asked for
        raise UsageError(Reason("secret.keyring-failed", entry=entry, answer=type(error).__name__)) from None
    if value is None:
        raise UsageError(Reason("secret.keyring-missing", entry=entry))
    return str(value)


def _from_command(argv: list[str]) -> str:
    try:
        # the operator's own argv, and no shell
        done = subprocess.run(argv, capture_output=True, timeout=TIMEOUT, check=False, stdin=subprocess.DEVNULL)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(Reason("secret.command-failed", command=argv[0], answer=type(error).__name__)) from None
    if done.returncode:
        raise UsageError(Reason("secret.command-failed", command=argv[0], answer=f"exit {done.returncode}"))
    return _decoded(done.stdout, argv[0]).rstrip("\r\n")


def _decoded(value: bytes, where: str) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise UsageError(Reason("secret.not-utf-8", where=where)) from None
