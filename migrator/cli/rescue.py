"""The commands for the night when the old system is down. They need no migration folder."""

import shlex
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from migrator.cli import console
from migrator.cli.console import Exit
from migrator.errors import Reason, UsageError
from migrator.locale import _, sentence

if TYPE_CHECKING:
    from migrator.rescue.moving import Moved
    from migrator.rescue.scan import Trouble

family = typer.Typer()
rescue = typer.Typer(
    help=_("For the night when the old system is down: find the files that break it, move them aside.")
)
family.add_typer(rescue, name="rescue")

ROOT = Annotated[Path, typer.Argument(metavar="ROOT", help=_("The directory that holds the old mail."))]
FILES = Annotated[
    list[str] | None, typer.Argument(metavar="FILE", help=_("Files below ROOT, written as scan shows them."))
]
YES = Annotated[bool, typer.Option("--yes", help=_("Really do it; else it is only shown."))]
QUIET = Annotated[
    int, typer.Option("--quiet", min=0, metavar="SECONDS", help=_("So long a file must have been left alone."))
]
LARGE = Annotated[int, typer.Option("--large", min=1, metavar="MB", help=_("Larger files are absurd."))]


@rescue.command(
    help=_("List the files that stop a mail reader, and why. Changes nothing."),
    epilog=_("Example: migrator rescue scan /srv/groupware/data"),
)
def scan(root: ROOT, large: LARGE = 1024, quiet: QUIET = 600) -> None:
    """One line a file, then what each kind of trouble means."""
    found = _found(root, large, quiet)
    console.table(
        (_("kind"), _("bytes"), _("changed"), _("file")),
        ((each.kind.word, each.size, _clock(each.changed), _written(each.path)) for each in found),
    )
    console.say("")
    for kind in sorted({each.kind for each in found}):
        console.say("{kind}: {text}", kind=kind.word, text=sentence(Reason(kind.value)))
    console.tell(_("{n} files; nothing was changed."), n=len(found))


@rescue.command(
    help=_("Move files aside, into a folder beside ROOT. THIS WRITES TO THE OLD SYSTEM; restore undoes it."),
    epilog=_("Example: migrator rescue isolate /srv/groupware/data --kind all-nul --yes"),
)
def isolate(
    root: ROOT,
    files: FILES = None,
    kind: Annotated[
        list[str] | None,
        typer.Option("--kind", metavar="KIND", help=_("All files that scan calls so; may be given more than once.")),
    ] = None,
    large: LARGE = 1024,
    quiet: QUIET = 600,
    yes: YES = False,
) -> None:
    """Show what would be moved, or move it; exit 1 where something was refused."""
    from migrator.rescue import moving

    chosen = _chosen(root, files or [], kind or [], large, quiet)
    moved = _show(moving.isolate(bytes(root), chosen, act=yes, quiet=quiet))
    if yes:
        console.tell(
            _("{n} files moved aside: {folder}. Undo it with: migrator rescue restore {root} --yes"),
            n=moved[0],
            folder=_folder(root),
            root=shlex.quote(str(root)),
        )
    else:
        console.tell(_("{n} files would be moved aside. Nothing was changed; to do it, add --yes."), n=moved[0])
    _end(refused=moved[1])


@rescue.command(
    help=_("Put back what was moved aside, byte for byte. THIS WRITES TO THE OLD SYSTEM."),
    epilog=_("Example: migrator rescue restore /srv/groupware/data --yes"),
)
def restore(root: ROOT, files: FILES = None, yes: YES = False) -> None:
    """Show what would be put back, or put it back; exit 1 where something was refused."""
    from migrator.aside import unwritten
    from migrator.rescue import moving

    moved = _show(moving.restore(bytes(root), [unwritten(each) for each in files or []], act=yes))
    if yes:
        console.tell(_("{n} files put back."), n=moved[0])
    else:
        console.tell(_("{n} files would be put back. Nothing was changed; to do it, add --yes."), n=moved[0])
    _end(refused=moved[1])


def _found(root: Path, large: int, quiet: float) -> "list[Trouble]":
    from migrator.rescue.scan import scan as step

    return list(step(bytes(root), large=large * 10**6, quiet=quiet))


def _chosen(root: Path, files: list[str], words: list[str], large: int, quiet: int) -> list[tuple[bytes, str]]:
    """The files named, and those of the kinds named, each with its reason. Raises UsageError."""
    from migrator.aside import unwritten
    from migrator.rescue.scan import Kind

    kinds = {kind.word: kind for kind in Kind}
    for word in words:
        if word not in kinds:
            raise UsageError(Reason("rescue.kind-unknown", kind=word, kinds=", ".join(kinds)))
    if not files and not words:
        raise UsageError(Reason("rescue.nothing-chosen"))
    wanted: set[Kind] = {kinds[word] for word in words}
    known = {each.path: each.kind for each in _found(root, large, quiet)}
    chosen = [(path, kind.word) for path, kind in known.items() if kind in wanted]
    named = [unwritten(each) for each in files]
    return chosen + [(path, known[path].word if path in known else "chosen") for path in named]


def _show(moves: "Iterable[Moved]") -> tuple[int, int]:
    """One line a file as it is done; how many move, how many are refused."""
    moved = refused = 0
    for each in moves:
        if each.refusal is None:
            moved += 1
            console.say("{path}  {size}", path=_written(each.path), size=f"{each.size:,}")
        else:
            refused += 1
            console.explain(each.refusal)
    return moved, refused


def _written(path: bytes) -> str:
    from migrator.aside import written

    return written(path)


def _folder(root: Path) -> str:
    from migrator.aside import folder_of
    from migrator.rescue.scan import real_root

    return _written(folder_of(real_root(bytes(root))))


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M")


def _end(*, refused: int) -> None:
    if refused:
        raise typer.Exit(Exit.FOUND)
