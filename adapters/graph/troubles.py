"""What a refusal means to the engine.

https://learn.microsoft.com/graph/errors, and the response codes of Exchange (adapters.microsoft.refusals). A code is
told, the server's sentence is not: it may quote what it was asked.
"""

from typing_extensions import override

from adapters.microsoft.refusals import Refusal as StoreRefusal
from migrator.errors import AccountError, FolderError, MigratorError, Reason

NO_MAILBOX = ("ErrorInvalidUser", "ErrorNonExistentMailbox", "Request_ResourceNotFound", "ResourceNotFound")

ELSEWHERE = ("MailboxNotEnabledForRESTAPI", "MailboxNotSupportedForRESTAPI", "MailboxNotHostedInExchangeOnline")
"""There is such a user, but no mailbox in Exchange Online: no licence, or still on-premises."""

NO_FOLDER = ("ErrorFolderNotFound", "ErrorItemNotFound", "ErrorParentFolderNotFound", "ErrorInvalidIdMalformed")

CHANGED = 412
GONE = 404
FORBIDDEN = 403
TOO_LARGE = 413
FULL = 507


class Refusal(StoreRefusal):
    """Graph's refusal of one request."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code or f"HTTP {status}")
        self.status = status

    @property
    @override
    def no_folder(self) -> bool:
        return self.status == GONE and self.code in NO_FOLDER

    @override
    def meaning(self, mailbox: str, place: str = "") -> MigratorError:
        if self.code in NO_MAILBOX:
            return AccountError(Reason("graph.no-mailbox", mailbox=mailbox))
        if self.code in ELSEWHERE:
            return AccountError(Reason("graph.not-online", mailbox=mailbox))
        if self.status == FULL or self.code == "ErrorQuotaExceeded":
            return AccountError(Reason("exchange.over-quota", mailbox=mailbox))
        if self.status == FORBIDDEN and not place:
            return AccountError(Reason("graph.access-denied", mailbox=mailbox))
        if self.no_folder and place:
            return FolderError(Reason("exchange.no-such-place", place=place))
        if place:
            return FolderError(Reason("exchange.place-refused", place=place, answer=self.code))
        return AccountError(Reason("graph.refused", mailbox=mailbox, answer=self.code))
