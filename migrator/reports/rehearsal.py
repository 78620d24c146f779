"""How a rehearsal went, as one value: written as JSON, shown as a page, and compared with the next one's.

What a difference is named by stands in the value itself (`folders`, `broken`, `withheld`, `refused`); how many mails
are new or changed is asked of staging, by the run with which the last rehearsal had read the source (`read_by`).
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from migrator.errors import Reason
from migrator.model import Folder, Place
from migrator.reports.forecast import Forecast, whole
from migrator.reports.survey import SOUND
from migrator.staging.reports import faults, folder_name
from migrator.staging.since import changed, refused, unsound, withheld
from migrator.staging.store import Staging

Value = Mapping[str, Any]
Named = tuple[str | None, str | None]
"""An account and a folder."""

COLUMNS = ("found", "loaded", "parked", "held", "refused", "fault", "not_mail", "superseded", "in_doubt", "to_do")

ON_DISK = (
    Reason("rehearsal.shows-no-refusals"),
    Reason("rehearsal.shows-no-flags"),
    Reason("rehearsal.shows-no-rights"),
    Reason("rehearsal.shows-no-logins"),
    Reason("rehearsal.shows-no-speed"),
)
"""What a maildir archive on disk keeps silent about."""

ON_A_SERVER = (Reason("rehearsal.shows-other-server"),)
"""What a test server keeps silent about."""


@dataclass(frozen=True, slots=True)
class Timing:
    """One step of this rehearsal: the seconds it took, and what went through it."""

    step: str
    seconds: float
    mails: int
    bytes: int = 0


def told(
    staging: Staging,
    *,
    target: str,
    takes: frozenset[str],
    accounts: Collection[str] | None,
    rows: Iterable[tuple[Folder, Mapping[str, int]]],
    places: Mapping[Folder, Place],
) -> dict[str, Any]:
    """What staging and ledger say of the target as it stands now, for all accounts or for some."""
    counted = [(folder, counts) for folder, counts in rows if _is_in(folder.account.name, accounts)]
    unread = [each for each in faults(staging) if _is_in(each["account"] or "", accounts)]
    sound = frozenset(each.value for each in SOUND)
    unwell = [each for each in unsound(staging, sound) if _is_in(each.account, accounts)]
    not_taken = list(refused(staging, target, takes, accounts))
    return {
        "totals": _totals(counts for _, counts in counted),
        "folders": [_folder(folder, counts, places.get(folder)) for folder, counts in counted],
        "broken": [_named(each["account"], each["folder"], each["key"], each["reason"].code) for each in unread]
        + [_named(each.account or None, folder_name(each.folder), each.key, each.why.code) for each in unwell],
        "broken_reasons": by_reason(
            [(each["reason"], None) for each in unread] + [(each.why, None) for each in unwell]
        ),
        "refused": [
            {"item": str(each.item), "account": each.account or None, "folder": folder_name(each.folder)}
            | {"size": each.size, "code": each.why.code}
            for each in not_taken
        ],
        "refused_reasons": by_reason([(each.why, str(each.item)) for each in not_taken]),
        "withheld": withheld(staging, target, takes, accounts),
    }


def _named(account: str | None, folder: str | None, key: str, code: str) -> dict[str, str | None]:
    return {"account": account, "folder": folder, "key": key, "code": code}


def _totals(rows: Iterable[Mapping[str, int]]) -> dict[str, int]:
    totals: Counter[str] = Counter()
    for counts in rows:
        totals.update(counts)
    return dict(totals)


def _is_in(account: str, accounts: Collection[str] | None) -> bool:
    return accounts is None or account in accounts


def _folder(folder: Folder, counts: Mapping[str, int], place: Place | None) -> dict[str, Any]:
    where = None if place is None else f"{place.owner}/{'/'.join(place.path)}"
    named = {"account": folder.account.name or None, "folder": folder_name(folder.path), "place": where}
    return named | {column: counts[column] for column in COLUMNS}


def differences(staging: Staging, now: Value, last: Value | None) -> dict[str, Any] | None:
    """What is not as it was in the last rehearsal; None where there was none."""
    if last is None:
        return None
    were, are = _folders(last), _folders(now)
    mapping = [
        {"account": account, "folder": folder, "was": were[account, folder]["place"], "now": each["place"]}
        for (account, folder), each in are.items()
        if (account, folder) in were and were[account, folder]["place"] != each["place"]
    ]
    counts = [
        {"account": each[0], "folder": each[1], "was": _found(were, each), "now": _found(are, each)}
        for each in dict.fromkeys((*are, *were))
        if _found(were, each) != _found(are, each)
    ]
    senders = dict.fromkeys((*now["withheld"], *last["withheld"]))
    withheld = [
        {"sender": each, "was": last["withheld"].get(each, 0), "now": now["withheld"].get(each, 0)} for each in senders
    ]
    return {
        "since": last["rehearsal"],
        **asdict(changed(staging, last["read_by"])),
        "folders": counts,
        "newly_broken": _only_in(now["broken"], last["broken"]),
        "no_longer_broken": _only_in(last["broken"], now["broken"]),
        "newly_refused": _only_in(now["refused"], last["refused"]),
        "no_longer_refused": _only_in(last["refused"], now["refused"]),
        "newly_parked": [each for each in withheld if each["now"] > each["was"]],
        "no_longer_parked": [each for each in withheld if each["now"] < each["was"]],
        "mapping": mapping,
    }


def _folders(its: Value) -> dict[Named, Value]:
    return {(each["account"], each["folder"]): each for each in its["folders"]}


def _found(folders: Mapping[Named, Value], named: Named) -> int | None:
    """None where there is no such folder."""
    return int(folders[named]["found"]) if named in folders else None


def _only_in(these: Sequence[Value], others: Sequence[Value]) -> list[Value]:
    known = {tuple(each.values()) for each in others}
    return [each for each in these if tuple(each.values()) not in known]


def by_reason(found: Sequence[tuple[Reason, str | None]]) -> list[dict[str, Any]]:
    """How many of each code, the commonest first, with the first that has it and the item it was about."""
    first = {reason.code: (reason, item) for reason, item in reversed(found)}
    counted = Counter(reason.code for reason, _ in found)
    return [{"reason": first[code][0], "item": first[code][1], "n": n} for code, n in counted.most_common()]


def foretold(its: Forecast) -> dict[str, Any]:
    """The forecast with its sums, as JSON has it."""
    return {
        "mails_a_day": round(its.mails, 1),
        "bytes_a_day": round(its.bytes),
        "first": [asdict(each) for each in its.first],
        "first_whole": asdict(whole("first", its.first)),
        "window": [asdict(each) for each in its.window],
        "window_whole": asdict(whole("window", its.window)),
    }


def is_closed(totals: Mapping[str, int]) -> bool:
    """As the ledger has it, for the accounts that were rehearsed."""
    return not any(totals.get(word) for word in ("unexplained_source", "unexplained_target", "in_doubt", "missing"))
