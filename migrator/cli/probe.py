"""The command for a store that nobody here has seen. It needs no migration folder."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from migrator.cli import console
from migrator.errors import Reason, UsageError
from migrator.locale import _, sentence

if TYPE_CHECKING:
    from migrator.ports import Probed, Tract

family = typer.Typer()

ADAPTER = "groupware"
"""Whose mappings are proposed."""
LINES = 40
"""Lines that the table of directories may have; deeper ones are counted with those above them."""
MANY = 5
"""Directories side by side that are shown as one."""
WIDTH = 80
"""Columns of a terminal."""
NAMED = 20
"""Unknown files that are named."""


@family.command(
    help=_("Look at an unknown store: what every file seems to be, and a proposed mapping. Changes nothing."),
    epilog=_("Example: migrator probe /srv/groupware/data --out mappings/ours.toml"),
)
def probe(
    root: Annotated[Path, typer.Argument(metavar="ROOT", help=_("The directory that holds the old mail."))],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help=_("Write the proposed mapping here; else it is shown."))
    ] = None,
) -> None:
    """The directories, what is unknown, what must be asked, and the mapping."""
    if out is not None:
        _may_be_written(out, root)
    from migrator.registry import adapter

    look = adapter(ADAPTER).probe
    if look is None:
        raise UsageError(Reason("probe.cannot", name=ADAPTER))
    try:
        found = look(root)
    except UsageError as error:
        if error.reason.code == "root.missing":  # its words speak of migration.toml, and there need be none
            raise UsageError(Reason("probe.root-missing", path=str(root))) from error
        raise
    _show(found)
    if not found.mapping:
        return
    if out is None:
        console.say("")
        console.say(_("The proposed mapping:"))
        for line in found.mapping.splitlines():
            console.say("{line}", line=line)
    else:
        _write(out, found.mapping)
        console.tell(
            _("The proposed mapping is in {path}. It only proposes: answer the questions before you use it."),
            path=str(out),
        )


def _show(found: "Probed") -> None:
    kinds = _kinds()
    console.table(
        (_("directory"), _("kind"), _("files"), _("bytes"), _("explained")),
        (
            (directory or ".", kinds.get(kind, kind), files, size, f"{_percent(explained, size)} %")
            for directory, kind, files, size, explained in _folded(found.tracts)
        ),
    )
    size = sum(each.size for each in found.tracts)
    console.say("")
    console.say(
        _("{percent} % of {bytes} bytes in {n} files are explained."),
        percent=_percent(sum(each.explained for each in found.tracts), size),
        bytes=f"{size:,}",
        n=sum(each.files for each in found.tracts),
    )
    if found.unknown:
        console.say("")
        console.say(_("Unknown, {n} files:"), n=len(found.unknown))
        for path in found.unknown[:NAMED]:
            console.say("  {path}", path=path)
        if len(found.unknown) > NAMED:
            console.say("  " + _("… and {n} more"), n=len(found.unknown) - NAMED)
    if found.questions:
        console.say("")
        console.say(_("Questions that only a person can answer:"))
        for number, question in enumerate(found.questions, start=1):
            for line in _wrapped(f"{number}. {sentence(question)}", 3):
                console.say("{line}", line=line)
        console.say(_("Write each answer into the mapping, and who decided it into its [provenance]."))


def _kinds() -> dict[str, str]:
    """What a kind of file is called; the names of formats are the same in every language."""
    return {
        "mail": _("mail"),
        "mbox": _("mails (mbox)"),
        "mbox-dots": _("mails (parted by dots)"),
        "records": _("mails (behind their lengths)"),
        "records-fixed": _("records of one width"),
        "bodies": _("bodies of mails"),
        "csv": _("table of text"),
        "dbf": _("table (DBF)"),
        "sqlite": _("database (SQLite)"),
        "sqlite-journal": _("journal of a database"),
        "sqldump": _("dump (SQL)"),
        "fetched": _("list of fetched mails"),
        "index": _("index of mails"),
        "detached": _("attachment outside its mail"),
        "not-migrated": _("no mail, not migrated"),
        "empty": _("empty"),
        "link": _("link"),
        "unknown": _("unknown"),
    }


def _wrapped(text: str, indent: int) -> Iterator[str]:
    """Lines that a terminal shows whole."""
    from rich.cells import cell_len

    from migrator.cli.helping import WORD

    line = ""
    for word in WORD.findall(text):
        if line.strip() and cell_len(line + word.rstrip()) > WIDTH:
            yield line.rstrip()
            line = " " * indent
        line += word
    yield line.rstrip()


def _percent(part: int, whole: int) -> str:
    """Rounded down: 100 means all."""
    return f"{part * 1000 // whole / 10 if whole else 100.0:.1f}"


def _folded(tracts: "Sequence[Tract]") -> Iterator[tuple[str, str, int, int, int]]:
    """The tracts, directories that are many side by side as one, down to the depth at which they are few to read."""
    names = {each.directory: _starred(each.directory, _crowds(tracts)) for each in tracts}
    steps = max((name.count("/") + 1 for name in names.values()), default=1)
    for depth in range(steps, 0, -1):
        sums: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
        for each in tracts:
            total = sums["/".join(names[each.directory].split("/")[:depth]), each.kind]
            total[:] = total[0] + each.files, total[1] + each.size, total[2] + each.explained
        if len(sums) <= LINES or depth == 1:
            for (directory, kind), (files, size, explained) in sorted(sums.items()):
                yield directory, kind, files, size, explained
            return


def _crowds(tracts: "Sequence[Tract]") -> frozenset[str]:
    """Directories that hold many others of the same kinds of files, by their own names with stars."""
    crowded: frozenset[str] = frozenset()
    for depth in range(max((each.directory.count("/") + 1 for each in tracts if each.directory), default=0)):
        inner: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        for steps, kind in ((each.directory.split("/"), each.kind) for each in tracts if each.directory):
            if len(steps) > depth:
                inner[_starred("/".join(steps[:depth]), crowded)][steps[depth]].add(kind)
        alike = {directory: Counter(map(frozenset, names.values())) for directory, names in inner.items()}
        crowded |= {
            directory
            for directory, kinds in alike.items()
            if kinds.total() >= MANY and max(kinds.values()) * 2 >= kinds.total()
        }
    return crowded


def _starred(directory: str, crowded: frozenset[str]) -> str:
    path: list[str] = []
    for step in directory.split("/"):
        path.append("*" if "/".join(path) in crowded else step)
    return "/".join(path)


def _may_be_written(out: Path, root: Path) -> None:
    """Raises UsageError before anything is looked at."""
    if out.resolve().is_relative_to(root.resolve()):
        raise UsageError(Reason("probe.out-in-root", path=str(out)))
    if out.exists():
        raise UsageError(Reason("probe.out-there", path=str(out)))


def _write(out: Path, text: str) -> None:
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise UsageError(Reason("probe.out-there", path=str(out))) from error
    except OSError as error:
        raise UsageError(Reason("probe.out-failed", path=str(out), answer=error.strerror or "")) from error
