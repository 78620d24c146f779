"""The Exchange double: folders, who may what in them, and public folders."""

import base64

import pytest
from exchangelib.errors import (
    ErrorFolderExists,
    ErrorFolderNotFound,
    ErrorImpersonateUserDenied,
    ErrorNonExistentMailbox,
)
from exchangelib.folders import Messages

from tests.doubles.ews import account, ask, codes, create, distinguished, found, mail, message
from tests.servers.exchange import ALICE, BOB, SERVICE, TEAM, Exchange
from tests.servers.exchange.rights import LEVELS, Rights
from tests.servers.exchange.shapes import folder_id
from tests.servers.exchange.xml import Element, m, t


def make(name: str, parent: Element | None = None, *more: Element) -> Element:
    above = distinguished("msgfolderroot") if parent is None else parent
    return m("CreateFolder", m("ParentFolderId", above), m("Folders", t("Folder", t("DisplayName", name), *more)))


def rights_of(*given: Element) -> Element:
    return t("PermissionSet", t("Permissions", *given))


def permission(user: str, level: str, *single: Element) -> Element:
    who = t("DistinguishedUser", user) if user == "Default" else t("PrimarySmtpAddress", user)
    return t("Permission", t("UserId", who), *single, t("PermissionLevel", level))


def set_rights(folder: Element, *given: Element) -> Element:
    field = t("SetFolderField", t("FieldURI", FieldURI="folder:PermissionSet"), t("Folder", rights_of(*given)))
    return m("UpdateFolder", m("FolderChanges", t("FolderChange", folder, t("Updates", field))))


def test_roles_are_known_by_their_ids_whatever_the_language_of_their_names(exchange: Exchange) -> None:
    mailbox = account(exchange)
    assert (mailbox.inbox.name, mailbox.sent.name) == ("受信トレイ", "送信済みアイテム")
    assert mailbox.root.get_default_folder(type(mailbox.drafts)).name == "下書き"


def test_folders_are_made_renamed_moved_emptied_and_deleted(exchange: Exchange) -> None:
    mailbox = account(exchange)
    desk = Messages(parent=mailbox.msg_folder_root, name="取引先 & <A/B>")
    desk.save()
    inner = Messages(parent=desk, name="2009")
    inner.save()
    inner.name = "平成21年"
    inner.save(update_fields=["name"])
    mailbox.bulk_create(folder=inner, items=[mail(mailbox)])
    assert len(exchange[ALICE].held(exchange[ALICE].folder("取引先 & <A/B>", "平成21年").id)) == 1
    inner.move(mailbox.inbox)
    inner.empty()
    assert exchange[ALICE].held(exchange[ALICE].folder("受信トレイ", "平成21年").id) == []
    inner.delete()
    with pytest.raises(KeyError):
        exchange[ALICE].folder("受信トレイ", "平成21年")


def test_siblings_have_different_names_whatever_their_case(exchange: Exchange) -> None:
    mailbox = account(exchange)
    Messages(parent=mailbox.msg_folder_root, name="Desk").save()
    with pytest.raises(ErrorFolderExists):
        Messages(parent=mailbox.msg_folder_root, name="DESK").save()
    Messages(parent=mailbox.inbox, name="Desk").save()


@pytest.mark.parametrize("name", ["", "  ", "x" * 257, "a\\b"])
def test_a_name_may_be_too_long_or_have_characters_a_server_forbids(exchange: Exchange, name: str) -> None:
    exchange.illegal = frozenset("\\")
    assert codes(exchange, make(name)) == ["ErrorFolderSavePropertyError"]


def test_folders_with_a_role_are_neither_deleted_nor_moved_nor_renamed(exchange: Exchange) -> None:
    inbox = m("FolderIds", distinguished("inbox"))
    assert codes(exchange, m("DeleteFolder", inbox, DeleteType="HardDelete")) == ["ErrorDeleteDistinguishedFolder"]
    inbox = m("FolderIds", distinguished("inbox"))
    to = m("ToFolderId", distinguished("drafts"))
    assert codes(exchange, m("MoveFolder", to, inbox)) == ["ErrorMoveDistinguishedFolder"]
    field = t("SetFolderField", t("FieldURI", FieldURI="folder:DisplayName"), t("Folder", t("DisplayName", "Mine")))
    change = t("FolderChange", distinguished("inbox"), t("Updates", field))
    assert codes(exchange, m("UpdateFolder", m("FolderChanges", change))) == ["ErrorAccessDenied"]


