"""What is looked for in a mail: signals, as data. Each speaks for parking or for keeping, and says so in words.

    where       what is looked at
    field       header fields by name (`*` for any text), with `any` also what they say
    address     the bare address of From            name       its display name
    subject     decoded                             body       all text, HTML without its tags
    footer      the last FOOTER characters of it    measure    a number that is counted (`Measure`)
    store       nothing in the mail: what the store as a whole shows (`filters.store`)

Texts are compared in lower case after NFKC. Patterns are RE2's: they cannot backtrack, so no pattern takes for ever.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from math import isfinite
from typing import Annotated, Literal

import re2
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

SignalId = str

Where = Literal["field", "address", "name", "subject", "body", "footer", "measure", "store"]
Family = Literal["header", "sender", "subject", "text", "structure", "store"]
Language = Literal["en", "ja"]


class Measure(StrEnum):
    """What is counted in a mail."""

    LINKS = "links"
    IMAGES = "images"
    PIXELS = "pixels"
    CHARACTERS = "characters"
    QUOTED = "quoted"
    """Times that three lines running begin with the sign of a quotation."""
    RECIPIENTS = "recipients"
    UNNAMED = "unnamed"
    """1 where To and Cc name nobody."""
    FOREIGN_RETURN = "foreign-return"
    """1 where bounces go to another domain than From's."""
    HTML_ONLY = "html-only"
    ATTACHMENTS = "attachments"
    """Files that are no pictures."""
    CALENDARS = "calendars"
    SEALED = "sealed"
    """Parts that are signed or encrypted."""
    DELIVERY_REPORTS = "delivery-reports"
    UNREADABLE = "unreadable"
    """1 where there is no text that could be read, though there ought to be."""


def _compiles(pattern: str) -> str:
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error as error:
        text = error.args[0] if error.args else ""
        raise ValueError(text.decode() if isinstance(text, bytes) else str(text)) from None
    return pattern


Pattern = Annotated[str, Field(min_length=1, max_length=2_000), AfterValidator(_compiles)]


class Signal(BaseModel):
    """One thing that a mail may show."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: SignalId = Field(pattern=r"^[a-z0-9]+(?:[.-][a-z0-9]+)*$")
    family: Family
    where: Where
    fields: tuple[str, ...] = ()
    any: tuple[Pattern, ...] = ()
    words: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Plain words, looked for beside the patterns; a mail server, which knows no patterns, can look for them too."""
    coarse: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """What such a server looks for in place of the patterns: words that stand in all that they match, and in more."""
    minus: tuple[Pattern, ...] = ()
    """These are taken out of the text before it is looked at."""
    measure: Measure | None = None
    at_least: int = Field(default=1, ge=1)
    needs: tuple[SignalId, ...] = ()
    """It counts only beside all of these."""
    unless: tuple[SignalId, ...] = ()
    """It does not count beside any of these."""
    towards: Literal["park", "keep"]
    weight: float | None = None
    """Where none has been learned."""
    guard: bool = False
    """A mail that shows it is never parked."""
    asks: bool = False
    """A mail that shows it is not parked before a person has looked."""
    say: Mapping[Language, str]
    source: str

    @property
    def patterns(self) -> tuple[str, ...]:
        """All that is looked for."""
        return (*self.any, *map(re2.escape, self.words))

    @model_validator(mode="after")
    def _is_whole(self) -> "Signal":
        if (self.where == "measure") != (self.measure is not None):
            raise ValueError('`measure` goes with where = "measure", and only with it')
        if (self.where == "field") != bool(self.fields):
            raise ValueError('`fields` goes with where = "field", and only with it')
        if self.where not in ("field", "measure", "store") and not self.patterns:
            raise ValueError("`any` is missing: what is looked for?")
        if (self.guard or self.asks) and self.towards != "keep":
            raise ValueError("`guard` and `asks` are for signals that speak for keeping")
        if self.weight is not None and self.weight * (1 if self.towards == "park" else -1) < 0:
            raise ValueError("`weight` has the wrong sign for `towards`")
        if self.weight is not None and not isfinite(self.weight):
            raise ValueError("`weight` is no number to reckon with")
        if set(self.say) != {"en", "ja"}:
            raise ValueError("`say` wants en and ja")
        return self


class Footers(BaseModel):
    """What a provider of free mail puts below letters: taken out of the text before anything is looked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    any: tuple[Pattern, ...] = Field(min_length=1)
    source: str


@dataclass(frozen=True)
class Signals:
    """All signals there are."""

    all: Sequence[Signal]
    footers: Sequence[Pattern] = ()
    """What providers of free mail put below their customers' letters: nobody's advertising, and no evidence."""

    @cached_property
    def digest(self) -> str:
        """Names what is looked for; weights and words do not count."""
        looked_for = [
            each.model_dump(exclude={"coarse", "say", "source", "family", "towards", "weight", "guard", "asks"})
            for each in self.all
        ]
        return hashlib.sha256(repr((looked_for, self.footers)).encode()).hexdigest()[:16]

    @cached_property
    def by_id(self) -> Mapping[SignalId, Signal]:
        return {each.id: each for each in self.all}

    def at(self, where: Where) -> Iterator[Signal]:
        return (each for each in self.all if each.where == where)
