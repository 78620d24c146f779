"""Exchange Online by Microsoft Graph, as a target.

config    what a section of migration.toml holds
login     tokens, by msal: a certificate, a secret, or a code that a person enters
wire      requests out, answers in, alone and in batches; troubles is what a refusal means
words     the properties of a mail as Graph names them
hall      a hidden folder, in which a mail is made complete before it appears at its place
sending   puts letters there and then to their place, and knows what became of them when nobody answers
folders   the tree of folders, as Graph lists it
reading   marks, sightings, bodies; changes amends and withdraws
target    the port; imported only when one is opened, for requests and msal take their time

What a mail and a folder are in an Exchange store, by whichever way, is adapters.microsoft's.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager

from migrator.errors import Reason, UsageError
from migrator.model import Mailbox
from migrator.ports import Adapter, Target, Wanted

from .config import GraphConfig


def _target(config: GraphConfig, mailbox: Mailbox) -> AbstractContextManager[Target]:
    try:
        from .target import open_target
    except ModuleNotFoundError as error:
        if (error.name or "").startswith(("adapters", "migrator")):
            raise
        raise UsageError(Reason("graph.extra-missing", module=error.name)) from None
    return open_target(config, mailbox)


def _script(_: GraphConfig, wanted: Sequence[Wanted]) -> str:
    from adapters.microsoft import script

    return script(wanted)


adapter = Adapter(config=GraphConfig, open_target=_target, script=_script)
