"""Shared inboxes on Exchange: rights by folder permissions, states by categories and the follow-up flag, the legend by
a property of the folder.

Full Access and Send As belong to the whole mailbox, and are its administrator's (`adapters.microsoft.script`). Nobody
becomes a delegate: AddDelegate is for somebody's secretary, with meeting requests and levels for calendar and contacts.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing

from lxml import etree
from requests.structures import CaseInsensitiveDict
from typing_extensions import override

from adapters.microsoft.folders import INBOX
from adapters.microsoft.letters import is_category
from adapters.microsoft.target import shown
from adapters.microsoft.words import COMPLETE, TO_FOLLOW_UP
from migrator.errors import FolderError, Reason
from migrator.inboxes import WORD, Held, Right, Status
from migrator.model import Amended, Flag, Gone, Mailbox, Place, Touched, Unable
from migrator.ports import Holds, Target

from . import permissions, reading
from .changes import set_to, update, updates, without
from .config import ExchangeConfig
from .public import PublicTree
from .target import ExchangeTarget
from .troubles import ABOUT_THE_MAILBOX, CHANGED, GONE, NO_FOLDER, NOT_NOW, Refusal
from .words import FLAG_STATUS, FOLLOWED, LEGEND, t

LONGEST_LEGEND = 30_000
"""Bytes of a property that every way to a folder can carry in one piece ([MS-OXCRPC]: buffers of 32 KB)."""

ATTEMPTS = 3
"""How often a mail is asked about that changes under our hands."""

CLOSED = f"{WORD}{Status.CLOSED}"
LABEL = f"{WORD}label."
"""How the word of a state begins that nobody has explained; it counts as open."""
OPEN = frozenset(f"{WORD}{each}" for each in (Status.OPEN, Status.IN_PROGRESS, Status.WAITING, Status.ON_HOLD))


def open_target(config: ExchangeConfig, mailbox: Mailbox) -> AbstractContextManager[Target]:
    """Log in to one mailbox and look at its folders. Raises UsageError, AccountError, Outage."""
    target = SharedExchangeTarget(config, mailbox)
    try:
        _ = target.tree.top
    except BaseException:
        target.close()
        raise
    return closing(target)


class SharedExchangeTarget(ExchangeTarget):
    """`ports.Target` that is also `ports.SharedTarget`; its folders may lie below a public one."""

    def __init__(self, config: ExchangeConfig, mailbox: Mailbox) -> None:
        super().__init__(config, mailbox)
        root = config.root(mailbox.owner, mailbox.account)
        if root is not None:
            self.tree = PublicTree(self._wire, mailbox.owner, root)

    @override
    def advice(self) -> Iterator[Reason]:
        yield from super().advice()
        if isinstance(self.tree, PublicTree):
            inbox = Place(self._owner, INBOX)
            with self._told(inbox):
                may = permissions.read(self._wire, self.asked_of(inbox)).everybody
            if may - {"IsFolderVisible"}:
                yield Reason("exchange.public-open", mailbox=self._owner, rights=permissions.held(may).word)

    def holds(self) -> Holds:
        return Holds(
            rights=frozenset(permissions.NEEDS) if self._may_share() else frozenset(),
            words=0 if self._config.states == "none" else None,
            legend=True,
            categories=True,
        )

    def _may_share(self) -> bool:
        """Whether we may change the folders' permissions."""
        inbox = Place(self._owner, INBOX)
        with self._told(inbox):
            field = '<t:FieldURI FieldURI="folder:EffectiveRights"/>'
            found = permissions.asked(self._wire, self.asked_of(inbox), field)
        return found.findtext(f"{t('EffectiveRights')}/{t('Modify')}") in ("true", "1")

    def asked_of(self, place: Place) -> str:
        """The folder that answers for a place: as long as it is not there, the one above all."""
        entry = self.tree.find(place)
        return self.tree.top if entry is None else entry.identity

    # -- rights ------------------------------------------------------------------------------------------------------

    def rights(self, place: Place) -> Mapping[str, Held]:
        with self._told(place):
            found = permissions.read(self._wire, self._entry(place).identity)
        named = (each for each in found.entries if each.address not in ("", self._owner.lower()))
        return CaseInsensitiveDict({each.address: permissions.held(each.may) for each in named})

    def grant(self, place: Place, who: str, rights: frozenset[Right]) -> Held | Unable:
        if missing := rights - permissions.NEEDS.keys():
            return Unable(Reason("shared.right-not-held", right=min(missing), who=who))
        if not permissions.is_address(who):
            return Unable(Reason("shared.name-impossible"))
        entry = self._entry(place)
        with self._told(place):
            found = permissions.read(self._wire, entry.identity)
            now = found.of(who)
            wished = permissions.with_rights(now or frozenset(), rights)
            try:
                if wished != now:
                    permissions.write(self._wire, found.giving(who, wished))
            except Refusal as refusal:
                if refusal.code in {*NOT_NOW, *ABOUT_THE_MAILBOX, *NO_FOLDER}:
                    raise
                return Unable(Reason("exchange.rights-refused", place=shown(place), who=who, answer=refusal.code))
            return permissions.held(permissions.read(self._wire, entry.identity).of(who))

    def revoke(self, place: Place, who: str, now: str, was: str) -> bool:
        entry = self._entry(place)
        with self._told(place):
            permitted = permissions.read(self._wire, entry.identity)
            found = permissions.held(permitted.of(who)).word
            if found not in (now, was):
                return False
            if found != was:
                permissions.write(self._wire, permitted.giving(who, permissions.meant(was)))
        return True

    # -- states ------------------------------------------------------------------------------------------------------

    def set_state(
        self, place: Place, ref: str, state: frozenset[str], was: frozenset[str]
    ) -> Amended | Touched | Gone | Unable:
        if state and (self._config.states == "none" or not all(map(is_category, state))):
            return Unable(Reason("shared.words-not-held", place=shown(place)))
        entry = self._entry(place)
        with self._told(place):
            item = self._item(entry, ref)
            for left in reversed(range(ATTEMPTS)):
                found = None if item is None else reading.look(self._wire, item)
                if found is None:
                    return Gone()
                seen = self._sighting(entry, found)
                words = words_in(seen.flags)
                if words == state:
                    return Amended(ref, seen.flags)
                if words != was or not left:
                    return Touched(seen)
                self._reword(found, seen.flags, (seen.flags - words) | state)
        raise AssertionError("the last look returns")

    def _reword(self, found: etree._Element, now: frozenset[Flag], wished: frozenset[Flag]) -> None:
        """Give a mail other words, unless somebody has just changed it or it has gone. Raises Refusal."""
        changes = [*updates(now, wished), *followed_up(found, words_in(wished))]
        answer, *_ = self._wire.call(update(*reading.identity(found), changes))
        if not answer.ok and answer.code not in CHANGED | GONE:
            raise answer.refusal

    def states(self, place: Place) -> Iterator[tuple[str, frozenset[str]]]:
        for seen in self.survey(place, None):
            if words := words_in(seen.flags):
                yield seen.ref, words

    # -- the legend --------------------------------------------------------------------------------------------------

    def publish(self, place: Place, legend: str) -> None:
        value = legend.encode()
        if len(value) > LONGEST_LEGEND:
            limit = LONGEST_LEGEND
            raise FolderError(Reason("exchange.legend-too-long", place=shown(place), size=len(value), limit=limit))
        entry = self._entry(place)
        with self._told(place):
            key = permissions.read(self._wire, entry.identity).change_key
            named = LEGEND.valued(base64.b64encode(value).decode())
            permissions.change(self._wire, entry.identity, key, LEGEND.field, named)

    def legend(self, place: Place) -> str | None:
        entry = self._entry(place)
        with self._told(place):
            value = LEGEND.of(permissions.asked(self._wire, entry.identity, LEGEND.field))
        try:
            return None if value is None else base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return None


