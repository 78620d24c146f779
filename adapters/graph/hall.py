"""A hidden folder of ours, in which a mail is made complete before it is moved to where people see it.

importMime takes a mail and nothing else: when it was received, its flags and our token are said afterwards. Who is
killed in between leaves a half-made mail here, where nobody sees it and nothing counts it. It is deleted when places
are prepared, before anything is sent: then no lane has a mail here.
"""

from collections.abc import Sequence

from migrator.errors import AccountError, Reason

from .folders import PAGE
from .troubles import GONE, Refusal
from .wire import Call, Wire, query

NAME = "migrator-unfinished"


class Hall:
    """The folder, made when it is first needed."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._identity = ""
        self._is_clear = False

    @property
    def identity(self) -> str:
        """Raises Refusal, AccountError, Outage."""
        if not self._identity:
            self._identity = self._found() or self._made()
        return self._identity

    def clear(self) -> None:
        """Delete what a sending that broke off has left: nobody but us has mails here (laws.md §1.1)."""
        if self._is_clear:
            return
        self._identity = self._identity or self._found()
        if self._identity:
            self._empty()
        self._is_clear = True

    def _empty(self) -> None:
        pages = self._wire.pages(query(f"mailFolders/{self._identity}/messages", top=PAGE, select="id"))
        self.delete([str(each["id"]) for page in pages for each in page["value"]])

    def delete(self, identities: Sequence[str]) -> None:
        """Raises Refusal."""
        for answer in self._wire.each([Call("DELETE", f"messages/{each}") for each in identities]):
            if not answer.ok and answer.status != GONE:
                raise answer.refusal

    def broken(self) -> None:
        """A sending has broken off."""
        self._is_clear = False

    def _found(self) -> str:
        path = query("mailFolders", top=PAGE, select="id,displayName,isHidden")
        for page in self._wire.pages(path + "&includeHiddenFolders=true"):
            for each in page["value"]:
                if each.get("displayName") == NAME:
                    if not each.get("isHidden"):
                        raise AccountError(Reason("graph.hall-taken", place=NAME))
                    return str(each["id"])
        return ""

    def _made(self) -> str:
        try:
            made = self._wire.one(Call("POST", "mailFolders", {"displayName": NAME, "isHidden": True}))
        except Refusal as refusal:
            if refusal.code == "ErrorFolderExists" and (found := self._found()):  # another lane was faster
                return found
            raise
        return str(made["id"])
