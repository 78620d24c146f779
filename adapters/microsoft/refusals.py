"""How patient to be with an Exchange store, and when a refusal is about the store and not about the mail."""

from dataclasses import dataclass

from migrator.errors import FolderError, MigratorError, Reason

PATIENCE = 30.0
"""Seconds that a busy server is waited for here; the engine waits longer, and asks for more proof afterwards."""

PAUSE = 1.0
"""Seconds to wait for a server that is busy and does not say how long."""

ENDINGS = 4
"""So often a mail, alone, must have been left unanswered by a server that answered all else, before it is given up."""

ROW = 3
"""So many equal refusals in a row are about the server, not about the mails."""

TOO_LARGE = "ErrorMessageSizeExceeded"

ABOUT_THE_MAIL = {
    "ErrorMimeContentConversionFailed": "exchange.mime-refused",
    "ErrorMimeContentInvalid": "exchange.mime-refused",
    "ErrorMimeContentInvalidBase64String": "exchange.mime-refused",
    TOO_LARGE: "exchange.too-large-there",
    "ErrorContentConversionFailed": "exchange.mime-refused",
    "ErrorCorruptData": "exchange.mail-refused",
    "ErrorItemCorrupt": "exchange.mail-refused",
    "ErrorItemSave": "exchange.mail-refused",
    "ErrorItemSavePropertyError": "exchange.mail-refused",
    "ErrorInvalidExtendedPropertyValue": "exchange.mail-refused",
}
"""Response codes by which it is this mail that cannot be kept."""


@dataclass(slots=True)
class Refusals:
    """How the server has refused so far: one that takes nothing is told from a mail that nobody takes."""

    last: str = ""
    row: int = 0

    def accepted(self) -> None:
        self.row = 0

    def refused(self, code: str, place: str) -> None:
        """Raises FolderError at the third equal one in a row."""
        self.row = self.row + 1 if code == self.last else 1
        self.last = code
        if self.row >= ROW and code != TOO_LARGE:
            self.row = ROW - 1
            raise FolderError(Reason("exchange.refuses-all", place=place, answer=code))


class Refusal(Exception):  # noqa: N818 - an answer, not an error
    """The server's refusal of a request or of one thing in it; every caller makes of it what it means there."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    @property
    def no_folder(self) -> bool:
        """Whether it says that there is no such folder."""
        raise NotImplementedError

    def meaning(self, mailbox: str, place: str = "") -> MigratorError:
        """What it means where the caller knows no better."""
        raise NotImplementedError