def test_a_folder_that_is_not_empty_may_refuse_to_go(exchange: Exchange) -> None:
    exchange.full_folders_stay = True
    ask(exchange, make("Desk"))
    desk = exchange[ALICE].folder("Desk")
    ask(exchange, create(message(), folder=folder_id(desk)))
    body = m("DeleteFolder", m("FolderIds", folder_id(desk)), DeleteType="HardDelete")
    assert codes(exchange, body) == ["ErrorCannotDeleteObject"]


def test_a_permission_set_replaces_the_one_before(exchange: Exchange) -> None:
    inbox = exchange[ALICE].role("inbox")
    assert codes(
        exchange, set_rights(folder_id(inbox), permission(BOB, "Editor"), permission("Default", "Reviewer"))
    ) == ["NoError"]
    assert inbox.rights == {"Default": LEVELS["Reviewer"], "Anonymous": LEVELS["None"], BOB: LEVELS["Editor"]}
    single = (
        t("CanCreateItems", True),
        t("IsFolderVisible", True),
        t("EditItems", "Owned"),
        t("ReadItems", "FullDetails"),
    )
    assert codes(exchange, set_rights(folder_id(inbox), permission(TEAM, "Custom", *single))) == ["NoError"]
    assert BOB not in inbox.rights
    assert inbox.rights[TEAM] == Rights(create=True, visible=True, edit="Owned", read=True)
    shape = m(
        "FolderShape",
        t("BaseShape", "IdOnly"),
        t("AdditionalProperties", t("FieldURI", FieldURI="folder:PermissionSet")),
    )
    (answer,) = ask(exchange, m("GetFolder", shape, m("FolderIds", distinguished("inbox"))))
    assert found(answer, "PermissionLevel") == ["Reviewer", "None", "Custom"]


def test_a_level_and_single_rights_do_not_mix_and_a_user_is_there_once(exchange: Exchange) -> None:
    inbox = folder_id(exchange[ALICE].role("inbox"))
    mixed = permission(BOB, "Editor", t("CanCreateItems", True))
    assert codes(exchange, set_rights(inbox, mixed)) == ["ErrorInvalidPermissionSettings"]
    inbox = folder_id(exchange[ALICE].role("inbox"))
    twice = (permission(BOB, "Editor"), permission(BOB, "Author"))
    assert codes(exchange, set_rights(inbox, *twice)) == ["ErrorDuplicateUserIdsSpecified"]
    unkeyed = t("FolderId", Id=exchange[ALICE].role("inbox").id)
    assert codes(exchange, set_rights(unkeyed, permission(BOB, "Editor"))) == [
        "ErrorChangeKeyRequiredForWriteOperations"
    ]


def test_rights_decide_what_a_delegate_finds_and_may_do(exchange: Exchange) -> None:
    ask(exchange, create(message()))
    (item,) = exchange[ALICE].items.values()
    rights = exchange[ALICE].role("inbox").rights
    inbox = m("GetFolder", m("FolderShape", t("BaseShape", "IdOnly")), m("FolderIds", distinguished("inbox", ALICE)))
    read = m("GetItem", m("ItemShape", t("BaseShape", "IdOnly")), m("ItemIds", t("ItemId", Id=item.id)))
    write = create(message(), folder=distinguished("inbox", ALICE))
    delete = m("DeleteItem", m("ItemIds", t("ItemId", Id=item.id)), DeleteType="HardDelete")
    expected = {
        "None": ["ErrorFolderNotFound", "ErrorItemNotFound", "ErrorFolderNotFound", "ErrorItemNotFound"],
        "Reviewer": ["NoError", "NoError", "ErrorAccessDenied", "ErrorAccessDenied"],
        "Contributor": ["NoError", "ErrorItemNotFound", "NoError", "ErrorItemNotFound"],
        "Author": ["NoError", "NoError", "NoError", "ErrorAccessDenied"],
        "Editor": ["NoError", "NoError", "NoError", "NoError"],
    }
    for level, answers in expected.items():
        rights[BOB] = LEVELS[level]
        said = [codes(exchange, body, user=BOB)[0] for body in (inbox, read, write, delete)]
        assert said == answers, level
    rights[BOB] = LEVELS["Author"]
    more = t("AdditionalProperties", t("FieldURI", FieldURI="folder:EffectiveRights"))
    ids = m("FolderIds", distinguished("inbox", ALICE))
    (answer,) = ask(exchange, m("GetFolder", m("FolderShape", t("BaseShape", "IdOnly"), more), ids), user=BOB)
    shown = [found(answer, name)[0] for name in ("CreateContents", "CreateHierarchy", "Read")]
    assert shown == ["true", "false", "true"]


