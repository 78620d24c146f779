"""What no migration can set in Exchange from outside, as a script for its administrator. Never run against Microsoft.

Sources: learn.microsoft.com, "Create shared mailboxes in Exchange Server", "Add-MailboxPermission",
"Add-RecipientPermission" (Exchange Online), "Add-ADPermission" (Exchange Server), "Place a mailbox on retention hold".
"""

from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files

from migrator.ports import Wanted
from migrator.text import powershell, shown


def script(wanted: Sequence[Wanted]) -> str:
    """The script for these mailboxes; save it as UTF-8 with a byte order mark, or Windows PowerShell misreads it."""
    top = files("adapters").joinpath("mailboxes.ps1").read_text("utf-8")
    return top + "".join(f"{line}\n" for line in _lines(wanted))


def _lines(wanted: Sequence[Wanted]) -> Iterator[str]:
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


def _part(number: str, calls: Iterable[str]) -> Iterator[str]:
    yield from ("", f"# {number}.", *calls)


def _call(name: str, *words: str) -> str:
    return " ".join((name, *(powershell(shown(word)) for word in words)))
