"""judge(): evidence -> proposal, with reasons. Rules are data; a proposal withholds nothing, only a decision does."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from migrator.errors import Reason
from migrator.model import Proposal, StagedItem, Verdict
from migrator.toml import Toml


class SenderRule(BaseModel):
    """A rule by sender: an address or a List-Id, with `*` for any text. Never by a bare domain."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    sender: str = Field(pattern=r"[^*.]")
    verdict: Verdict
    why: str

    def matches(self, item: StagedItem) -> bool:
        """The whole List-Id or the whole address, in any case."""
        pattern = self.sender.casefold()
        return any(fnmatchcase(name.casefold(), pattern) for name in (item.sender, item.list_id) if name)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: tuple[SenderRule, ...] = ()


@dataclass(frozen=True, slots=True)
class Ruleset:
    """All rules in force, in order; the later wins. `digest` names this very set."""

    rules: tuple[SenderRule, ...]
    digest: str

    @classmethod
    def read(cls, files: Iterable[Path]) -> "Ruleset":
        """The rules of these TOML files. Raises UsageError naming the line of the first mistake."""
        rules = tuple(rule for path in files for rule in Toml(path).read(_File).rule)
        return cls(rules, hashlib.sha256(repr(rules).encode()).hexdigest()[:16])


def judge(rules: Sequence[SenderRule], item: StagedItem) -> Proposal:
    """What the rules think of one mail; keep, where none speaks."""
    matching = [rule for rule in rules if rule.matches(item)]
    if not matching:
        return Proposal(verdict=Verdict.KEEP)
    last = matching[-1]
    return Proposal(
        verdict=last.verdict, rules=(last.id,), reasons=(Reason("rule.sender", rule=last.id, why=last.why),)
    )
