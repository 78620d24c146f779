"""The container of mails that are written out of columns and rows."""

from typing import TYPE_CHECKING, Any

from adapters.groupware.probe.draft import Meant
from adapters.groupware.probe.proposal import Attached, Composed, HeaderRows, Listing

if TYPE_CHECKING:
    from adapters.groupware.probe.drafting import Drafting

NUMBER = {"kind": "number"}


def composition(draft: "Drafting", listing: Listing, found: Composed) -> dict[str, Any]:
    """What a mail is written out of; the tables of its parts are put into the draft."""
    table, fields = listing.table, dict[str, str]()
    container: dict[str, Any] = {"type": "written"}
    if found.header is not None:
        container["header"] = draft.column(table, found.header, "header")
    for name, place in found.fields.items():
        fields[name] = draft.column(table, place, name.casefold().replace("-", "_"))
    if listing.dates:
        sent = min(listing.dates, key=lambda place: (listing.received or (-1,))[0] == place)
        fields["Date"] = draft.dated(listing, sent, "sent")
    container["fields"] = fields
    if found.text is not None:
        container["text"] = _text(draft, listing, found, found.text)
    if found.html is not None and found.bodies is None:
        container["html"] = draft.column(table, found.html, "html")
    rows = [_rows(draft, listing, found, each) for each in found.rows]
    attachments = [_attached(draft, listing, found, each) for each in found.files]
    return container | ({"field_rows": rows} if rows else {}) | ({"attachments": attachments} if attachments else {})


def _list(draft: "Drafting", listing: Listing, found: Composed, name: str, mail: str) -> None:
    """The rows that belong to a mail."""
    draft.drafted(listing.table).lists.append(
        {"table": name, "on": {draft.column(listing.table, found.key, "id"): mail}}
    )


def _text(draft: "Drafting", listing: Listing, found: Composed, place: int) -> str:
    if found.bodies is None:
        return draft.column(listing.table, place, "text")
    name = draft.beside(found.bodies, "bodies")
    mail = draft.column(found.bodies, found.body_of, "mail")
    draft.drafted(found.bodies).key = [mail]
    _list(draft, listing, found, name, mail)
    return f"{name}.{draft.column(found.bodies, place, 'text')}"


def _rows(draft: "Drafting", listing: Listing, found: Composed, rows: HeaderRows) -> dict[str, str]:
    name = draft.beside(rows.table, "addresses" if rows.codes else "headers")
    mail = draft.column(rows.table, rows.mail, "mail")
    draft.drafted(rows.table).key = [draft.column(rows.table, rows.number, "number", read=NUMBER)]
    called = draft.column(rows.table, rows.name, "name")
    if rows.codes:
        column = draft.drafted(rows.table).columns[called]
        column.read = {"kind": "code"}
        column.codes = {code: Meant(field, 0.9) for code, field in sorted(rows.codes.items())}
    _list(draft, listing, found, name, mail)
    return {"name": f"{name}.{called}", "value": f"{name}.{draft.column(rows.table, rows.value, 'value')}"}


def _attached(draft: "Drafting", listing: Listing, found: Composed, files: Attached) -> dict[str, Any]:
    name = draft.beside(files.table, "pages" if files.page else "files")
    mail = draft.column(files.table, files.mail, "mail")
    draft.drafted(files.table).key = [draft.column(files.table, files.number, "number", read=NUMBER)]
    _list(draft, listing, found, name, mail)
    file, called = draft.column(files.table, files.file, "file"), draft.column(files.table, files.name, "name")
    told: dict[str, Any] = {"name": f"{name}.{called}", "path": f"{files.before}{{{name}.{file}}}"}
    if files.page:
        told |= {"type": "text/html", "body": True}
    if files.charset is not None:
        told["charset"] = f"{name}.{draft.column(files.table, files.charset, 'charset')}"
    return told
