"""Exchange by EWS, as a source and as a target.

config    what a section of migration.toml holds
connect   where the endpoint is, whom it trusts, how to log in: by exchangelib
wire      requests out, answers in, one at a time and never twice; troubles is what a refusal means, and parting takes
          the mails out of an answer while it arrives
words     the properties of a mail, and all that may stand in a request
letters   a parcel made ready; sending puts it there, and knows what became of it when nobody answers
folders   the tree of folders, their names and roles
reading   marks, sightings, bodies; changes amends and withdraws
source, target   the two ports; imported only when one is opened, for exchangelib takes most of a second
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
        from .target import open_target
    return open_target(config, mailbox)


def _script(_: ExchangeConfig, wanted: Sequence[Wanted]) -> str:
    from adapters.microsoft import script

    return script(wanted)


adapter = Adapter(config=ExchangeConfig, open_source=_source, open_target=_target, script=_script)
