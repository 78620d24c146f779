"""A world as a target that can hold shared inboxes; what it can hold is `world.holds`."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from migrator.errors import Reason
from migrator.inboxes import WORD, Held, Right
from migrator.model import Amended, Gone, Place, Touched, Unable
from migrator.ports import Holds

from .target import MemoryTarget


class SharedMemoryTarget(MemoryTarget):
    """One owner's boxes, and who else may do what in them."""

    def holds(self) -> Holds:
        return self._world.holds

    def rights(self, place: Place) -> Mapping[str, Held]:
        with self._world.call("rights", "rights told"), self._world.lock:
            self._box(place)
            return {who: _held(rights) for who, rights in self._granted(place).items()}

    def grant(self, place: Place, who: str, rights: frozenset[Right]) -> Held | Unable:
        with self._world.call("grant", "granted"), self._world.lock:
            self._box(place)
            if missing := rights - self.holds().rights:
                return Unable(Reason("shared.right-not-held", right=min(missing), who=who))
            if not who or not who.isprintable():
                return Unable(Reason("shared.name-impossible"))
            granted = self._granted(place)
            granted[who] = granted.get(who, frozenset()) | rights
            return _held(granted[who])

    def revoke(self, place: Place, who: str, now: str, was: str) -> bool:
        with self._world.call("revoke", "revoked"), self._world.lock:
            self._box(place)
            granted = self._granted(place)
            found = _held(granted.get(who, frozenset())).word
            if found == now and found != was:
                granted.pop(who)
                if was:
                    granted[who] = frozenset(map(Right, was.split()))
            return found in (now, was)

    def set_state(
        self, place: Place, ref: str, state: frozenset[str], was: frozenset[str]
    ) -> Amended | Touched | Gone | Unable:
        with self._world.call("set state", "state set"), self._world.lock:
            mail = self._find(place, ref)
            if mail is None:
                return Gone()
            words = _words(mail.flags)
            if words not in (was, state):
                return Touched(self._sighting(ref, mail))
            box = self._box(place)
            there = {word for each in box.mails.values() for word in _words(each.flags)}
            room = self.holds().words
            if room is not None and len(there | state) > max(room, len(there)):
                return Unable(Reason("shared.words-not-held", place="/".join(place.path)))
            flags = (mail.flags - words) | state
            box.mails[int(ref.rpartition(":")[2])] = replace(mail, flags=flags)
            return Amended(ref, flags)

    def states(self, place: Place) -> Iterator[tuple[str, frozenset[str]]]:
        for seen in self.survey(place, None):
            if words := _words(seen.flags):
                yield seen.ref, words

    def publish(self, place: Place, legend: str) -> None:
        with self._world.call("publish", "published"), self._world.lock:
            self._box(place)
            self._world.legends[place.owner, place.path] = legend

    def legend(self, place: Place) -> str | None:
        with self._world.call("legend", "legend told"), self._world.lock:
            return self._world.legends.get((place.owner, place.path))

    def _granted(self, place: Place) -> dict[str, frozenset[Right]]:
        return self._world.rights.setdefault((place.owner, place.path), {})


def _held(rights: frozenset[Right]) -> Held:
    return Held(rights, " ".join(sorted(rights)))


def _words(flags: frozenset[str]) -> frozenset[str]:
    return frozenset(flag for flag in flags if flag.startswith(WORD))
