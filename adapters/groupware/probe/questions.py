"""What only a person can answer."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from adapters.groupware.probe.draft import Draft
from adapters.groupware.probe.leftovers import TABLES
from adapters.groupware.probe.proposal import Found
from adapters.groupware.probe.sight import NOT_MIGRATED
from adapters.groupware.template import Template
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
    if draft is not None:
        yield from _spare(found, draft)
    for rule, patterns in rules.items():
        yield from (Reason(_ASKED[rule], path=pattern) for pattern in patterns if rule in _ASKED)


_NOT_MAIL = re.compile(
    "filter|rule|forward|vacation|signature|addr|contact|schedule|calendar|event|振り?分け|転送|署名|予定|アドレス|連絡先",
    re.IGNORECASE,
)
"""Names of tables of what a groupware keeps beside mail: rules, forwards, signatures, address books, calendars."""


def _spare(found: Found, draft: Draft) -> Iterator[Reason]:
    """Tables that lie in one file with those of the proposal, and are none of it."""
    used = [(Template(each.rows.get("path", "")), each.rows.get("table")) for each in draft.tables.values()]
    spare: dict[str, list[str]] = defaultdict(list)
    for table in found.tables:
        name, path = getattr(table.form, "table", None), table.files[0]
        ours = any(called == name and where.match(path) is not None for where, called in used)
        if name is not None and not ours and path in draft.used and table.rows:
            spare[path].append(name)
    for path, names in spare.items():
        for name in names:
            if _NOT_MAIL.search(name):
                yield Reason("probe.ask-not-migrated", path=f"{path}: {name}")
        rest = [name for name in names if not _NOT_MAIL.search(name)]
        if rest:
            yield Reason("probe.ask-tables", path=path, tables=", ".join(rest))
