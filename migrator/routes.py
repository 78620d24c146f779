"""Where everything goes: (account, folder) -> place at the target, by [accounts], [folders], roles and naming."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from migrator.errors import Reason, UsageError
from migrator.inboxes import Principal
from migrator.model import Folder, Mailbox, Path, Place, Role
from migrator.naming import distinct
from migrator.ports import Limits

CANONICAL: dict[Role, Path] = {
    Role.INBOX: ("INBOX",),
    Role.SENT: ("Sent",),
    Role.DRAFTS: ("Drafts",),
    Role.TRASH: ("Trash",),
    Role.JUNK: ("Junk",),
    Role.ARCHIVE: ("Archive",),
}
"""A role's place. A target that has a folder for the role uses that one, whatever it is called there (RFC 6154)."""

RECOVERED: Path = ("Recovered",)
"""For mail that lies in no folder of its account."""


@cache
def well_known() -> dict[str, Role]:
    """Folder names whose role needs no mapping: mappings/folders.toml."""
    table = tomllib.loads(files("mappings").joinpath("folders.toml").read_text("utf-8"))["roles"]
    return {name.casefold(): Role(role) for role, names in table.items() for name in names}


@dataclass(frozen=True, slots=True)
class Routes:
    """The operator's [accounts] and [folders]. A folder is named by its path with "/" between; its own line wins over
    its parent's, and whatever nobody names keeps its own name."""

    accounts: Mapping[str, str]
    folders: Mapping[str, str]

    def owner(self, account: str) -> str | None:
        """The mailbox an account goes to; None for what belongs to nobody, unless [accounts] names a home for it."""
        return self.accounts.get(account, account or None)

    def login_of(self, person: Principal) -> str | None:
        """The name by which a person logs in at the target; None where nobody has said one."""
        named = self.accounts.get(person.login) if person.login else None
        return named or person.address or None

    def mailboxes(self, accounts: Iterable[str]) -> dict[Mailbox, list[str]]:
        """The target mailboxes, each with the accounts that feed it. Raises UsageError for an empty owner."""
        feeding: dict[str, list[str]] = {}
        for account in accounts:
            owner = self.owner(account)
            if owner is None:
                continue
            if not owner.strip():
                raise UsageError(Reason("routes.owner-empty", account=account))
            feeding.setdefault(owner, []).append(account)
        return {
            Mailbox(owner, names[0] if len(names) == 1 else None): names for owner, names in sorted(feeding.items())
        }

    def places(self, owner: str, folders: Iterable[Folder], limits: Limits) -> dict[Folder, Place]:
        """The place of each folder of the accounts that feed one mailbox. Folders that mean the same place share it."""
        wanted = {folder: self._path(folder) for folder in folders}
        legal = distinct(wanted.values(), limits)
        return {folder: Place(owner, legal[path], _role_of(path)) for folder, path in wanted.items()}

    def renamed(self, places: Mapping[Folder, Place]) -> dict[Folder, Place]:
        """Those of these folders whose place had to get another name than theirs, because the target cannot hold it."""
        return {folder: place for folder, place in places.items() if place.path != self._path(folder)}

    def _path(self, folder: Folder) -> Path:
        for depth in range(len(folder.path), 0, -1):
            named = self.folders.get("/".join(folder.path[:depth]))
            if named is not None:
                return _spelled((*(part for part in named.split("/") if part), *folder.path[depth:]))
        if not folder.path:
            named = self.folders.get("")
            return RECOVERED if named is None else _spelled(tuple(part for part in named.split("/") if part))
        role = role_of(folder.path, folder.role)
        return _spelled(folder.path) if role is None else CANONICAL[role]


def role_of(path: Path, said: Role | None) -> Role | None:
    """What a folder is for: as the source says, else as its name does."""
    return said or (well_known().get(path[0].casefold()) if len(path) == 1 else None)


def _spelled(path: Path) -> Path:
    """INBOX is INBOX in any case (RFC 9051 §5.1)."""
    return ("INBOX", *path[1:]) if path and path[0].upper() == "INBOX" else path


def _role_of(path: Path) -> Role | None:
    return next((role for role, canonical in CANONICAL.items() if canonical == path), None)
