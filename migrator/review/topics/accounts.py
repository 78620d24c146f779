"""Accounts -> addresses: where each person's or shared inbox's mail goes."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from functools import partial

from migrator.errors import Reason
from migrator.locale import _
from migrator.review.desk import Desk
from migrator.review.topic import RIGHT, WRONG, Row, Topic
from migrator.staging.books import row_id, rulings_book
from migrator.staging.glances import folders, recipients
from migrator.text import shown

_ADDRESS = re.compile(r"[^\s<>,;:\"()]+@[^\s<>,;:\"()]+")
SHOWN = 3


def _rows(desk: Desk) -> Iterator[Row]:
    mails: Counter[str] = Counter()
    size: Counter[str] = Counter()
    for each in folders(desk.staging):
        mails[each.folder.account.name] += each.mails
        size[each.folder.account.name] += each.size
    written = _written_to(desk)
    owners = {account: desk.routes.owner(account) for account in mails}
    feeding = Counter(owner for owner in owners.values() if owner is not None)
    for account in sorted(mails, key=lambda each: (owners[each] is not None, -feeding[owners[each] or ""], each)):
        owner, to = owners[account], written.get(account, Counter())
        yield Row(
            id=row_id("a", account),
            subject=row_id("a", account),
            title=account or "–",
            notes=() if account else (Reason("review.nobody"),),
            proposal=owner,
            accepts=None if owner is None else "right",
            confidence=_share(owner, to) if owner and account else None,
            numbers=(mails[account], round(size[account] / 10**6, 1)),
            evidence=tuple(
                Reason("review.written-to", address=address, many=many) for address, many in to.most_common(SHOWN)
            ),
            warnings=tuple(_warnings(account, owner, owners, feeding)),
            setting=account,
            accounts=frozenset({account}),
        )


def _written_to(desk: Desk) -> Mapping[str, Counter[str]]:
    """The company's own addresses that each account's mail is to."""
    own = tuple(f"@{domain.lower()}" for domain in desk.own_domains)
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for account, text in recipients(desk.staging):
        for address in set(_ADDRESS.findall(text.lower())):
            if not own or address.endswith(own):
                found[account][address] += 1
    return found


def _share(owner: str, to: Counter[str]) -> float | None:
    """How much of the mail says so, beside the other address that it is to most often."""
    name = owner.lower()
    mine = max((many for each, many in to.items() if name in (each, each.partition("@")[0])), default=0)
    other = max((many for each, many in to.items() if name not in (each, each.partition("@")[0])), default=0)
    return round(mine / (mine + other), 2) if mine + other else None


def _warnings(
    account: str, owner: str | None, owners: Mapping[str, str | None], feeding: Counter[str]
) -> Iterator[Reason]:
    if owner is None:
        yield Reason("review.no-home")
    elif feeding[owner] > 1:
        others = [each or "–" for each, its in owners.items() if its == owner and each != account]
        yield Reason("review.shared-home", accounts=", ".join(sorted(others)[:5]), many=len(others))


ACCOUNTS = Topic(
    name="accounts",
    letters="a",
    title=lambda: _("Accounts and their addresses"),
    question=lambda: _(
        "Is this the mailbox that the account's mail belongs in? Where it is not, say which one is. As long as the "
        "settings of the migration say otherwise, nothing of that account is loaded."
    ),
    unit=lambda: _("account"),
    columns=(lambda: _("mails"), lambda: _("MB")),
    words=(RIGHT, WRONG),
    free=lambda: _("another mailbox:"),
    hears=lambda text: text if shown(text) == text else None,
    table="accounts",
    facts=_rows,
    book=partial(rulings_book, topic="accounts"),
    binding=True,
)
