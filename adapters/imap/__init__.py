"""IMAP, as a source and as a target.

config    what a section of migration.toml holds
login     connect, TLS, login, by imapclient
session   commands out, answers in; wire is its bytes, answers their meaning, words all that may stand in a command
folders   the tree of folders, their names and roles
letters   a parcel made ready; append sends it and knows what a refusal means
reading   marks, sightings, bodies; changes amends and withdraws
source, target   the two ports
"""

from migrator.ports import Adapter

from .config import ImapConfig
from .source import open_source
from .target import open_target

adapter = Adapter(config=ImapConfig, open_source=open_source, open_target=open_target)
