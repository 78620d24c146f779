"""Exchange Online by IMAP: the only way in that is not beta and not about to be closed. Never tried against Microsoft.

Sources: learn.microsoft.com, "Authenticate an IMAP, POP or SMTP connection using OAuth" (XOAUTH2 alone; the mailbox in
`user`, a shared one too; app-only needs IMAP.AccessAsApp, New-ServicePrincipal and Add-MailboxPermission) and "Exchange
Online limits" (a folder's mails; what is sent by SMTP, may be limited further).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from migrator.errors import Reason
from migrator.ports import Way

HOST = "outlook.office365.com"

PRESET: Mapping[str, Any] = {
    "host": HOST,
    "security": "tls",
    "auth": "xoauth2",
    "user": "{address}",
}
"""What `preset = "exchange-online"` fills in where the section says nothing."""

WAY = Way(name="IMAP, XOAUTH2")


def advice() -> Iterator[Reason]:
    """What it does to old mail by itself, and what is not known of it."""
    yield Reason("exchange-online.retention")
    yield Reason("exchange-online.size")
    yield Reason("exchange-online.throttled")
