"""From what was found to a draft: tables get the columns that are asked for, and names for them."""

from typing import Any

from adapters.groupware.probe.columns import Dated
from adapters.groupware.probe.composition import composition
from adapters.groupware.probe.draft import Column, Draft, Meant, MessagesDraft, TableDraft, of_marks, of_table
from adapters.groupware.probe.families import Table
from adapters.groupware.probe.proposal import Found, Listing, Part, Step
from adapters.groupware.rows.fixed import Fixed

USERS, FOLDERS, BETWEEN = "users", "folders", "owners"


def draft(found: Found) -> Draft | None:
    """The mapping; None where a table of accounts or of folders is missing."""
    if found.users is None or found.folders is None or not found.listings:
        return None
    return Drafting(found, found.users, found.folders).whole()


class Drafting:
    """One draft in the making."""

    def __init__(self, found: Found, users: Table, folders: Table) -> None:
        self._found, self._users, self._folders = found, users, folders
        self._names = {id(users): USERS, id(folders): FOLDERS}
        for number, each in enumerate(found.listings, 1):
            self._names[id(each.table)] = "index" if number == 1 else f"index{number}"
        self._tables = {name: TableDraft({}) for name in self._names.values()}
        self._called = dict[tuple[str, int], str]()
        self._draft = Draft((USERS, ""), {"table": FOLDERS}, self._tables)

    def whole(self) -> Draft:
        found = self._found
        self._accounts()
        self._put_folders()
        for each in found.listings:
            self._listing(each)
        for table in (self._users, self._folders, *(each.table for each in found.listings)):
            drafted = self._tables[self._names[id(table)]]
            drafted.rows = self._rows(table)
            if table.only is not None:
                place, values = table.only
                drafted.only = {self.column(table, place, "only"): sorted(values)}
        self._draft.used = [path for table in found.used_tables() for path in table.files]
        return self._draft

    def beside(self, table: Table, name: str) -> str:
        """Put a table there that rows of mails lead to; its name."""
        number = sum(each.startswith(name) for each in self._tables)
        self._names[id(table)] = name = f"{name}{number + 1 if number else ''}"
        drafted = self._tables[name] = TableDraft(self._rows(table))
        if table.only is not None:
            place, values = table.only
            drafted.only = {self.column(table, place, "only"): sorted(values)}
        return name

    def drafted(self, table: Table) -> TableDraft:
        """What is drafted of a table."""
        return self._tables[self._names[id(table)]]

    def column(self, table: Table, place: int, name: str = "", **more: Any) -> str:
        """What a column is called in the mapping; it is put there where it was not."""
        owner = self._names[id(table)]
        if (owner, place) not in self._called:
            name = name or f"column{place + 1}"
            self._called[owner, place] = name
            self._tables[owner].columns[name] = Column(table.columns[place], **more)
        return self._called[owner, place]

    # -- accounts and folders --------------------------------------------------------------------------------------

    def _accounts(self) -> None:
        found, users = self._found, self._users
        login, key = found.login, self._user_key()
        if key != login.place:
            self.column(users, key, "id")
        name = self.column(users, login.place, "login", sure=login.share, samples=login.samples)
        self._draft.accounts = USERS, name
        self._tables[USERS].key = [self.column(users, key)]

    def _user_key(self) -> int:
        """What the rows of mails lead to, else what numbers the accounts, else their names."""
        found = self._found
        if found.user_id is not None:
            return found.user_id
        if found.home is not None and found.home != found.login.place:
            return found.home
        return next(iter(self._users.numbers()), found.login.place)

    def _put_folders(self) -> None:
        found, table, draft = self._found, self._folders, self._tables[FOLDERS]
        link = found.listings[0].folder
        cells = tuple(table.cells(found.folder_id)[:5])
        own = self.column(table, found.folder_id, "id", sure=None if link is None else link.share, samples=cells)
        draft.key = [own]
        if found.whose.column is not None:
            leads = self.column(table, found.whose.column, "user" if found.whose.via is None else "owner")
            draft.joins = [self._owners(leads)]
            if not table.is_key(found.folder_id):
                draft.key = [leads, own]
        folders = self._draft.folders
        if found.parent is not None:
            folders["parent"] = self.column(table, found.parent, "parent")
        name = self.column(table, found.name, "name", samples=tuple(table.cells(found.name)[:5]))
        folders |= {"path" if found.is_path else "name": name, "id": own}
        if found.role is not None:
            folders["role"] = self._role(table, found.role)

    def _owners(self, leads: str) -> dict[str, Any]:
        """The join from a folder to its account, or to the table between the two."""
        found, via = self._found, self._found.whose.via
        if via is None:
            return {"table": USERS, "on": {leads: self.column(self._users, self._user_key())}}
        self._names[id(via)] = BETWEEN
        self._tables[BETWEEN] = TableDraft(self._rows(via))
        key = self.column(via, found.whose.via_key, "id")
        user = self.column(via, found.whose.via_column, "user")
        self._tables[BETWEEN].key = [key]
        self._tables[BETWEEN].joins = [{"table": USERS, "on": {user: self.column(self._users, self._user_key())}}]
        return {"table": BETWEEN, "on": {leads: key}}

    def _role(self, table: Table, place: int) -> str:
        found = self._found
        codes = {
            code: Meant(str(found.roles[code]), 0.9, (sample,))
            if code in found.roles
            else Meant(None, samples=(sample,))
            for code, sample in sorted(found.codes.items())
        }
        return self.column(table, place, "kind", read={"kind": "code"}, codes=codes)

    # -- tables of mails -------------------------------------------------------------------------------------------

    def _listing(self, listing: Listing) -> None:
        table, draft = listing.table, self._tables[self._names[id(listing.table)]]
        draft.key = [self._key(listing)]
        on = {}
        if listing.owner is not None:
            user = self.column(table, listing.owner.place, "user", sure=listing.owner.share)
            draft.joins.append({"table": USERS, "on": {user: self.column(self._users, self._user_key())}})
            if len(self._tables[FOLDERS].key) > 1:
                on[user] = self._tables[FOLDERS].key[0]
        if listing.folder is not None:
            folder = self.column(table, listing.folder.place, "folder", sure=listing.folder.share)
            on[folder] = self._tables[FOLDERS].key[-1]
            draft.joins.append({"table": FOLDERS, "on": on})
        container = self._container(listing)
        shares = [step.share for part in listing.parts for step in part.steps.values()]
        samples = tuple(sample for part in listing.parts for sample in part.samples)[:5]
        sure = min([*shares, *(part.share for part in listing.parts)], default=0.0)
        self._draft.messages.append(
            MessagesDraft(
                self._names[id(table)],
                container,
                sure,
                samples,
                self._marks(listing),
                self._received(listing),
                listing.loose,
            )
        )

    def _container(self, listing: Listing) -> dict[str, Any]:
        if listing.composed is not None:
            return composition(self, listing, listing.composed)
        parts = [self._part(listing, part) for part in listing.parts]
        return parts[0] if len(parts) == 1 else {"type": "split" if listing.split else "either", "parts": parts}

    def _key(self, listing: Listing) -> str:
        table = listing.table
        if listing.composed is not None:
            return self.column(table, listing.composed.key, "id")
        part = listing.parts[0]
        taken, named = listing.taken(), {place for each in listing.parts for place in each.columns()}
        numbers = table.numbers()
        free = [place for place in numbers if place not in taken]
        if places := free or [place for place in numbers if place in named and part.type != "range"]:
            return self.column(table, places[0], "number")
        step = part.member or part.steps.get(len(part.pattern) - 1)
        return self.column(table, 0 if step is None else step.place, "file")

    def _received(self, listing: Listing) -> str | None:
        return None if listing.received is None else self.dated(listing, listing.received[0], "received")

    def dated(self, listing: Listing, place: int, name: str) -> str:
        date = listing.dates[place]
        told = [match for match in listing.matched if match.letter is not None][:5]
        samples = tuple(match.row.cells[place] + (f" ({match.file})" if match.file else "") for match in told)
        remark = f"equals the Date header in {date.agreeing} of {date.of} samples"
        return self.column(
            listing.table, place, name, read=_read(date), sure=date.share, samples=samples, remark=remark
        )

    def _marks(self, listing: Listing) -> list[str]:
        columns, names = self._tables[self._names[id(listing.table)]].columns, list[str]()
        for number, (place, marks) in enumerate(listing.flags):
            name = self.column(listing.table, place, f"marks{number + 1 if number else ''}")
            columns[name] = of_marks(listing.table.columns[place], marks, len(listing.matched))
            if (
                self._folders.only is not None and marks.written == "code"
            ):  # its cells are read before its rows are told
                strange = {row.cells[place] for row in self._folders.rows} - {*columns[name].codes}
                columns[name].codes |= {code: Meant("", 0.9) for code in strange}
            names.append(name)
        return names

    # -- where the mails lie ---------------------------------------------------------------------------------------

    def _part(self, listing: Listing, part: Part) -> dict[str, Any]:
        found: dict[str, Any] = {"type": part.type}
        if part.pattern:
            found["path"] = self._path(listing, part)
        if part.packed:
            found["packed"] = True
        if part.type == "cell":
            found["column"] = self._read_as(listing, part.column, "mail", "bytes", part.written)
        if part.type == "zip" and part.member is not None:
            found["member"] = self._step(listing, part.member, "file")
        if part.type in ("range", "mbox"):
            place = "at" if part is listing.parts[0] else "body"
            found["at"] = self._read_as(listing, part.column, place, "number", "digits")
        if part.type == "range":
            if part.size is not None:
                found["size"] = self._read_as(listing, part.size, "size", "number", "digits")
            else:
                found |= {"counted": part.counted} | ({"magic": part.magic} if part.magic else {})
        return found

    def _read_as(self, listing: Listing, place: int | None, name: str, kind: str, written: str) -> str:
        assert place is not None
        read = {"kind": kind} | ({"written": written} if written not in ("raw", "digits") else {})
        return self.column(listing.table, place, name, read=read)

    def _path(self, listing: Listing, part: Part) -> str:
        steps = []
        for at, common in enumerate(part.pattern):
            step = part.steps.get(at)
            if step is not None:
                steps.append(
                    self._step(listing, step, "file" if part.type == "file" and at == len(part.pattern) - 1 else "")
                )
            else:
                steps.append("UNKNOWN" if common is None else common)
        return "/".join(steps)

    def _step(self, listing: Listing, step: Step, name: str) -> str:
        table = {USERS: self._users, FOLDERS: self._folders}.get(step.table, listing.table)
        column = self.column(table, step.place, "" if step.table else name)
        if step.codes:
            drafted = self._tables[self._names[id(table)]].columns[column]
            drafted.read = {"kind": "code"}
            drafted.codes = {code: Meant(meant, step.share) for code, meant in sorted(step.codes.items())}
        return (
            f"{step.before}{{{step.table}.{column}}}{step.behind}"
            if step.table
            else (f"{step.before}{{{column}}}{step.behind}")
        )

    # -- rows ------------------------------------------------------------------------------------------------------

    def _rows(self, table: Table) -> dict[str, Any]:
        """Where a table's rows come from."""
        rows = of_table(table)
        if None in table.steps:
            rows |= {"each": USERS, "path": self._each_path(table)}
        if isinstance(table.form, Fixed):
            rows["fields"] = self._fields(table, table.form)
        return rows

    def _fields(self, table: Table, form: Fixed) -> dict[str, Any]:
        """The fields that are columns, by the columns' names."""
        owner, fields = self._names[id(table)], [*form.fields.items()]
        named = {name: fields[place][1] for (whose, place), name in self._called.items() if whose == owner}
        for name in named:
            self._tables[owner].columns[name].column = name
        ordered = sorted(named.items(), key=lambda each: each[1].at)
        return {name: field.model_dump(exclude_defaults=True) for name, field in ordered}

    def _each_path(self, table: Table) -> str:
        """One file for each account: what differs in its path is the account's name, with what stands around it."""
        found = self._found
        home = found.login.place if found.home is None else found.home
        column = self.column(self._users, home)
        names = sorted({*self._users.cells(home)} - {""}, key=len, reverse=True)
        steps = []
        for at, step in enumerate(table.steps):
            if step is None:
                first = table.files[0].split("/")[at]
                name = next((each for each in names if each in first), first)
                before, _, behind = first.partition(name)
                step = f"{before}{{{USERS}.{column}}}{behind}"
            steps.append(step)
        return "/".join(steps)


def _read(date: Dated) -> dict[str, Any]:
    keys = {"kind", "format"} | ({"pattern"} if date.read.pattern else set())
    keys |= {"zone"} if date.read.format in ("strptime", "wareki") else set()
    dumped = date.read.model_dump(include=keys)
    return {key: dumped[key] for key in ("kind", "format", "pattern", "zone") if key in dumped}
