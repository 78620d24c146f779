"""What the new server does not hold as it was, by what the last `load`, or its rehearsal, has said of every fact."""

import json
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from migrator.errors import Reason
from migrator.inboxes import SharedInbox
from migrator.locale import _
from migrator.review.desk import Desk
from migrator.review.topic import ACCEPT, LOOK, SURE, Row, Topic
from migrator.shared.becoming import Became, Fidelity
from migrator.staging.books import row_id, rulings_book
from migrator.staging.shared import StagedInboxes

KINDS = {
    "assignee": "review.kind-assignee",
    "due": "review.kind-due",
    "event": "review.kind-event",
    "fault": "review.kind-fault",
    "member": "review.kind-member",
    "note": "review.kind-note",
    "number": "review.kind-number",
    "right admin": "review.kind-right-admin",
    "right delete": "review.kind-right-delete",
    "right read": "review.kind-right-read",
    "right reply": "review.kind-right-reply",
    "right send-as": "review.kind-right-send-as",
    "state": "review.kind-state",
    "tag": "review.kind-tag",
    "template": "review.kind-template",
    "until": "review.kind-until",
}
"""What a load calls each kind of fact -> how many of them there are, in words."""

CLASSES = {
    Fidelity.DROPPED: Reason("review.becomes-dropped"),
    Fidelity.LABEL_ONLY: Reason("review.becomes-label"),
    Fidelity.ARCHIVED_ONLY: Reason("review.becomes-archived"),
    Fidelity.FOLDED: Reason("review.becomes-folded"),
}
"""The gravest first."""


def _rows(desk: Desk) -> Iterator[Row]:
    inboxes = {each.key: each for each in StagedInboxes(desk.staging).inboxes()}
    for target, file in desk.foretold.items() if inboxes else ():
        said: defaultdict[tuple[Fidelity, str], list[Became]] = defaultdict(list)
        for key, became in _read(desk, file):
            said[became.fidelity, key].append(became)
        for fidelity in CLASSES:
            for key, inbox in inboxes.items():
                if facts := said[fidelity, key]:
                    yield _row(target, inbox, fidelity, facts)


def _read(desk: Desk, file: Path) -> list[tuple[str, Became]]:
    """What becomes of each fact, with its inbox. Nothing where nobody has loaded yet; of a file that is not as a load
    writes it the desk is told."""
    try:
        return [_fact(json.loads(line)) for line in file.read_text("utf-8").splitlines()]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError):
        trouble = Reason("review.foretold-unreadable", file=str(file))
        if trouble not in desk.troubles:
            desk.troubles.append(trouble)
        return []


def _fact(line: dict[str, Any]) -> tuple[str, Became]:
    why = line["reason"] and Reason(line["reason"]["code"], **line["reason"]["params"])
    return line["inbox"], Became(kind=line["kind"], key=line["key"], fidelity=Fidelity(line["fidelity"]), why=why)


def _row(target: str, inbox: SharedInbox, fidelity: Fidelity, facts: list[Became]) -> Row:
    """A kind of fact that joins the others asks again."""
    name = row_id("b", target, inbox.key, fidelity)
    by_kind: defaultdict[str, list[str]] = defaultdict(list)
    reasons: dict[str, Reason] = {}
    for each in facts:
        by_kind[each.kind].append(each.key)
        if each.why is not None:
            reasons.setdefault(each.why.code, each.why)
    lost = fidelity in (Fidelity.DROPPED, Fidelity.LABEL_ONLY)
    return Row(
        id=name,
        subject=name,
        title=inbox.name,
        part=CLASSES[fidelity],
        proposal=None if lost else ACCEPT.verdict,
        accepts=None if lost else ACCEPT.verdict,
        confidence=None if lost else SURE,
        numbers=(len(facts),),
        notes=(
            Reason("review.at-target", target=target),
            *(Reason(KINDS.get(kind, "review.kind-other"), n=len(keys)) for kind, keys in sorted(by_kind.items())),
        ),
        basis=tuple(sorted(by_kind)),
        evidence=(
            *(() if lost else reasons.values()),
            Reason("review.examples", keys=", ".join(keys[0] for _kind, keys in sorted(by_kind.items()))),
        ),
        warnings=tuple(reasons.values()) if lost else (),
        accounts=frozenset({inbox.account.name}),
    )


LOSSY = Topic(
    name="lossy",
    letters="b",
    title=lambda: _("What the new server does not hold as it was"),
    question=lambda: _(
        "Every fact of the shared inboxes is either at the new server as it was, or told here. All of it but what "
        "could not be read is in the archive. Accept what is so; say which should be looked into before it is loaded."
    ),
    unit=lambda: _("shared inbox"),
    columns=(lambda: _("facts"),),
    words=(ACCEPT, LOOK),
    facts=_rows,
    book=partial(rulings_book, topic="lossy"),
    binding=True,
    optional=True,
)
