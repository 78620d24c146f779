"""Shared inboxes over IMAP: rights by ACL (RFC 4314), states as keywords or folders, the legend by METADATA (RFC 5464).

Members see the owner's folders in the namespace of other people's mail, or a public one (RFC 2342). Whom a mail may be
sent as is no matter of IMAP, but of the server that submits it.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from migrator.errors import FolderError, Reason
from migrator.inboxes import WORD, Held, Right
from migrator.model import Amended, Flag, Gone, Mailbox, Place, Reflag, Sighting, Touched, Unable
from migrator.ports import Holds

from . import reading
from .answers import Data
from .changes import Mail
from .config import ImapConfig
from .folders import INBOX
from .session import No
from .target import ImapTarget, shown, told
from .words import base64_string, identifier, quoted

LETTERS: Mapping[Right, str] = {
    Right.READ: "lr",
    Right.REPLY: "lrswi",
    Right.DELETE: "te",
    Right.ADMIN: "a",
}
"""The letters of RFC 4314 §2.1 that a right needs. `l` and `r` find and read a folder. Who answers also keeps what is
read and flagged (`s`, `w`) and puts answers there (`i`); a reader's own reading must not make a mail look read to those
who answer. `t` and `e` delete, `a` lets others in."""

OBSOLETE = frozenset("cd")
"""Letters of RFC 2086 that a server says beside those that took their place (RFC 4314 §2.1.1)."""

ORDER = "lrswipkxtea"
LEGEND = b"/shared/vendor/migrator/legend"
LONGEST_LEGEND = 48_000
"""Bytes of a legend as it travels: servers end connections over longer lines (Dovecot: imap_max_line_length, 64 KB)."""

ATTEMPTS = 3
"""How often a mail is asked about whose flags change under our hands."""


@contextmanager
def open_target(config: ImapConfig, mailbox: Mailbox) -> Iterator["SharedImapTarget"]:
    """Raises UsageError, AccountError, Outage."""
    target = SharedImapTarget(config, mailbox)
    try:
        yield target
    finally:
        target.close()


class SharedImapTarget(ImapTarget):
    """`ports.Target` that is also `ports.SharedTarget`."""

    def holds(self) -> Holds:
        inbox = Place(self._mailbox.owner, INBOX)
        words = self._config.keywords if self._config.states != "none" and self._flags_of(inbox).new else 0
        grantable = self._grantable(inbox)
        return Holds(
            rights=frozenset(right for right, letters in LETTERS.items() if set(letters) <= grantable),
            words=words,
            legend=self._session.can("METADATA"),
            folders=self._config.states == "folders" and self._can_shelve(),
        )

    def _can_shelve(self) -> bool:
        """Whether a place can have sub-folders (RFC 9051 §7.3.1), and a mail be moved there."""
        inbox = self.tree.find(Place(self._mailbox.owner, INBOX))
        nests = bool(self.tree.separator) and (inbox is None or "\\noinferiors" not in inbox.attributes)
        return nests and (self._session.can("MOVE") or self._session.can("UIDPLUS"))

    # -- rights ------------------------------------------------------------------------------------------------------

    def _grantable(self, place: Place) -> set[str]:
        """The letters that we may give one by one (LISTRIGHTS; RFC 4314 §3.7), none where we may not give any."""
        if not self._session.can("ACL"):
            return set()
        name = quoted(self.asked_of(place))
        try:
            (mine, *_), *_ = [*self._said(b"MYRIGHTS " + name, b"MYRIGHTS"), ("",)]
            if "a" not in mine:
                return set()
            who = identifier(self._mailbox.owner)
            (_, *groups), *_ = [*self._said(b"LISTRIGHTS %b %b" % (name, who or b'"x"'), b"LISTRIGHTS", 2), ("",)]
        except No:
            return set()
        return {group for group in groups if len(group) == 1}

    def rights(self, place: Place) -> Mapping[str, Held]:
        if not self._session.can("ACL"):
            return {}
        with told(place):
            (pairs, *_) = [*self._said(b"GETACL " + quoted(self._entry(place).name), b"ACL"), ()]
        everybody = zip(pairs[::2], pairs[1::2], strict=False)
        return {who: _held(word) for who, word in everybody if who not in ("owner", self._mailbox.owner)}

    def grant(self, place: Place, who: str, rights: frozenset[Right]) -> Held | Unable:
        if missing := rights - self.holds().rights:
            return Unable(Reason("shared.right-not-held", right=min(missing), who=who))
        if identifier(who) is None:
            return Unable(Reason("shared.name-impossible"))
        letters = "".join(sorted({letter for right in rights for letter in LETTERS[right]}, key=ORDER.index))
        try:
            self._set_acl(place, who, "+" + letters)
        except No as no:
            if no.status.not_now:
                raise no.as_folder("imap.acl-refused", place=shown(place), who=who) from no
            return Unable(no.about("imap.acl-refused", place=shown(place), who=who))
        return self.rights(place).get(who, _held(""))

    def revoke(self, place: Place, who: str, now: str, was: str) -> bool:
        found = self.rights(place).get(who, _held("")).word
        if found not in (now, was):
            return False
        if found != was:
            with told(place):
                self._set_acl(place, who, was)
        return True

    def _set_acl(self, place: Place, who: str, letters: str) -> None:
        """Raises No. `letters` begin with + where they are given beside others; none: nothing is left."""
        name, whom = quoted(self._entry(place).name), identifier(who)
        if whom is None or not set(letters) <= set("+" + ORDER):
            raise AssertionError(f"no such right: {letters!r}")
        if letters:
            self._session.run(b"SETACL %b %b %b" % (name, whom, quoted(letters.encode())))
        else:
            self._session.run(b"DELETEACL %b %b" % (name, whom))

    def _said(self, command: bytes, kind: bytes, after: int = 1) -> Iterator[tuple[str, ...]]:
        """The words of every answer of that kind, after the folder's name and what follows it. Raises No."""
        for said in self._session.run(command):
            if isinstance(said, Data) and said.kind == kind:
                words = said.values[1 + after :]
                yield tuple(word.decode("utf-8", "replace") if isinstance(word, bytes) else "" for word in words)

    # -- states ------------------------------------------------------------------------------------------------------

    def set_state(
        self, place: Place, ref: str, state: frozenset[str], was: frozenset[str]
    ) -> Amended | Touched | Gone | Unable:
        permitted = self._flags_of(place)
        if state and (self._config.states == "none" or not all(permitted.word(word) for word in state)):
            return Unable(Reason("shared.words-not-held", place=shown(place)))
        with told(place):
            name = self._entry(place).name
            found = self._sighted(name, ref)
            for _ in range(ATTEMPTS):
                if found is None:
                    return Gone()
                words = words_in(found.flags)
                if words == state:
                    return Amended(ref, found.flags)
                if words != was:
                    return Touched(found)
                change = Reflag(add=state - words, remove=words - state)
                outcome = Mail(self._session, name, ref, found).reflag(change, permitted)
                if not isinstance(outcome, Touched):
                    return outcome
                found = outcome.now
            return Gone() if found is None else Touched(found)

    def _sighted(self, name: bytes, ref: str) -> Sighting | None:
        epoch, _, number = ref.partition(":")
        opened = self._session.open(name, write=True)
        if opened is None or str(opened.epoch) != epoch:
            return None
        return next(iter(reading.sightings(self._session, opened.epoch, [int(number)])), None)

    def states(self, place: Place) -> Iterator[tuple[str, frozenset[str]]]:
        for seen in self.survey(place, None):
            if words := words_in(seen.flags):
                yield seen.ref, words

    # -- the legend --------------------------------------------------------------------------------------------------

    def publish(self, place: Place, legend: str) -> None:
        value = base64.b64encode(legend.encode())
        if len(value) > LONGEST_LEGEND:
            raise FolderError(Reason("imap.legend-too-long", place=shown(place), size=len(value), limit=LONGEST_LEGEND))
        with told(place):
            name = quoted(self._entry(place).name)
            self._session.run(b"SETMETADATA %b (%b %b)" % (name, LEGEND, base64_string(value)))

    def legend(self, place: Place) -> str | None:
        if not self._session.can("METADATA"):
            return None
        with told(place):
            answer = self._session.run(b"GETMETADATA %b (%b)" % (quoted(self._entry(place).name), LEGEND))
        for said in answer:
            match said:
                case Data(values=(b"METADATA", _, (entry, bytes(value)))) if entry == LEGEND:
                    return _legend(value)
                case _:
                    pass
        return None


def words_in(flags: frozenset[Flag]) -> frozenset[str]:
    """Those of a mail's flags that are words of ours."""
    return frozenset(flag for flag in flags if flag.startswith(WORD))


def _held(word: str) -> Held:
    """What letters amount to. Whoever may do what an answer needs may also read."""
    letters = "".join(letter for letter in ORDER if letter in word)
    return Held(frozenset(right for right, needs in LETTERS.items() if set(needs) <= set(letters)), letters)


def _legend(value: bytes) -> str | None:
    """None for what is none of ours."""
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
