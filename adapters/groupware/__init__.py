"""A legacy groupware that nobody here has seen before, described by a mapping file instead of by Python.

mapping.py     the language: tables, columns, where the mails lie          values.py    what cells mean
checks.py      a mapping read, and what is wrong with it                   template.py  paths with columns in braces
claims.py      what a row says of where its mail lies   opening.py   how mails are taken out of files
containers.py  a file, a cell, several together         large.py     a place among others in one file
writing.py     mails out of columns                     composing.py   and out of the rows of lists, and files
lists.py       the many rows that a mail leads to       clocks.py      the ways in which moments are written
rows/          the kinds of files that rows come from                      tables.py    rows, joined
store.py       whose part of the tree is whose                             listing.py   the files there are
places.py      which folder a row or a path belongs to                     doubts.py    what nobody explained
catalogue.py   index and files side by side                                census.py    the same, counted another way
live.py        databases that live                                 source.py    all of it as the engine's Source
probe/         a mapping proposed where there is none               config.py    [source] in migration.toml
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from adapters.groupware.config import Config
from migrator.errors import Reason, UsageError
from migrator.ports import Adapter, Probed, Source

if TYPE_CHECKING:
    from adapters.groupware.live import Databases


@contextmanager
def _open(config: Config) -> Iterator[Source]:
    """Raises UsageError where the root is not there or is not told, or the mapping is wrong."""
    # only now: every command reads the settings, and few open the source
    from adapters.files.reading import Tree
    from adapters.groupware.checks import read
    from adapters.groupware.opening import Opener
    from adapters.groupware.source import GroupwareSource

    mapping = read(config.mapping)
    if config.root is None and mapping.has_files:
        raise UsageError(Reason("groupware.root-unset", mapping=mapping.name))
    with (
        TemporaryDirectory(prefix="migrator-") as nothing,
        Opener(Tree(config.root or Path(nothing))) as opener,
        closing(GroupwareSource(mapping, opener, _databases(config), rooted=config.root is not None)) as source,
    ):
        yield source


def _databases(config: Config) -> "Databases | None":
    if not config.databases:
        return None
    from adapters.groupware.live import Databases

    return Databases(config.databases)


def _probe(root: Path) -> Probed:
    """Raises UsageError where the root is not there, Outage."""
    from adapters.groupware.probe import probe

    return probe(root)


adapter = Adapter(config=Config, open_source=_open, probe=_probe)
