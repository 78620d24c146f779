"""How Graph lists a mailbox's folders, and makes one."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from typing_extensions import override

from adapters.microsoft.folders import MAIL, ROLES, TOP, Entry, Row, StoreTree, placed
from migrator.model import Path

from .troubles import GONE, Refusal
from .wire import Call, Wire, query

RESERVED = ("outbox", "scheduled", "syncissues", "conflicts", "localfailures", "serverfailures", "searchfolders")
"""Folders for other things (well-known names of "mailFolder resource type"). What lies in the outbox may be sent."""

PAGE = 500
SHAPE: Final[Mapping[str, str | int]] = {"select": "id,displayName,parentFolderId,childFolderCount", "top": PAGE}


class GraphTree(StoreTree):
    """One mailbox's folders over Graph; hidden ones, ours among them, are not listed."""

    def __init__(self, wire: Wire, owner: str) -> None:
        super().__init__()
        self._wire = wire
        self._owner = owner

    @override
    def _created(self, path: Path, above: str) -> str | None:
        try:
            made = self._wire.one(Call("POST", f"mailFolders/{above}/childFolders", {"displayName": path[-1]}))
        except Refusal as refusal:
            if refusal.code != "ErrorFolderExists":
                raise refusal.meaning(self._owner, "/".join(path)) from refusal
            return None
        return str(made["id"])

    @override
    def _listed(self) -> dict[Path, Entry]:
        try:
            uses = self._uses()
            return placed(uses, self._below(self._top))
        except Refusal as refusal:
            raise refusal.meaning(self._owner) from refusal

    def _uses(self) -> dict[str, str]:
        """The well-known folders' uses, by id."""
        asked = (TOP, *ROLES, *RESERVED)
        answers = self._wire.each([Call("GET", query(f"mailFolders/{use}", select="id")) for use in asked])
        found: dict[str, str] = {}
        for use, answer in zip(asked, answers, strict=True):
            if answer.ok:
                found[str(answer.body["id"])] = use
            elif use in (TOP, "inbox") or answer.status != GONE:
                raise answer.refusal
        self._top = next(identity for identity, use in found.items() if use == TOP)
        return found

    def _below(self, top: str) -> list[Row]:
        """Level by level."""
        found: list[Row] = []
        above = [top]
        while above:
            rows = [row for each in self._children(above) for row in each]
            found += [_row(each) for each in rows]
            above = [str(each["id"]) for each in rows if each.get("childFolderCount")]
        return found

    def _children(self, parents: Sequence[str]) -> Iterator[list[dict[str, Any]]]:
        paths = [query(f"mailFolders/{each}/childFolders", **SHAPE) for each in parents]
        for path, answer in zip(paths, self._wire.each([Call("GET", path) for path in paths]), strict=True):
            if not answer.ok:
                if answer.status != GONE:
                    raise answer.refusal
            elif "@odata.nextLink" in answer.body:
                yield [each for page in self._wire.pages(path) for each in page["value"]]
            else:
                yield answer.body["value"]


def _row(folder: Mapping[str, Any]) -> Row:
    is_search = "mailSearchFolder" in str(folder.get("@odata.type", ""))
    kind = "mailSearchFolder" if is_search else MAIL
    return Row(str(folder["id"]), str(folder.get("parentFolderId", "")), str(folder.get("displayName", "")), kind)
