"""Who may do what in a folder: its permission set, read whole, changed in one entry and written whole.

What is written of an entry is its level, or its single rights where they make up none; never both. Below
https://learn.microsoft.com/exchange/client-developer/ exchange-web-services/how-to-set-folder-permissions-for-another-
user-by-using-ews-in-exchange and web-service-reference/permissionlevel say so.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from lxml import etree

from adapters.microsoft.words import possible
from migrator.inboxes import Held, Right

from .troubles import Refusal
from .wire import Wire
from .words import identified, t, text

SINGLE: Final = (
    "CanCreateItems",
    "CanCreateSubFolders",
    "IsFolderOwner",
    "IsFolderVisible",
    "IsFolderContact",
    "EditItems",
    "DeleteItems",
    "ReadItems",
)
"""The single rights in the order of the schema."""

_SEE, _READ = frozenset({"IsFolderVisible"}), frozenset({"IsFolderVisible", "ReadItems=FullDetails"})
_WRITE, _EDIT, _DELETE = {"CanCreateItems"}, {"EditItems=All"}, {"DeleteItems=All"}
_OWN = {"EditItems=Owned", "DeleteItems=Owned"}
_BELOW, _LEAD = {"CanCreateSubFolders"}, {"IsFolderOwner", "IsFolderContact"}

NEEDS: Final[Mapping[Right, frozenset[str]]] = {
    Right.READ: _READ,
    Right.REPLY: _READ | _WRITE | _EDIT,
    Right.DELETE: _SEE | _DELETE,
    Right.ADMIN: _SEE | _BELOW | _LEAD,
}
"""Whoever answers also keeps what is read, flagged and categorised, which Exchange lets nobody do who may not edit."""

LEVELS: Final[Mapping[str, frozenset[str]]] = {
    "None": frozenset(),
    "Contributor": _SEE | _WRITE,
    "Reviewer": _READ,
    "NoneditingAuthor": _READ | _WRITE | {"DeleteItems=Owned"},
    "Author": _READ | _WRITE | _OWN,
    "PublishingAuthor": _READ | _WRITE | _OWN | _BELOW,
    "Editor": _READ | _WRITE | _EDIT | _DELETE,
    "PublishingEditor": _READ | _WRITE | _EDIT | _DELETE | _BELOW,
    "Owner": _READ | _WRITE | _EDIT | _DELETE | _BELOW | _LEAD,
}

PERMISSIONS: Final = '<t:FieldURI FieldURI="folder:PermissionSet"/>'

_EVERYBODY = [f"<t:DistinguishedUser>{name}</t:DistinguishedUser>" for name in ("Default", "Anonymous")]
_NAMES = {may: name for name, may in LEVELS.items()}
_ADDRESS = re.compile(r'[^\s@<>()",;:\\]+@[^\s@<>()",;:\\]+')


@dataclass(frozen=True, slots=True)
class Entry:
    """What one user may do; `user` is the content of its UserId, `address` empty where that names nobody."""

    user: str
    address: str
    may: frozenset[str]

    def element(self) -> str:
        level = _NAMES.get(self.may, "Custom")
        said = "" if level != "Custom" else "".join(f"<t:{name}>{_value(name, self.may)}</t:{name}>" for name in SINGLE)
        level = f"<t:PermissionLevel>{level}</t:PermissionLevel>"
        return f"<t:Permission><t:UserId>{self.user}</t:UserId>{said}{level}</t:Permission>"


@dataclass(frozen=True, slots=True)
class Permissions:
    """The permissions of one folder, as they were read."""

    folder: str
    change_key: str
    entries: tuple[Entry, ...]

    def of(self, who: str) -> frozenset[str] | None:
        """What somebody may do; None for whom there is no entry."""
        return next((each.may for each in self.entries if each.address == who.lower()), None)

    @property
    def everybody(self) -> frozenset[str]:
        """What whoever has no entry of their own may do."""
        return frozenset().union(*(each.may for each in self.entries if each.user in _EVERYBODY))

    def giving(self, who: str, may: frozenset[str] | None) -> "Permissions":
        """The same, but for what this one may do."""
        others = tuple(each for each in self.entries if each.address != who.lower())
        user = f"<t:PrimarySmtpAddress>{text(who)}</t:PrimarySmtpAddress>"
        mine = () if may is None else (Entry(user, who.lower(), may),)
        return Permissions(self.folder, self.change_key, others + mine)


def read(wire: Wire, folder: str) -> Permissions:
    """Raises Refusal."""
    found = asked(wire, folder, PERMISSIONS)
    identity = found.find(t("FolderId"))
    if identity is None or found.find(t("PermissionSet")) is None:
        raise Refusal("ErrorAccessDenied")
    every = found.iterfind(f"{t('PermissionSet')}/{t('Permissions')}/{t('Permission')}")
    return Permissions(folder, identity.get("ChangeKey", ""), tuple(_entry(each) for each in every))


def write(wire: Wire, permissions: Permissions) -> None:
    """Raises Refusal."""
    every = "".join(each.element() for each in permissions.entries)
    value = f"<t:PermissionSet><t:Permissions>{every}</t:Permissions></t:PermissionSet>"
    change(wire, permissions.folder, permissions.change_key, PERMISSIONS, value)


def asked(wire: Wire, folder: str, field: str) -> etree._Element:
    """A folder with its id and one field. Raises Refusal."""
    answer = wire.one(
        "<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape>"
        f"<t:AdditionalProperties>{field}</t:AdditionalProperties></m:FolderShape>"
        f"<m:FolderIds>{identified('FolderId', folder)}</m:FolderIds></m:GetFolder>"
    )
    return next(iter(answer))


def change(wire: Wire, folder: str, change_key: str, field: str, value: str) -> None:
    """Set one field of a folder. Raises Refusal."""
    wire.one(
        f"<m:UpdateFolder><m:FolderChanges><t:FolderChange>{identified('FolderId', folder, change_key)}<t:Updates>"
        f"<t:SetFolderField>{field}<t:Folder>{value}</t:Folder></t:SetFolderField>"
        "</t:Updates></t:FolderChange></m:FolderChanges></m:UpdateFolder>"
    )


def is_address(who: str) -> bool:
    """Whether it can name one person there."""
    return possible(who) and _ADDRESS.fullmatch(who) is not None


def with_rights(may: frozenset[str], rights: Iterable[Right]) -> frozenset[str]:
    """What is allowed, and what these rights need beside it."""
    whole = may.union(*(NEEDS[right] for right in rights))
    return frozenset(each for each in whole if not each.endswith("=Owned") or each.replace("Owned", "All") not in whole)


def held(may: frozenset[str] | None) -> Held:
    """What it amounts to, and Exchange's word for it: a level, or the single rights."""
    if may is None:
        return Held(frozenset(), "")
    rights = frozenset(right for right, needs in NEEDS.items() if needs <= may)
    return Held(rights, _NAMES.get(may) or " ".join(sorted(may, key=lambda each: SINGLE.index(each.partition("=")[0]))))


