"""How Graph shows folders and messages, and which messages a filter means."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from tests.servers.exchange import properties as prop
from tests.servers.exchange.properties import Key
from tests.servers.exchange.shapes import change_key, property_of
from tests.servers.exchange.store import Folder, Item, Refusal
from tests.servers.graph.calls import Call, outward

ANY = re.compile(r"singleValueExtendedProperties/any\(\s*(\w+)\s*:\s*\1/id eq '([^']*)' and (.*)\)", re.IGNORECASE)
NAMED = re.compile(r"(\w+) \{([0-9a-fA-F-]{36})\} (?:Name (.+)|Id (0x[0-9a-fA-F]+|\d+))")
TAGGED = re.compile(r"(\w+) (0x[0-9a-fA-F]+)")


def shown_folder(asked: Call, folder: Folder) -> dict[str, Any]:
    """[graph] resources/mailfolder"""
    items = asked.mailbox.held(folder.id)
    return {
        "id": outward(folder.id),
        "displayName": folder.name,
        "parentFolderId": outward(folder.parent or ""),
        "childFolderCount": len(asked.mailbox.children(folder.id)),
        "unreadItemCount": sum(not each.read for each in items),
        "totalItemCount": len(items),
        "isHidden": folder.hidden,
    }


def shown_message(asked: Call, item: Item) -> dict[str, Any]:
    """[graph] resources/message; headers are shown to those who ask for them."""
    whole: dict[str, Any] = {
        "createdDateTime": _time(item.born),
        "lastModifiedDateTime": _time(item.modified),
        "changeKey": change_key(item),
        "categories": list(item.categories),
        "receivedDateTime": _time(item.received),
        "sentDateTime": _time(item.sent),
        "hasAttachments": item.facts.has_attachments,
        "internetMessageId": item.facts.message_id or None,
        "subject": item.subject,
        "importance": item.importance.lower(),
        "parentFolderId": outward(item.folder),
        "isReadReceiptRequested": item.read_receipt,
        "isRead": item.read,
        "isDraft": item.draft,
        "from": next(_people(item, "From"), None),
        "toRecipients": list(_people(item, "To")),
        "ccRecipients": list(_people(item, "Cc")),
        "flag": {"flagStatus": _flag(item)},
        "body": {"contentType": "html" if item.facts.html else "text", "content": item.facts.html or item.facts.text},
    }
    if select := asked.said.query.get("$select"):
        wanted = select.split(",")
        headers = [{"name": name, "value": " ".join(value.split())} for name, value in item.facts.headers]
        known = whole | {"internetMessageHeaders": headers}
        whole = {name: known[name] for name in wanted if name in known}
    return {"@odata.etag": f'W/"{change_key(item)}"', "id": asked.identity(item), **whole, **expanded(asked, item)}


def expanded(asked: Call, item: Item) -> dict[str, Any]:
    """The extended properties that $expand names: [graph] api/singlevaluelegacyextendedproperty-get"""
    question = asked.said.query.get("$expand")
    if not question:
        return {}
    if not question.startswith("singleValueExtendedProperties("):
        raise Refusal("BadRequest", "Only extended properties are expanded here.")
    shown = []
    for each in re.findall(r"id eq '([^']*)'", question):
        _, key = key_of(each)
        if (one := property_of(item, key)) is not None:
            shown.append({"id": _canonical(each), "value": one.value})
    return {"singleValueExtendedProperties": shown} if shown else {}


def key_of(named: str) -> tuple[str, Key]:
    """Type and key of an extended property: [graph] resources/extended-properties-overview (id formats)"""
    if found := NAMED.fullmatch(named):
        kind, group, name, number = found.groups()
        return kind, (group.lower(), name if name else int(number, 0))
    if found := TAGGED.fullmatch(named):
        tag = int(found[2], 16)
        return found[1], (tag >> 16 if tag > 0xFFFF else tag,)
    raise Refusal("ErrorInvalidProperty", f"{named} names no extended property.")


def _canonical(named: str) -> str:
    """As the server writes it back: set and tag in small letters."""
    kind, rest = named.split(" ", 1)
    if rest.startswith("{"):
        group, rest = rest.split(" ", 1)
        return f"{kind} {group.lower()} {rest}"
    return f"{kind} {hex(int(rest, 16))}"


def holds(question: str, item: Item) -> bool:
    """Whether a $filter means an item; `or` binds weaker than `and`."""
    return any(all(_holds(each.strip(), item) for each in _parted(part, " and ")) for part in _parted(question, " or "))


def _parted(question: str, word: str) -> Iterator[str]:
    """The parts between words that stand in no parentheses and no quotes."""
    depth, quoted, start = 0, False, 0
    for place, sign in enumerate(question):
        quoted ^= sign == "'"
        depth += 0 if quoted else (sign == "(") - (sign == ")")
        if not quoted and depth == 0 and question.startswith(word, place):
            yield question[start:place]
            start = place + len(word)
    yield question[start:]


def _holds(question: str, item: Item) -> bool:
    if question.startswith("(") and question.endswith(")"):
        return holds(question[1:-1], item)
    if found := ANY.fullmatch(question):
        return _property_holds(found[2], found[3], item)
    if not (plain := re.fullmatch(r"(\w+) (eq|ne|ge|gt|le|lt) (.+)", question)):
        raise Refusal("BadRequest", f"Invalid filter clause: {question}")
    known: dict[str, Any] = {
        "isRead": item.read,
        "isDraft": item.draft,
        "internetMessageId": item.facts.message_id,
        "subject": item.subject,
        "receivedDateTime": item.received,
    }
    name, word, constant = plain.groups()
    if name not in known:
        raise Refusal("ErrorInvalidProperty", f"{name} cannot be filtered by.")
    value = known[name]
    other: Any = constant.strip("'").replace("''", "'")
    if isinstance(value, bool):
        other = constant == "true"
    elif isinstance(value, datetime):
        other = prop.instant(constant)
    return _compared(word, value, other)


def _property_holds(named: str, question: str, item: Item) -> bool:
    """Names are compared as they are, values whatever their case: [graph] api/singlevaluelegacyextendedproperty-get"""
    _, key = key_of(named)
    one = property_of(item, key)
    value = one.value.casefold() if one else None
    if found := re.fullmatch(r"(contains|startswith)\(\w+/value, ?'(.*)'\)", question):
        wanted = found[2].casefold()
        return value is not None and (wanted in value if found[1] == "contains" else value.startswith(wanted))
    if found := re.fullmatch(r"(?:cast\()?\w+/value(?:, ?[\w.]+\))? (eq|ne) '?(.*?)'?", question):
        return _compared(found[1], value, found[2].replace("''", "'").casefold())
    raise Refusal("BadRequest", f"Invalid filter clause: {question}")


def _compared(word: str, one: Any, other: Any) -> bool:
    if word in ("eq", "ne"):
        return (one == other) == (word == "eq")
    return {"ge": one >= other, "gt": one > other, "le": one <= other, "lt": one < other}[word]


def _flag(item: Item) -> str:
    status = item.properties.get(prop.FLAG_STATUS)
    return {"1": "complete", "2": "flagged"}.get(status.value if status else "", "notFlagged")


def _people(item: Item, header: str) -> Iterator[dict[str, Any]]:
    for name, address in item.facts.people(header):
        yield {"emailAddress": {"name": name or address, "address": address}}


def _time(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
