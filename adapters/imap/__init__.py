"""IMAP, as a source and as a target.

config    what a section of migration.toml holds
login     connect, TLS, login, by imapclient
session   commands out, answers in; wire is its bytes, answers their meaning, words all that may stand in a command
folders   the tree of folders, their names and roles
letters   a parcel made ready; append sends it and knows what a refusal means
reading   marks, sightings, bodies; changes amends and withdraws
source, target   the two ports, sharing what a target can of shared inboxes; imported only when one is opened, for every
          command reads the settings
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager

from migrator.model import Mailbox
from migrator.ports import Adapter, Source, Target, Wanted

from .config import ImapConfig


def _source(config: ImapConfig) -> AbstractContextManager[Source]:
    from .source import open_source

    return open_source(config)


def _target(config: ImapConfig, mailbox: Mailbox) -> AbstractContextManager[Target]:
    from .sharing import open_target

    return open_target(config, mailbox)


def _script(config: ImapConfig, wanted: Sequence[Wanted]) -> str | None:
    from adapters.microsoft import is_online, script

    return script(wanted) if is_online(config.host) else None


adapter = Adapter(config=ImapConfig, open_source=_source, open_target=_target, script=_script)
