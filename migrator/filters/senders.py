"""What is known of senders by name: the shipped map of companies, and the operator's own rules, which win."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import re2
from pydantic import BaseModel, ConfigDict, Field

from migrator.filters.signals import Language
from migrator.model import Verdict


class SenderRule(BaseModel):
    """A rule by sender: an address, or else a List-Id, with `*` for any text; in any case. Never by a bare domain."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    sender: str = Field(min_length=1)
    verdict: Verdict
    why: str | Mapping[Language, str]

    def matches(self, sender: str, list_id: str | None) -> bool:
        """Whether it is about the whole of this address or List-Id."""
        names = (sender, list_id) if "@" in self.sender else (list_id,)
        pattern = _pattern(self.sender)
        return any(pattern.fullmatch(name.lower()) is not None for name in names if name)

    @property
    def is_too_wide(self) -> bool:
        """Whether it names nobody in particular: no domain of two labels, or all addresses below one."""
        local, at, domain = self.sender.rpartition("@")
        if "*" not in domain:
            return bool(at) and not (local and domain)
        labels = domain.split(".")[-2:]
        return len(labels) < 2 or "*" in "".join(labels) or not all(labels) or (bool(at) and not local.strip("*"))


@cache
def _pattern(text: str) -> Any:
    return re2.compile("(?s)" + ".*".join(map(re2.escape, text.lower().split("*"))))


class SenderRules:
    """All rules by sender, in order; the later wins."""

    def __init__(self, rules: Sequence[SenderRule]) -> None:
        self.all = rules
        numbered = list(enumerate(rules))
        self._exact = {rule.sender.lower(): number for number, rule in numbered if "*" not in rule.sender}
        self._patterns = [(number, rule) for number, rule in reversed(numbered) if "*" in rule.sender]
        self._known: dict[tuple[str, str | None], SenderRule | None] = {}

    def named(self, name: str) -> SenderRule | None:
        """The rule of this id."""
        return next((each for each in self.all if each.id == name), None)

    def of(self, sender: str, list_id: str | None) -> SenderRule | None:
        """The last rule that is about this sender or list."""
        key = (sender, list_id)
        if key not in self._known:
            if len(self._known) > 100_000:
                self._known.clear()
            self._known[key] = self._last(sender, list_id)
        return self._known[key]

    def _last(self, sender: str, list_id: str | None) -> SenderRule | None:
        names = (sender if "@" in sender else None, list_id)
        exact = (self._exact.get(name.lower(), -1) for name in names if name)
        wide = (number for number, rule in self._patterns if rule.matches(sender, list_id))
        last = max((*exact, next(wide, -1)), default=-1)
        return self.all[last] if last >= 0 else None
