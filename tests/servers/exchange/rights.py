"""Who may do what in a folder: levels of permission and the rights they stand for.

[reference] permissionlevel
"""

from dataclasses import dataclass
from typing import Literal

from tests.servers.exchange.xml import TYPES, Element, t, truth

Reach = Literal["None", "Owned", "All"]


@dataclass(frozen=True)
class Rights:
    """The single rights of a user in a folder."""

    create: bool = False
    subfolders: bool = False
    owner: bool = False
    visible: bool = False
    contact: bool = False
    edit: Reach = "None"
    delete: Reach = "None"
    read: bool = False


LEVELS = {
    "None": Rights(),
    "Owner": Rights(True, True, True, True, True, "All", "All", True),
    "PublishingEditor": Rights(True, True, False, True, False, "All", "All", True),
    "Editor": Rights(True, False, False, True, False, "All", "All", True),
    "PublishingAuthor": Rights(True, True, False, True, False, "Owned", "Owned", True),
    "Author": Rights(True, False, False, True, False, "Owned", "Owned", True),
    "NoneditingAuthor": Rights(True, False, False, True, False, "None", "Owned", True),
    "Reviewer": Rights(visible=True, read=True),
    "Contributor": Rights(create=True, visible=True),
}
SINGLE = {
    "CanCreateItems": "create",
    "CanCreateSubFolders": "subfolders",
    "IsFolderOwner": "owner",
    "IsFolderVisible": "visible",
    "IsFolderContact": "contact",
    "EditItems": "edit",
    "DeleteItems": "delete",
    "ReadItems": "read",
}
"""The elements of a permission and what they are here, in the schema's order."""

ALL = LEVELS["Owner"]


def granted(permission: Element) -> tuple[str, Rights]:
    """User and rights of a Permission element; ValueError where a level is mixed with single rights, which "can't" be.

    [services] how-to-set-folder-permissions-for-another-user-by-using-ews-in-exchange
    """
    level = permission.findtext(f"{TYPES}PermissionLevel") or permission.findtext(f"{TYPES}CalendarPermissionLevel")
    single = {name: value for name in SINGLE if (value := permission.findtext(f"{TYPES}{name}")) is not None}
    if (level == "Custom") != bool(single):
        raise ValueError(f"level {level} with {len(single)} single rights")
    if level != "Custom":
        return user_of(permission), LEVELS[str(level)]
    return user_of(permission), Rights(**{SINGLE[name]: _right(name, value) for name, value in single.items()})


def user_of(holder: Element) -> str:
    """Whom a UserId means: an address in lower case, "Default" or "Anonymous"."""
    user = holder.find(f"{TYPES}UserId")
    assert user is not None
    return user.findtext(f"{TYPES}DistinguishedUser") or str(user.findtext(f"{TYPES}PrimarySmtpAddress")).lower()


def user_id(user: str) -> Element:
    if user in ("Default", "Anonymous"):
        return t("UserId", t("DistinguishedUser", user))
    return t("UserId", t("PrimarySmtpAddress", user), t("DisplayName", user.partition("@")[0]))


def permission(user: str, rights: Rights, kind: str = "Permission") -> Element:
    """As a server shows it: level and single rights side by side."""
    level = next((name for name, meant in LEVELS.items() if meant == rights), "Custom")
    shown = {
        name: ("FullDetails" if rights.read else "None") if name == "ReadItems" else getattr(rights, ours)
        for name, ours in SINGLE.items()
    }
    return t(kind, user_id(user), *(t(name, value) for name, value in shown.items()), t(f"{kind}Level", level))


def _right(name: str, value: str) -> bool | str:
    if name == "ReadItems":
        return value == "FullDetails"
    return value if name in ("EditItems", "DeleteItems") else truth(value)
