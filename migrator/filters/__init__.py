"""judge(): evidence -> proposal, with reasons. Rules are data; a proposal withholds nothing, only a decision does."""

import hashlib
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from migrator.errors import Reason, UsageError
from migrator.model import Proposal, StagedItem, Verdict


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
        """The rules of these TOML files. Raises UsageError naming the file and what is wrong in it."""
        rules: list[SenderRule] = []
        digest = hashlib.sha256()
        for path in files:
            try:
                data = path.read_bytes()
                rules.extend(_File.model_validate(tomllib.loads(data.decode())).rule)
            except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
                raise UsageError(Reason("rules.unreadable", path=str(path), answer=str(error))) from error
            except ValidationError as error:
                first = error.errors()[0]
                where = ".".join(str(part) for part in first["loc"])
                raise UsageError(Reason("rules.invalid", path=str(path), key=where, answer=first["msg"])) from error
            digest.update(data)
        return cls(tuple(rules), digest.hexdigest()[:16])


def judge(rules: Sequence[SenderRule], item: StagedItem) -> Proposal:
    """What the rules think of one mail; keep, where none speaks."""
    matching = [rule for rule in rules if rule.matches(item)]
    if not matching:
        return Proposal(verdict=Verdict.KEEP)
    last = matching[-1]
    return Proposal(
        verdict=last.verdict, rules=(last.id,), reasons=(Reason("rule.sender", rule=last.id, why=last.why),)
    )
