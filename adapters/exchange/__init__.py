"""Exchange by EWS, as a source and as a target.

config    what a section of migration.toml holds
connect   where the endpoint is, whom it trusts, how to log in: by exchangelib
wire      requests out, answers in, one at a time and never twice; troubles is what a refusal means, and parting takes
          the mails out of an answer while it arrives
words     all that may stand in a request, the properties of a mail among it
letters   a mail as an element of a request; sending puts it there, and knows what became of it when nobody answers
folders   the tree of folders, as EWS lists it; public is the one below a public folder
reading   marks, sightings, bodies; changes amends and withdraws
source, target   the two ports; imported only when one is opened, for exchangelib takes most of a second
sharing   the port of shared inboxes beside the target; permissions is who may do what in a folder

What a mail and a folder are in an Exchange store, by whichever way, is adapters.microsoft's.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from migrator.errors import Reason, UsageError
from migrator.model import Mailbox
from migrator.ports import Adapter, Source, Target, Wanted

from .config import ExchangeConfig


@contextmanager
def _installed() -> Iterator[None]:
    """Raises UsageError where a package of the extra is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith(("adapters", "migrator")):
            raise
        raise UsageError(Reason("exchange.extra-missing", module=error.name)) from None


def _source(config: ExchangeConfig) -> AbstractContextManager[Source]:
    with _installed():
        from .source import open_source
    return open_source(config)


def _target(config: ExchangeConfig, mailbox: Mailbox) -> AbstractContextManager[Target]:
    with _installed():
        from .sharing import open_target
    return open_target(config, mailbox)


def _script(config: ExchangeConfig, wanted: Sequence[Wanted]) -> str:
    from adapters.microsoft import script

    roots = {each.owner: config.root(each.owner, each.account) for each in wanted}
    return script(wanted, {owner: root for owner, root in roots.items() if root is not None})


adapter = Adapter(config=ExchangeConfig, open_source=_source, open_target=_target, script=_script)