def meant(word: str) -> frozenset[str] | None:
    """What a word of `held` says; None for that of nobody's."""
    if not word:
        return None
    return LEVELS[word] if word in LEVELS else frozenset(word.split())


def _entry(permission: etree._Element) -> Entry:
    user = permission.find(t("UserId"))
    known = {} if user is None else {etree.QName(each).localname: each.text or "" for each in user}
    kept = next((each for each in ("DistinguishedUser", "PrimarySmtpAddress", "SID") if known.get(each)), None)
    named = f"<t:{kept}>{text(known[kept])}</t:{kept}>" if kept else ""
    address = known["PrimarySmtpAddress"].lower() if kept == "PrimarySmtpAddress" else ""
    said = {name: value for name in SINGLE if (value := permission.findtext(t(name))) is not None}
    level = permission.findtext(t("PermissionLevel")) or ""
    return Entry(
        named, address, frozenset(filter(None, map(_single, said.items()))) if said else LEVELS.get(level, _SEE)
    )


def _single(said: tuple[str, str]) -> str:
    name, value = said
    if name in ("EditItems", "DeleteItems", "ReadItems"):
        return f"{name}={value}" if value != "None" else ""
    return name if value in ("true", "1") else ""


def _value(name: str, may: frozenset[str]) -> str:
    if name in ("EditItems", "DeleteItems", "ReadItems"):
        return next((each.partition("=")[2] for each in may if each.startswith(f"{name}=")), "None")
    return "true" if name in may else "false"
