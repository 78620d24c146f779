"""A root and four errors, named by what the engine does next.

    MigratorError
    ├── UsageError      stops: message and remedy, no traceback              exit 2
    ├── FolderError     a fault or setback; goes on with the next folder     exit 1 at the end
    ├── AccountError    a fault or setback; goes on with the next account    exit 1 at the end
    └── Outage          waits and repeats, then stops, resumably             exit 75

A bad *item* is never an exception: it is a value (`Unreadable`, `Refused`). Anything else raised is a bug: exit 70.
"""

from collections.abc import Mapping

from typing_extensions import override

Param = str | int | float | bool | None


class Reason:
    """Why something is as it is: a code of the catalogue and its parameters; the sentence is made when it is shown.

    Parameters name accounts, folders, keys, paths and numbers, never a subject, a third party's address or a body.
    """

    __slots__ = ("code", "params")

    code: str
    params: Mapping[str, Param]

    def __init__(self, code: str, /, **params: Param) -> None:
        self.code = code
        self.params = params

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reason) and self.code == other.code and dict(self.params) == dict(other.params)

    @override
    def __hash__(self) -> int:
        return hash((self.code, tuple(sorted(self.params.items(), key=lambda pair: pair[0]))))

    @override
    def __repr__(self) -> str:
        return f"Reason({self.code!r}{''.join(f', {name}={value!r}' for name, value in self.params.items())})"


class MigratorError(Exception):
    """Whatever leaves a room of ours on purpose; carries a Reason, because somebody will have to act on it."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.code)
        self.reason = reason

    @override
    def __str__(self) -> str:
        return repr(self.reason)

    @override
    def __reduce__(self) -> tuple[type["MigratorError"], tuple[Reason], dict[str, object]]:
        return type(self), (self.reason,), self.__dict__


class UsageError(MigratorError):
    """The operator must change something first: settings, a mapping, a credential everybody shares."""


class FolderError(MigratorError):
    """This folder or place cannot be worked on; its neighbours can."""


class AccountError(MigratorError):
    """This account or mailbox cannot be worked on; its neighbours can."""


class Outage(MigratorError):  # noqa: N818 - an outage is not the program's error
    """The other side does not answer, or says not now. `retry_after` is its own wish, in seconds."""

    def __init__(self, reason: Reason, *, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
