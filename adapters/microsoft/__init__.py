"""What every way into Exchange shares. Never run against Microsoft.

letters   a parcel made ready, and which flags a mail can carry there; words are the values of its properties
folders   the tree of folders, their names and roles
refusals  what is about a mail and what about the store

Here: which hosts are Microsoft's cloud, how much a folder holds there, and for its administrator a script of what no
migration can set from outside.

Sources: learn.microsoft.com, "Create shared mailboxes in Exchange Server", "Add-MailboxPermission",
"Add-RecipientPermission" (Exchange Online), "Add-ADPermission" (Exchange Server), "Place a mailbox on retention hold",
"Create a public folder mailbox", "New-PublicFolder", "Add-PublicFolderClientPermission".
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.resources import files

from migrator.ports import Wanted
from migrator.text import powershell, shown

CLOUDS = ("office365.com", "office.com", "outlook.com", "office365.us", "outlook.cn", "office.de")
"""Domains of Exchange Online, sovereign clouds among them."""

PLACE_ITEMS = 1_000_000
"""Mails in one folder of Exchange Online, beyond which nothing more is saved there ("Exchange Online limits")."""


def is_online(host: str) -> bool:
    """Whether a host is one of Microsoft's, in any of its clouds."""
    name = host.lower().rstrip(".")
    return any(name == cloud or name.endswith("." + cloud) for cloud in CLOUDS)


def script(wanted: Sequence[Wanted], public: Mapping[str, str] | None = None) -> str:
    """The script for these mailboxes, and for the public folders that are to hold the inboxes of some owners.

    Save it as UTF-8 with a byte order mark, or Windows PowerShell misreads it.
    """
    top = files("adapters").joinpath("mailboxes.ps1").read_text("utf-8")
    return top + "".join(f"{line}\n" for line in _lines(wanted, public or {}))


def _lines(wanted: Sequence[Wanted], public: Mapping[str, str]) -> Iterator[str]:
    shared = [each for each in wanted if each.shared]
    yield from _part("1", (_call("Set-Shared", each.owner, each.name) for each in shared))
    yield from _part("2", (_call("Set-Whole", each.owner, who) for each in shared for who in each.whole))
    yield from _part(
        "3",
        (
            _call("Set-SendAs", each.owner, who) + (f"  # until / 期限 {until.isoformat()}" if until else "")
            for each in shared
            for who, until in each.send_as
        ),
    )
    yield from _part("4", (_call("Set-Hold", each.owner) for each in wanted))
    yield from _part("5", (_call("Set-Public", root, owner) for owner, root in public.items()))


def _part(number: str, calls: Iterable[str]) -> Iterator[str]:
    yield from ("", f"# {number}.", *calls)


def _call(name: str, *words: str) -> str:
    return " ".join((name, *(powershell(shown(word)) for word in words)))
