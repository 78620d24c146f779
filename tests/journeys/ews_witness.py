"""Two shared inboxes as anybody can look at them on an Exchange: requests written out by hand, sent as one person.

No code that migrates is asked, and none of exchangelib either.
"""

import base64
import email
import json
from dataclasses import dataclass
from datetime import datetime
from email import policy
from typing import Any
from xml.sax.saxutils import escape

import requests
from lxml import etree

from tests.journeys.witness import May, Seen, Sent
from tests.servers.exchange import PASSWORD

T = "{http://schemas.microsoft.com/exchange/services/2006/types}"
M = "{http://schemas.microsoft.com/exchange/services/2006/messages}"
ENVELOPE = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:t="{t}" xmlns:m="{m}">'
    '<s:Header><t:RequestServerVersion Version="Exchange2016"/></s:Header><s:Body>{body}</s:Body></s:Envelope>'
)
FOLDERS = {"INBOX": "inbox", "Sent": "sentitems", "Trash": "deleteditems", "Junk": "junkemail", "Drafts": "drafts"}
LEGEND = (
    '<t:ExtendedFieldURI DistinguishedPropertySetId="PublicStrings" PropertyName="migrator-legend"'
    ' PropertyType="Binary"/>'
)


@dataclass
class Eye:
    """One person before the folders of an inbox. `routed` goes with requests for public folders."""

    url: str
    person: str
    folders: dict[str, str]
    """Their ids as elements, by name."""
    routed: str = ""

    def ask(self, body: str) -> Any:
        """The one response message; None where it is no success."""
        whole = ENVELOPE.format(t=T.strip("{}"), m=M.strip("{}"), body=body)
        headers = {"Content-Type": "text/xml"}
        if self.routed:
            headers |= {"X-AnchorMailbox": self.routed, "X-PublicFolderMailbox": self.routed}
        answer = requests.post(self.url, data=whole.encode(), headers=headers, auth=(self.person, PASSWORD), timeout=20)
        message = etree.fromstring(answer.content).find(f".//{M}ResponseMessages/*")
        return None if message is None or message.get("ResponseClass") != "Success" else message

    def folder(self, name: str, field: str) -> Any:
        found = self.ask(
            "<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>"
            f"{field}</t:AdditionalProperties></m:FolderShape><m:FolderIds>{self.folders[name]}</m:FolderIds></m:GetFolder>"
        )
        return None if found is None else found.find(f"{M}Folders")[0]

    def items(self, name: str) -> list[Any]:
        """Every mail of a folder; none where there is no such folder for this person."""
        fields = ("item:Categories", "item:Flag", "item:Subject", "item:DateTimeReceived", "item:Importance")
        asked = "".join(f'<t:FieldURI FieldURI="{field}"/>' for field in fields)
        found = self.ask(
            '<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>'
            f"{asked}</t:AdditionalProperties></m:ItemShape><m:ParentFolderIds>{self.folders[name]}</m:ParentFolderIds></m:FindItem>"
        )
        return [] if found is None else list(found.iterfind(f".//{T}Items/*"))

    def whole(self, item: Any) -> bytes:
        found = self.ask(
            "<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:IncludeMimeContent>true</t:IncludeMimeContent>"
            f"</m:ItemShape><m:ItemIds>{named(item)}</m:ItemIds></m:GetItem>"
        )
        return base64.b64decode(found.findtext(f".//{T}MimeContent"))

    def put(self, name: str, raw: bytes) -> bool:
        mime = base64.b64encode(raw).decode()
        answer = self.ask(
            '<m:CreateItem MessageDisposition="SaveOnly">'
            f"<m:SavedItemFolderId>{self.folders[name]}</m:SavedItemFolderId><m:Items><t:Message><t:MimeContent>{mime}</t:MimeContent></t:Message></m:Items></m:CreateItem>"
        )
        return answer is not None

    def set(self, item: Any, field: str, value: str) -> bool:
        """Set one field of a mail, whatever it was."""
        update = f'<t:SetItemField><t:FieldURI FieldURI="item:{field}"/><t:Message>{value}</t:Message></t:SetItemField>'
        answer = self.ask(
            '<m:UpdateItem ConflictResolution="AlwaysOverwrite" MessageDisposition="SaveOnly"><m:ItemChanges>'
            f"<t:ItemChange>{named(item)}<t:Updates>{update}</t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>"
        )
        return answer is not None

    def remove(self, item: Any) -> bool:
        answer = self.ask(f'<m:DeleteItem DeleteType="HardDelete"><m:ItemIds>{named(item)}</m:ItemIds></m:DeleteItem>')
        return answer is not None

    def mark(self, name: str) -> bool:
        """What only an owner of the folder may do with it."""
        found = self.folder(name, '<t:FieldURI FieldURI="folder:FolderClass"/>')
        if found is None:
            return False
        identity = etree.tostring(found.find(f"{T}FolderId")).decode()
        changed = "<t:Folder><t:FolderClass>IPF.Note</t:FolderClass></t:Folder>"
        answer = self.ask(
            f"<m:UpdateFolder><m:FolderChanges><t:FolderChange>{identity}<t:Updates><t:SetFolderField>"
            f'<t:FieldURI FieldURI="folder:FolderClass"/>{changed}</t:SetFolderField></t:Updates></t:FolderChange>'
            "</m:FolderChanges></m:UpdateFolder>"
        )
        return answer is not None


