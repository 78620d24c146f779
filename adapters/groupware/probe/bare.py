"""A store without a table of mails: directories are accounts and folders, marks stand in the mails themselves."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adapters.groupware.probe.accounts import ACCOUNTS, Accounts, accounts
from adapters.groupware.probe.columns import ROLES, Marks, Meaning, marks
from adapters.groupware.probe.contents import INBOX, Fates
from adapters.groupware.probe.directories import drafted, kept
from adapters.groupware.probe.draft import Column, Draft, Meant, MessagesDraft, TableDraft, of_marks
from adapters.groupware.probe.families import Table, extension
from adapters.groupware.probe.homes import Home, Homes, common, homes
from adapters.groupware.probe.keyed import keyed, pair_tables
from adapters.groupware.probe.letters import Letter
from adapters.groupware.probe.survey import Survey
from adapters.groupware.rows.directories import MaildirRows
from adapters.groupware.rows.mails import Mbox, Records
from migrator.model import ANSWERED, DELETED, FLAGGED, SEEN, Flag, Role

OFTEN = 0.5
"""The share of mails in which a header field must stand to be the store's own."""

CONVENTION: Mapping[str, Mapping[str, Flag | str]] = {
    "status": {"R": SEEN, "O": "", "D": DELETED},
    "x-status": {"A": ANSWERED, "F": FLAGGED, "D": DELETED},
}
"""Fields in which programs that keep mail in mboxes mark it, elm, mutt and the c-client among them."""

PAIRED: Mapping[str, Role] = {"in": Role.INBOX, "out": Role.SENT, "trash": Role.TRASH, "junk": Role.JUNK}
"""Names of folders of which the first two are believed only together."""

FOLDERS, FILES, MAILS = "folders", "files", "mails"


def bare(survey: Survey, tables: Sequence[Table]) -> Draft | None:
    """The mapping of such a store; None where nothing tells whose its mails are, or it is one of Maildirs alone."""
    files = [*survey.boxes, *survey.mails]
    found = homes(files, survey.letters)
    deep = [each for each in found if all(all(home.files.values()) for home in each.every)]
    best = max(deep, key=lambda each: sum(len(home.files) for home in each.every), default=None)
    if best is None:
        return None
    people = accounts(best, tables)
    if (rule := kept(survey, best)) is not None:
        # without a table of accounts, an adapter of its own reads Maildirs
        known = people.files or not isinstance(rule.form, MaildirRows)
        return drafted(survey, best, rule, people) if known else None
    flat = [each for each in found if each not in deep and each.names() <= best.names()]
    return _Bare(survey, best, flat, people).whole()


