"""What is known of senders by name: the shipped map of companies, and the operator's own rules, which win."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from pydantic import BaseModel, ConfigDict, Field

from migrator.filters.signals import Language
from migrator.model import Verdict


class SenderRule(BaseModel):
    """A rule by sender: an address or a List-Id, with `*` for any text. Never by a bare domain."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    sender: str = Field(pattern=r"[^*.]")
    verdict: Verdict
    why: str | Mapping[Language, str]

    def matches(self, *names: str | None) -> bool:
        """Whether it is about one of these: a whole address, a whole List-Id; in any case."""
        pattern = self.sender.casefold()
        return any(fnmatchcase(name.casefold(), pattern) for name in names if name)


class SenderRules:
    """All rules by sender, in order; the later wins."""

    def __init__(self, rules: Sequence[SenderRule]) -> None:
        self.all = rules
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
            self._known[key] = next((each for each in reversed(self.all) if each.matches(sender, list_id)), None)
        return self._known[key]