def test_full_access_opens_the_whole_mailbox(exchange: Exchange) -> None:
    with pytest.raises(ErrorFolderNotFound):
        _ = account(exchange, TEAM, BOB).inbox
    exchange[TEAM].full_access.add(BOB)
    mailbox = account(exchange, TEAM, BOB)
    mailbox.bulk_create(folder=mailbox.inbox, items=[mail(mailbox)])
    assert [each.creator for each in exchange[TEAM].items.values()] == [BOB]


def test_impersonation_takes_a_role_and_a_mailbox_that_exists(exchange: Exchange) -> None:
    mailbox = account(exchange, ALICE, SERVICE)
    mailbox.bulk_create(folder=mailbox.inbox, items=[mail(mailbox)])
    assert [each.creator for each in exchange[ALICE].items.values()] == [ALICE], "the mail is as if alice had made it"
    with pytest.raises(ErrorNonExistentMailbox):
        _ = account(exchange, "nobody@example.co.jp", SERVICE).inbox
    exchange.impersonators.clear()
    with pytest.raises(ErrorImpersonateUserDenied):
        _ = account(exchange, BOB, SERVICE).inbox


def test_delegates_are_added_changed_and_removed(exchange: Exchange) -> None:
    owner = m("Mailbox", t("EmailAddress", ALICE))

    def delegate(level: str, user: str = BOB) -> Element:
        levels = t("DelegatePermissions", t("InboxFolderPermissionLevel", level))
        return m("DelegateUsers", t("DelegateUser", t("UserId", t("PrimarySmtpAddress", user)), levels))

    def said(name: str, *more: Element, **attributes: str) -> list[str]:
        return codes(exchange, m(name, m("Mailbox", t("EmailAddress", ALICE)), *more, **attributes))

    users = m("UserIds", t("UserId", t("PrimarySmtpAddress", BOB)))
    assert said("UpdateDelegate", delegate("Author")) == ["ErrorNotDelegate"]
    assert said("AddDelegate", delegate("Editor")) == ["NoError"]
    assert said("AddDelegate", delegate("Editor")) == ["ErrorDelegateAlreadyExists"]
    assert said("AddDelegate", delegate("Editor", ALICE)) == ["ErrorDelegateCannotAddOwner"]
    assert exchange[ALICE].role("inbox").rights[BOB] == LEVELS["Editor"]
    assert said("UpdateDelegate", delegate("Reviewer")) == ["NoError"]
    (answer,) = ask(exchange, m("GetDelegate", owner, IncludePermissions="true"))
    assert found(answer, "InboxFolderPermissionLevel") == ["Reviewer"]
    assert [each.delegate_permissions.inbox_folder_permission_level for each in account(exchange).delegates] == [
        "Reviewer"
    ]
    assert said("RemoveDelegate", users) == ["NoError"]
    assert (exchange[ALICE].delegates, BOB in exchange[ALICE].role("inbox").rights) == ({}, False)


def test_public_folders_ask_for_the_mailbox_that_holds_their_content(exchange: Exchange) -> None:
    assert codes(exchange, make("共有", distinguished("publicfoldersroot"))) == ["NoError"]
    folder = exchange.store.public.folder("共有")
    shape = t("AdditionalProperties", t("ExtendedFieldURI", PropertyTag="26264", PropertyType="Binary"))
    root = m("ParentFolderIds", distinguished("publicfoldersroot"))
    find = m("FindFolder", m("FolderShape", t("BaseShape", "IdOnly"), shape), root, Traversal="Shallow")
    (answer,) = ask(exchange, find)
    holder = base64.b64decode(found(answer, "Value")[0]).rstrip(b"\0").decode() + "@example.co.jp"
    write = create(message(), folder=folder_id(folder))
    assert codes(exchange, write) == ["ErrorFolderNotFound"]
    assert codes(exchange, write, headers={"X-AnchorMailbox": ALICE}) == ["ErrorFolderNotFound"]
    routed = {"X-AnchorMailbox": holder, "X-PublicFolderMailbox": holder}
    assert codes(exchange, write, headers=routed) == ["NoError"]
    assert len(exchange.store.public.items) == 1


def test_what_public_folders_cannot(exchange: Exchange) -> None:
    root = distinguished("publicfoldersroot")
    shape = m("FolderShape", t("BaseShape", "IdOnly"))
    deep = m("FindFolder", shape, m("ParentFolderIds", root), Traversal="Deep")
    assert codes(exchange, deep) == ["ErrorInvalidOperation"]
    empty = m(
        "EmptyFolder",
        m("FolderIds", distinguished("publicfoldersroot")),
        DeleteType="HardDelete",
        DeleteSubFolders="true",
    )
    assert codes(exchange, empty) == ["ErrorInvalidOperation"]