class _Bare:
    """One draft in the making."""

    def __init__(self, survey: Survey, found: Homes, flat: Sequence[Homes], people: Accounts) -> None:
        self._survey, self._homes, self._flat, self._people = survey, found, flat, people
        self._rest = [rest for home in found.every for rest in home.files.values()]
        self._end = Counter(map(extension, self._rest)).most_common(1)[0][0]
        boxes = [survey.boxes[path].form for home in found.every for path in home.files if path in survey.boxes]
        self._form = boxes[0] if boxes else None
        self._chunks = self._form is None or self._numbered()
        self._head = common(self._rest, 1 if self._chunks else 0)
        self._pairs = [*pair_tables(survey)]
        self._draft = Draft((ACCOUNTS, "account"), {"table": FOLDERS, "path": "folder"})
        ends = {extension(step) for rest in self._rest for step in rest.split("/")[:-1]}
        if len(ends) == 1 and (end := ends.pop()):  # directories that are folders are called by an end of their own
            self._draft.folders["separator"] = f"{end}/"

    def whole(self) -> Draft:
        self._draft.tables[ACCOUNTS] = self._people.table
        self._draft.used += self._people.files
        chunks = self._chunks
        pattern = f"{{folder}}/{{file}}{self._end}" if chunks else f"{{folder}}{self._end}"
        self._draft.tables[FOLDERS] = TableDraft(
            self._names(pattern),
            ["folder"],
            columns={"folder": Column("folder", samples=self._folders(), sure=0.9)},
        )
        self._roles()
        if chunks:
            columns = {"folder": Column("folder"), "file": Column("file")}
            join = {"table": FOLDERS, "on": {"folder": "folder"}}
            files = TableDraft(self._names(pattern), ["folder", "file"], [join], columns=columns)
            self._draft.tables[MAILS if self._form is None else FILES] = files
        if self._form is None:
            self._single()
        else:
            self._box(self._form)
        for each in self._flat:
            self._inboxes(each)
        return self._draft

    # -- names -----------------------------------------------------------------------------------------------------

    def _home(self) -> str:
        return "/".join(filter(None, (self._homes.path(f"{ACCOUNTS}.account"), self._head)))

    def _names(self, pattern: str) -> dict[str, Any]:
        return {"type": "names", "path": self._home(), "each": ACCOUNTS, "pattern": pattern, "deep": "folder"}

    def _numbered(self) -> bool:
        """Whether the files of a folder are pieces of it, called by numbers, and not folders themselves."""
        names = [rest.rpartition("/")[2].removesuffix(self._end) for rest in self._rest]
        return all("/" in rest for rest in self._rest) and sum(map(str.isdecimal, names)) >= len(names) * 0.9

    def _folder(self, rest: str) -> str:
        inner = rest.removeprefix(f"{self._head}/") if self._head else rest
        return inner.rpartition("/")[0] if self._chunks else inner.removesuffix(self._end)

    def _folders(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self._folder(rest) for rest in self._rest))[:5]

    def _roles(self) -> None:
        """Folders that are called In and Out, which alone mean nothing."""
        names = sorted({self._folder(rest) for rest in self._rest})
        known = {name: role for name in names if (role := PAIRED.get(name.casefold())) is not None}
        if {Role.INBOX, Role.SENT} <= {*known.values()}:
            codes = {name: Meant(str(role), 0.9) for name, role in known.items()}
            self._draft.tables[FOLDERS].columns["kind"] = Column("folder", {"kind": "code", "others": ""}, codes)
            self._draft.folders["role"] = "kind"

    # -- mails -----------------------------------------------------------------------------------------------------

    def _single(self) -> None:
        path = f"{self._home()}/{{folder}}/{{file}}{self._end}"
        samples = tuple(path for home in self._homes.every for path in home.files)[:5]
        container: dict[str, Any] = {"type": "file", "path": path}
        if any(path in self._survey.packed for home in self._homes.every for path in home.files):
            container["packed"] = True
        self._draft.messages = [MessagesDraft(MAILS, container, 0.9, samples)]

    def _box(self, form: Mbox | Records) -> None:
        each = FILES if self._chunks else FOLDERS
        inner = f"{{{FILES}.folder}}/{{{FILES}.file}}" if self._chunks else f"{{{FOLDERS}.folder}}"
        names = {
            path: (home.name, self._folder(rest)) for home in self._homes.every for path, rest in home.files.items()
        }
        self._mails(MAILS, form, f"{self._home()}/{inner}{self._end}", each, self._homes, names)

    def _inboxes(self, found: Homes) -> None:
        """Files that hold what came for an account, and are in no folder of it."""
        boxes = self._survey.boxes
        forms = [boxes[path].form for home in found.every for path in home.files if path in boxes]
        if forms and (form := forms[0]) is not None:
            names = {path: (home.name, "") for home in found.every for path in home.files}
            self._mails("inbox", form, found.path(f"{ACCOUNTS}.account"), ACCOUNTS, found, names)
            self._draft.messages[-1].folder = INBOX

    def _mails(
        self, name: str, form: Mbox | Records, path: str, each: str, found: Homes, names: dict[str, tuple[str, str]]
    ) -> None:
        """A table of the mails in such files: with the marks in their headers, and a table whose keys are their ids."""
        rows: dict[str, Any] = {"type": form.type}
        rows |= form.model_dump(exclude_defaults=True, exclude={"type", "path"})
        rows |= {"path": path, "each": each, "charset": form.charset}
        columns = {"digest": Column("digest"), "mail": Column("mail", {"kind": "bytes"})}
        table = self._draft.tables[name] = TableDraft(rows, ["digest"], columns=columns)
        letters = [letter for (file, _), letter in self._survey.letters.items() if file in names]
        beside = keyed(self._pairs, letters, names)
        if beside is not None:
            columns["id"] = Column("Message-ID:")
            table.key, table.joins = ["digest", "id"], [{"table": f"{name}_index", "on": {"id": "id"}}]
            self._draft.tables[f"{name}_index"] = beside.draft(ACCOUNTS, FOLDERS, each)
            self._draft.used += beside.table.files
        for number, (field, marks_, total) in enumerate(self._marks(found)):
            columns[f"marks{number + 1 if number else ''}"] = of_marks(f"{field}:", marks_, total)
        marked = [name for name, column in columns.items() if column.codes]
        message = MessagesDraft(name, {"type": "cell", "column": "mail"}, 0.99, tuple(names)[:5], marked)
        if beside is not None and beside.received is not None:
            message.received = f"{name}_index.received"
        self._draft.messages.append(message)

    def _marks(self, found: Homes) -> Iterator[tuple[str, Marks, int]]:
        """Header fields that are marks, each with what its marks seem to mean, and the mails that were looked at."""
        own = [(home, each) for home in found.every for each in self._letters(home)]
        fates = Fates([each for _, each in own])
        traits = [
            fates.of(each, _role(self._folder(home.files[each.file])), {home.person.partition("@")[0]})
            for home, each in own
        ]
        fields = Counter(field for _, each in own for field in each.marks)
        for field, count in fields.items():
            cells = [each.marks.get(field, "") for _, each in own]
            if (known := CONVENTION.get(field.casefold())) is not None:
                yield field, _by_convention(cells, known), len(own)
            elif count >= len(own) * OFTEN and (told := marks(cells, traits)) is not None and told.meanings:
                yield field, told, len(own)

    def _letters(self, home: Home) -> Iterator[Letter]:
        return (each for (file, _), each in self._survey.letters.items() if file in home.files)


def _by_convention(cells: Sequence[str], known: Mapping[str, Flag | str]) -> Marks:
    """Letters that mail programs agree upon; what else stands there is asked."""
    counts = Counter(letter for cell in cells for letter in cell)
    meanings = {letter: Meaning(flag, 0.9) for letter, flag in known.items()}
    return Marks("letters", meanings, Counter({**dict.fromkeys(known, 0), **counts}))


def _role(folder: str) -> Role | None:
    return ROLES.get(folder.rpartition("/")[2].casefold().lstrip("!#._-~ "))
