"""What a response code means to the engine.

https://learn.microsoft.com/exchange/client-developer/web-service-reference/responsecode. A code is told, the server's
sentence is not: it may quote what it was asked.
"""

from typing_extensions import override

from adapters.microsoft.refusals import Refusal as StoreRefusal
from migrator.errors import AccountError, FolderError, MigratorError, Outage, Reason

BUSY = frozenset({"ErrorServerBusy", "ErrorBatchProcessingStopped", "ErrorExceededConnectionCount"})
"""The server says itself that it has not done it, and would rather have less to do."""

NOT_NOW = BUSY | {
    "ErrorADOperation",
    "ErrorADUnavailable",
    "ErrorConnectionFailed",
    "ErrorInsufficientResources",
    "ErrorInternalServerError",
    "ErrorInternalServerTransientError",
    "ErrorMailboxMoveInProgress",
    "ErrorMailboxStoreUnavailable",
    "ErrorTimeoutExpired",
    "ErrorTooManyObjectsOpened",
}

ABOUT_THE_MAILBOX = {
    "ErrorAccessDenied": "exchange.access-denied",
    "ErrorAccountDisabled": "exchange.mailbox-disabled",
    "ErrorImpersonateUserDenied": "exchange.impersonation-denied",
    "ErrorImpersonationDenied": "exchange.impersonation-denied",
    "ErrorImpersonationFailed": "exchange.impersonation-denied",
    "ErrorInvalidSmtpAddress": "exchange.no-mailbox",
    "ErrorMailboxFailover": "exchange.no-mailbox",
    "ErrorMissingEmailAddress": "exchange.no-mailbox",
    "ErrorNonExistentMailbox": "exchange.no-mailbox",
    "ErrorQuotaExceeded": "exchange.over-quota",
}

GONE = frozenset({"ErrorItemNotFound", "ErrorInvalidIdMalformed", "ErrorInvalidId"})
CHANGED = frozenset(
    {"ErrorIrresolvableConflict", "ErrorStaleObject", "ErrorInvalidChangeKey", "ErrorChangeKeyRequired"}
)
NO_FOLDER = frozenset({"ErrorFolderNotFound", "ErrorItemNotFound", "ErrorParentFolderNotFound"})


class Refusal(StoreRefusal):
    """The refusal of a request over EWS, or of one thing in it; `back_off`: seconds to leave the server alone."""

    def __init__(self, code: str, back_off: float | None = None) -> None:
        super().__init__(code)
        self.back_off = back_off

    @property
    @override
    def no_folder(self) -> bool:
        return self.code == "ErrorFolderNotFound"

    @override
    def meaning(self, mailbox: str, place: str = "") -> MigratorError:
        if self.code in NOT_NOW:
            return Outage(Reason("exchange.not-now", answer=self.code), retry_after=self.back_off)
        if self.code in ABOUT_THE_MAILBOX:
            if place and self.code == "ErrorAccessDenied":
                return FolderError(Reason("exchange.place-refused", place=place, answer=self.code))
            return AccountError(Reason(ABOUT_THE_MAILBOX[self.code], mailbox=mailbox))
        if self.code in NO_FOLDER and place:
            return FolderError(Reason("exchange.no-such-place", place=place))
        if place:
            return FolderError(Reason("exchange.place-refused", place=place, answer=self.code))
        return AccountError(Reason("exchange.refused", mailbox=mailbox, answer=self.code))
