"""What only a person can answer."""

from collections.abc import Iterator, Mapping, Sequence

from adapters.groupware.probe.draft import Draft
from adapters.groupware.probe.leftovers import TABLES
from adapters.groupware.probe.proposal import Found
from adapters.groupware.probe.sight import NOT_MIGRATED
from migrator.errors import Reason

_ASKED = {TABLES: "probe.ask-table", NOT_MIGRATED: "probe.ask-not-migrated"}


def questions(found: Found, draft: Draft | None, rules: Mapping[str, Sequence[str]]) -> Iterator[Reason]:
    """What is missing altogether, what codes mean, what other tables are."""
    if draft is not None:
        yield from draft.questions()
    elif found.index is None:
        yield Reason("probe.no-index")
    elif found.users is None:
        yield Reason("probe.no-accounts")
    else:
        yield Reason("probe.no-folders")
    for rule, patterns in rules.items():
        yield from (Reason(_ASKED[rule], path=pattern) for pattern in patterns if rule in _ASKED)
