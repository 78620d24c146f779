"""Mail that lies in files: Maildir, mbox, MH and .eml as sources, Maildir and .eml as archives.

reading    open one file without changing it, leaving the root or waiting; stamps and names
rules      what a name or the first lines say about a file
rooted     accounts below a root; one file as one artefact
trees      a source of one file a mail; `maildirs` and `directories` are its shapes
mboxes     a source of many mails in a file; `fromline`, `frames` and `openmbox` are its parts
archive    a target; `shelf` is one place, `index` its numbers, `layouts` the two forms

What opening one of them needs is imported then: every command reads the settings, and few open a source.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta, timezone, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator

from adapters.files.frames import Variant
from migrator.errors import Reason, UsageError
from migrator.model import Mailbox
from migrator.ports import Adapter, Source, Target

JAPAN = timezone(timedelta(hours=9))


class Files(BaseModel):
    """`root` is the directory that holds the accounts: `root/<account>/…`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    root: Path


class Archive(Files):
    """As a target, `root` holds the mailboxes; mails of more than `item_bytes` are refused where that is given."""

    item_bytes: int | None = Field(default=None, gt=0)


class Mbox(Files):
    """How the mboxes were written.

    `variant`: mboxo, mboxrd, mboxcl, mboxcl2, or auto, which looks. `timezone` is the clock of the server whose From_
    lines name no zone, as "Europe/Paris"; Japan's if it is left out.
    """

    variant: Variant = "auto"
    timezone: str | None = None

    @field_validator("timezone")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        if name is not None:
            try:
                ZoneInfo(name)
            except (KeyError, OSError, ValueError) as error:
                raise ValueError(f"no such time zone: {name}") from error
        return name

    @property
    def zone(self) -> tzinfo:
        """The server's clock."""
        return ZoneInfo(self.timezone) if self.timezone else JAPAN


@contextmanager
def _emls(config: Files) -> Iterator[Source]:
    from adapters.files.directories import Eml
    from adapters.files.trees import FileSource

    yield FileSource(config.root, Eml())


@contextmanager
def _mhs(config: Files) -> Iterator[Source]:
    from adapters.files.directories import Mh
    from adapters.files.trees import FileSource

    yield FileSource(config.root, Mh())


@contextmanager
def _maildirs(config: Archive) -> Iterator[Source]:
    from adapters.files.maildirs import Maildir
    from adapters.files.trees import FileSource

    if (config.root / "cur").is_dir():
        raise UsageError(Reason("maildir.root-is-a-mailbox", path=str(config.root)))
    yield FileSource(config.root, Maildir())


@contextmanager
def _mboxes(config: Mbox) -> Iterator[Source]:
    from adapters.files.mboxes import MboxSource

    yield MboxSource(config.root, config.variant, config.zone)


@contextmanager
def _maildir_archive(config: Archive, mailbox: Mailbox) -> Iterator[Target]:
    from adapters.files.archive import ArchiveTarget
    from adapters.files.layouts import MaildirLayout

    yield ArchiveTarget(config.root, mailbox.owner, MaildirLayout(config.item_bytes))


@contextmanager
def _eml_archive(config: Archive, mailbox: Mailbox) -> Iterator[Target]:
    from adapters.files.archive import ArchiveTarget
    from adapters.files.layouts import EmlLayout

    yield ArchiveTarget(config.root, mailbox.owner, EmlLayout(config.item_bytes))


maildir = Adapter(config=Archive, open_source=_maildirs, open_target=_maildir_archive)
eml = Adapter(config=Archive, open_source=_emls, open_target=_eml_archive)
mh = Adapter(config=Files, open_source=_mhs)
mbox = Adapter(config=Mbox, open_source=_mboxes)
