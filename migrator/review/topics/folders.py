"""Folders -> places: what each folder will be called, and where two become one."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial

from migrator.errors import Reason
from migrator.locale import _
from migrator.model import Folder, Path, Place
from migrator.ports import Limits
from migrator.review.desk import Desk
from migrator.review.topic import RIGHT, WRONG, Row, Topic
from migrator.staging.books import row_id, rulings_book
from migrator.staging.glances import folders
from migrator.text import shown

USUAL = Limits(name_bytes=255, forbidden=frozenset("/"), case_sensitive=False)
"""What most servers can hold, for no server is asked here; `load --dry-run` asks the one it is about."""


@dataclass
class _Folders:
    """All folders of one name that go to places of one name."""

    accounts: set[str] = field(default_factory=set)
    mails: int = 0
    size: int = 0
    met: set[Path] = field(default_factory=set)
    """Other folders of the same mailbox that go to the same place."""
    renamed: bool = False
    """The place could not have the name that was wanted."""


def _rows(desk: Desk) -> Iterator[Row]:
    found: defaultdict[tuple[Path, Path], _Folders] = defaultdict(_Folders)
    held = {each.folder: each for each in folders(desk.staging)}
    for folder, place, met, renamed in _placed(desk, held):
        its = found[folder.path, place.path]
        its.accounts.add(folder.account.name)
        its.mails += held[folder].mails
        its.size += held[folder].size
        its.met |= met
        its.renamed |= renamed
    for (path, to), its in sorted(found.items(), key=lambda each: (not each[1].met, -len(each[1].accounts), each[0])):
        yield Row(
            id=row_id("f", *path, "\0", *to),
            subject=row_id("f", *path, "\0", *to),
            title=" / ".join(path) or "–",
            notes=() if path else (Reason("review.no-folder"),),
            proposal="/".join(to),
            setting="/".join(path),
            accepts="right",
            numbers=(its.mails, round(its.size / 10**6, 1), len(its.accounts)),
            warnings=tuple(_warnings(its)),
            accounts=frozenset(its.accounts),
        )


def _placed(desk: Desk, held: Iterable[Folder]) -> Iterator[tuple[Folder, Place, set[Path], bool]]:
    """Every folder that has a mailbox to go to, its place, the other folders that go to the same one, and whether it
    had to get another name than was wanted."""
    by_owner: defaultdict[str, list[Folder]] = defaultdict(list)
    for folder in held:
        owner = desk.routes.owner(folder.account.name)
        if owner is not None:
            by_owner[owner].append(folder)
    for owner, its in by_owner.items():
        places = desk.routes.places(owner, its, USUAL)
        sharing: defaultdict[Place, set[Path]] = defaultdict(set)
        for folder, place in places.items():
            sharing[place].add(folder.path)
        renamed = desk.routes.renamed(places)
        for folder, place in places.items():
            yield folder, place, sharing[place] - {folder.path}, folder in renamed


def _warnings(its: _Folders) -> Iterator[Reason]:
    if its.met:
        others = sorted(" / ".join(each) or "–" for each in its.met)
        yield Reason("review.same-place", folders=", ".join(others[:5]), many=len(others))
    if its.renamed:
        yield Reason("review.renamed")


def _heard(text: str) -> str | None:
    """A place as [folders] writes it."""
    place = "/".join(filter(None, (part.strip() for part in text.split("/"))))
    return place if place and shown(place) == place else None


FOLDERS = Topic(
    name="folders",
    letters="f",
    title=lambda: _("Folders and their places"),
    question=lambda: _(
        "What will each folder be called on the new server? Folders that meet in one place come first. Where a name is "
        "wrong, say which one is right. As long as the settings of the migration say otherwise, no account with such a "
        "folder is loaded."
    ),
    unit=lambda: _("folder"),
    columns=(lambda: _("mails"), lambda: _("MB"), lambda: _("accounts")),
    words=(RIGHT, WRONG),
    free=lambda: _("another place (with / between a folder and those in it):"),
    hears=_heard,
    table="folders",
    facts=_rows,
    book=partial(rulings_book, topic="folders"),
    binding=True,
    needs=("accounts",),
)
