"""The ledger, as people and as programs read it."""

from migrator.cli import console
from migrator.locale import _
from migrator.reports.columns import column_words
from migrator.staging.reports import folder_name
from migrator.steps.ledger import COLUMNS, Ledger


def show(ledger: Ledger, *, as_json: bool) -> None:
    """One JSON value, or the totals and every folder that does not close."""
    if as_json:
        console.json_value(_value(ledger))
        return
    totals = ledger.totals
    words = column_words()
    always = ("found", "loaded", "to_do")
    shown = [column for column in COLUMNS if totals[column] or column in always]
    console.table((_("mails"), ""), ((totals[column], words[column]) for column in shown))
    wrong = ("in_doubt", "missing", "unexplained_source", "unexplained_target")
    rows = [row for row in ledger.rows if any(row.counts[column] for column in wrong)]
    if rows:
        console.say("")
        heads = (_("account"), _("folder"), *(words[column] for column in wrong))
        console.table(
            heads,
            (
                (row.folder.account.name or None, folder_name(row.folder.path), *(row.counts[each] for each in wrong))
                for row in rows
            ),
        )
    console.say("")
    if ledger.left:
        console.say(
            _("At the source no more, counted as they were counted last: {accounts}"), accounts=", ".join(ledger.left)
        )
    console.say(_verdict(ledger), target=ledger.target)


def _verdict(ledger: Ledger) -> str:
    if ledger.complete:
        return _("{target}: the ledger closes, and everything has arrived or is accounted for.")
    if ledger.closed:
        return _("{target}: the ledger closes; something is still to do, to decide or to sign.")
    return _("{target}: the ledger does NOT close.")


def _value(ledger: Ledger) -> dict[str, object]:
    return {
        "target": ledger.target,
        "closed": ledger.closed,
        "complete": ledger.complete,
        "counted": ledger.counted,
        "left": list(ledger.left),
        "totals": ledger.totals,
        "rows": [
            {
                "account": row.folder.account.name or None,
                "folder": folder_name(row.folder.path),
                "gone": row.gone,
                **row.counts,
            }
            for row in ledger.rows
        ],
    }