def words_in(flags: frozenset[Flag]) -> frozenset[str]:
    """Those of a mail's flags that are words of ours."""
    return frozenset(flag for flag in flags if flag.startswith(WORD))


def followed_up(item: etree._Element, state: frozenset[str]) -> Iterator[str]:
    """What gives a mail the follow-up flag that goes with its state: to follow up while it is open, complete when it is
    closed, none of any other. A flag that is a person's stays as it is, also one of ours that a person has changed.

    [MS-OXWSCORE] 2.2.4.23 (FlagType): nothing but the status is needed; Exchange dates what is complete by itself.
    """
    ours, now = int(FOLLOWED.of(item) or 0), int(FLAG_STATUS.of(item) or 0)
    is_open = any(word in OPEN or word.startswith(LABEL) for word in state)
    wished = TO_FOLLOW_UP if is_open else COMPLETE if CLOSED in state else 0
    if now != ours or wished == ours:
        return
    status = {0: "NotFlagged", COMPLETE: "Complete", TO_FOLLOW_UP: "Flagged"}[wished]
    flag = f"<t:Flag><t:FlagStatus>{status}</t:FlagStatus></t:Flag>"
    yield set_to('<t:FieldURI FieldURI="item:Flag"/>', flag)
    yield set_to(FOLLOWED.field, FOLLOWED.valued(wished)) if wished else without(FOLLOWED.field)