def named(item: Any) -> str:
    found = item.find(f"{T}ItemId")
    return f'<t:ItemId Id="{escape(found.get("Id"))}" ChangeKey="{escape(found.get("ChangeKey"))}"/>'


def eye(url: str, person: str, owner: str) -> Eye:
    """A person before the well-known folders of somebody's mailbox."""
    mailbox = f"<t:Mailbox><t:EmailAddress>{owner}</t:EmailAddress></t:Mailbox>"
    ids = {
        name: f'<t:DistinguishedFolderId Id="{role}">{mailbox}</t:DistinguishedFolderId>'
        for name, role in FOLDERS.items()
    }
    return Eye(url, person, ids)


def tries(person: Eye, owner: Eye, name: str = "INBOX") -> May:
    """Everything a person might do in a folder, each thing tried and then looked at by the owner."""
    (first, *_) = owner.items(name)
    may = May(read=bool(person.items(name)), admin=person.mark(name))
    may.flag = person.set(first, "Importance", "<t:Importance>High</t:Importance>")
    assert may.flag == (owner.items(name)[0].findtext(f"{T}Importance") == "High")
    owner.set(first, "Importance", "<t:Importance>Normal</t:Importance>")
    may.insert = person.put(name, b"Subject: mine\r\n\r\nx\r\n")
    mine = [each for each in owner.items(name) if each.findtext(f"{T}Subject") == "mine"]
    assert bool(mine) == may.insert
    may.delete = person.remove((mine or [first])[0])
    if mine and not may.delete:
        owner.remove(mine[0])
    return may


def levels(owner: Eye, name: str = "INBOX") -> dict[str, str]:
    """Everybody's level in a folder, as the server calls it."""
    found = owner.folder(name, '<t:FieldURI FieldURI="folder:PermissionSet"/>')
    return {
        each.findtext(f".//{T}PrimarySmtpAddress"): each.findtext(f"{T}PermissionLevel")
        for each in found.iter(f"{T}Permission")
        if each.find(f".//{T}PrimarySmtpAddress") is not None
    }


def legend(owner: Eye, name: str = "INBOX") -> Any:
    return json.loads(base64.b64decode(owner.folder(name, LEGEND).findtext(f".//{T}Value")))


@dataclass
class Flagged(Seen):
    """With what its follow-up flag says."""

    flag: str = ""


def at_target(owner: Eye) -> list[Flagged]:
    found = []
    for name in owner.folders:
        for item in owner.items(name):
            said = {each.text for each in item.iterfind(f"{T}Categories/{T}String")}
            at = datetime.fromisoformat(item.findtext(f"{T}DateTimeReceived")[:19])
            mail = email.message_from_bytes(owner.whole(item), policy=policy.default)
            words = {word for word in said if word.startswith("gw_")}
            found.append(Flagged(name, words, mail, at, item.findtext(f"{T}Flag/{T}FlagStatus") or ""))
    return found


def new_server(owner: Eye) -> list[Sent]:
    """By what it returns, and what its legend says of words that nobody has explained."""
    meant = legend(owner)["states"]
    found = []
    for each in at_target(owner):
        states = {"gw_open" if meant[word]["status"] is None else word for word in each.keywords & meant.keys()}
        found.append(Sent(each.folder, each.at, each.mail, states))
    return found
