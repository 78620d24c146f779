"""A hidden folder of ours, in which a mail is made complete before it is moved to where people see it.

importMime takes a mail and nothing else: when it was received, its flags and our token are said afterwards. Who is
killed in between leaves a half-made mail here, where nobody sees it and nothing counts it; the next sending deletes it.
"""

from migrator.errors import FolderError, Reason

from .folders import PAGE
from .troubles import Refusal
from .wire import Call, Wire, query

NAME = "migrator-unfinished"


class Hall:
    """The folder, made when it is first needed."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._identity = ""
        self.is_clear = False

    @property
    def identity(self) -> str:
        """Raises Refusal, FolderError, Outage."""
        if not self._identity:
            self._identity = self._found() or self._made()
        return self._identity

    def clear(self) -> None:
        """Delete what a sending that broke off has left: nobody but us has mails here (laws.md §1.1)."""
        if self.is_clear:
            return
        path = query(f"mailFolders/{self.identity}/messages", top=PAGE, select="id")
        while left := next(self._wire.pages(path))["value"]:
            for answer in self._wire.each([Call("DELETE", f"messages/{each['id']}") for each in left], in_order=True):
                if not answer.ok:
                    raise answer.refusal
        self.is_clear = True

    def _found(self) -> str:
        path = query("mailFolders", top=PAGE, select="id,displayName,isHidden")
        for page in self._wire.pages(path + "&includeHiddenFolders=true"):
            for each in page["value"]:
                if each.get("displayName") == NAME:
                    if not each.get("isHidden"):
                        raise FolderError(Reason("graph.hall-taken", place=NAME))
                    return str(each["id"])
        return ""

    def _made(self) -> str:
        try:
            made = self._wire.one(Call("POST", "mailFolders", {"displayName": NAME, "isHidden": True}))
        except Refusal as refusal:
            if refusal.code == "ErrorFolderExists":
                raise FolderError(Reason("graph.hall-taken", place=NAME)) from refusal
            raise
        return str(made["id"])
