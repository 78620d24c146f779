"""A store without a table of mails: directories are accounts and folders, marks stand in the mails themselves."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from adapters.groupware.probe.columns import ROLES, Marks, marks
from adapters.groupware.probe.contents import Fates
from adapters.groupware.probe.draft import Column, Draft, MessagesDraft, TableDraft, of_marks
from adapters.groupware.probe.families import extension
from adapters.groupware.probe.homes import Home, Homes, homes
from adapters.groupware.probe.letters import Letter
from adapters.groupware.probe.survey import Survey
from adapters.groupware.rows.mails import Mbox, Records
from migrator.model import Role

OFTEN = 0.5
"""The share of mails in which a header field must stand to be the store's own."""

ACCOUNTS, FOLDERS, FILES, MAILS = "accounts", "folders", "files", "mails"


def bare(survey: Survey) -> Draft | None:
    """The mapping of such a store; None where nothing tells whose its mails are."""
    files = [*survey.boxes, *survey.mails]
    found = [each for each in homes(files, survey.letters) if all(all(home.files.values()) for home in each.every)]
    best = max(found, key=lambda each: sum(len(home.files) for home in each.every), default=None)
    return None if best is None else _Bare(survey, best).whole()


class _Bare:
    """One draft in the making."""

    def __init__(self, survey: Survey, found: Homes) -> None:
        self._survey, self._homes = survey, found
        self._rest = [rest for home in found.every for rest in home.files.values()]
        self._head = _common(self._rest)
        self._end = Counter(map(extension, self._rest)).most_common(1)[0][0]
        boxes = [survey.boxes[path].form for home in found.every for path in home.files if path in survey.boxes]
        self._form = boxes[0] if boxes else None
        self._draft = Draft((ACCOUNTS, "account"), {"table": FOLDERS, "path": "folder"})

    def whole(self) -> Draft:
        self._accounts()
        chunks = self._form is None or self._numbered()
        pattern = f"{{folder}}/{{file}}{self._end}" if chunks else f"{{folder}}{self._end}"
        self._draft.tables[FOLDERS] = TableDraft(
            self._names(pattern),
            ["folder"],
            columns={"folder": Column("folder", samples=self._folders(chunks), sure=0.9)},
        )
        if chunks:
            columns = {"folder": Column("folder"), "file": Column("file")}
            join = {"table": FOLDERS, "on": {"folder": "folder"}}
            files = TableDraft(self._names(pattern), ["folder", "file"], [join], columns=columns)
            self._draft.tables[MAILS if self._form is None else FILES] = files
        if self._form is None:
            self._single()
        else:
            self._box(self._form, chunks)
        return self._draft

    # -- names -----------------------------------------------------------------------------------------------------

    def _accounts(self) -> None:
        found = self._homes
        rows = {"type": "names", "pattern": f"{{account}}{found.behind}/{{rest}}", "deep": "rest"}
        if found.head:
            rows = {"type": "names", "path": found.head, **{key: rows[key] for key in ("pattern", "deep")}}
        told = tuple(f"{home.name} ({home.person})" for home in found.every)[:5]
        self._draft.tables[ACCOUNTS] = TableDraft(
            rows, ["account"], columns={"account": Column("account", sure=0.9, samples=told)}
        )

    def _home(self) -> str:
        return "/".join(filter(None, (self._homes.path(f"{ACCOUNTS}.account"), self._head)))

    def _names(self, pattern: str) -> dict[str, Any]:
        return {"type": "names", "path": self._home(), "each": ACCOUNTS, "pattern": pattern, "deep": "folder"}

    def _numbered(self) -> bool:
        """Whether the files of a folder are pieces of it, called by numbers, and not folders themselves."""
        names = [rest.rpartition("/")[2].removesuffix(self._end) for rest in self._rest]
        return all("/" in rest for rest in self._rest) and sum(map(str.isdecimal, names)) >= len(names) * 0.9

    def _folder(self, rest: str, chunks: bool) -> str:
        inner = rest.removeprefix(f"{self._head}/") if self._head else rest
        return inner.rpartition("/")[0] if chunks else inner.removesuffix(self._end)

    def _folders(self, chunks: bool) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self._folder(rest, chunks) for rest in self._rest))[:5]

    # -- mails -----------------------------------------------------------------------------------------------------

    def _single(self) -> None:
        path = f"{self._home()}/{{folder}}/{{file}}{self._end}"
        samples = tuple(path for home in self._homes.every for path in home.files)[:5]
        self._draft.messages = [MessagesDraft(MAILS, {"type": "file", "path": path}, 0.9, samples)]

    def _box(self, form: Mbox | Records, chunks: bool) -> None:
        rows: dict[str, Any] = {"type": form.type}
        rows |= {
            key: value for key, value in form.model_dump(exclude_defaults=True).items() if key not in ("type", "path")
        }
        inner = f"{{{FILES}.folder}}/{{{FILES}.file}}" if chunks else f"{{{FOLDERS}.folder}}"
        rows |= {"path": f"{self._home()}/{inner}{self._end}", "each": FILES if chunks else FOLDERS}
        rows["charset"] = form.charset
        mail = Column("mail", {"kind": "bytes"})
        table = TableDraft(rows, ["digest"], columns={"digest": Column("digest"), "mail": mail})
        self._draft.tables[MAILS] = table
        for number, (field, found, total) in enumerate(self._marks(chunks)):
            table.columns[f"marks{number + 1 if number else ''}"] = of_marks(f"{field}:", found, total)
        marked = [name for name, column in table.columns.items() if column.codes]
        samples = tuple(path for home in self._homes.every for path in home.files)[:5]
        self._draft.messages = [MessagesDraft(MAILS, {"type": "cell", "column": "mail"}, 0.99, samples, marked)]

    def _marks(self, chunks: bool) -> Iterator[tuple[str, Marks, int]]:
        """Header fields that are marks, each with what its marks seem to mean, and the mails that were looked at."""
        own = [(home, each) for home in self._homes.every for each in self._letters(home)]
        fates = Fates([each for _, each in own])
        traits = [
            fates.of(each, _role(self._folder(home.files[each.file], chunks)), {home.person.partition("@")[0]})
            for home, each in own
        ]
        fields = Counter(field for _, each in own for field in each.marks)
        for field in (field for field, count in fields.items() if count >= len(own) * OFTEN):
            found = marks([each.marks.get(field, "") for _, each in own], traits)
            if found is not None and found.meanings:
                yield field, found, len(own)

    def _letters(self, home: Home) -> Iterator[Letter]:
        return (each for (file, _), each in self._survey.letters.items() if file in home.files)


def _role(folder: str) -> Role | None:
    return ROLES.get(folder.rpartition("/")[2].casefold().lstrip("!#._-~ "))


def _common(rests: Sequence[str]) -> str:
    """The directories with which every path begins."""
    steps = [rest.split("/")[:-1] for rest in rests]
    common = list[str]()
    for each in zip(*steps, strict=False):
        if len({*each}) > 1 or not all(len(path) > len(common) + 1 for path in steps):
            break
        common.append(each[0])
    return "/".join(common)
