"""Which signals a mail shows: read off its header and its text once, and kept."""

import html
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import translate
from hashlib import blake2b
from typing import Any

import re2
from typing_extensions import override

from migrator.filters.signals import Measure, Signal, SignalId, Signals
from migrator.japanese import decode
from migrator.mail import envelope
from migrator.mail.envelope import Envelope, address
from migrator.mail.mime import Leaf, leaves
from migrator.mail.scan import headers

LOOKED_AT = 400_000
"""Bytes of a mail that are looked at; of what comes later, only whether a file begins there."""

_UNEXPLAINED = 20
"""A text is unreadable where more than one character in so many was a byte that no charset explains."""

NAMES = 10_000
"""Names of fields that are remembered."""

SHORT = 100
"""Characters of a text that is no newsletter yet."""

TEXT, FOOTER = 60_000, 2_500
"""Characters of text that are looked at, from its beginning and its end; and what counts as the end."""


class Reader:
    """Finds the signals in mails. One object serves all threads."""

    def __init__(self, signals: Signals) -> None:
        self._signals = signals
        self._texts = {where: _Texts(signals.at(where)) for where in ("address", "name", "subject", "body", "footer")}
        self._fields = _Fields(signals.at("field"))
        self._footers = re2.compile(_any(signals.footers)) if signals.footers else None
        self._measures = list(signals.at("measure"))

    def read(self, head: bytes, body: bytes) -> tuple[frozenset[SignalId], str]:
        """The signals of one mail, from its header block and the rest, and a digest of what its text says to everybody
        alike: of no use against malice. Total: any bytes in."""
        its = envelope(head)
        mail = _Mail(its, head, self._footers)
        mail.look(leaves(head[:LOOKED_AT] + body[: max(0, LOOKED_AT - len(head))]))
        if len(head) + len(body) > LOOKED_AT and _LATER_FILE.search(body, max(0, LOOKED_AT - len(head))):
            mail.counts[Measure.ATTACHMENTS] += 1
        text = _folded(mail.text)
        if len(text) > 2 * TEXT:
            text = text[:TEXT] + text[-TEXT:]
        found = self._fields.found(mail.fields)
        found |= {each.id for each in self._measures if mail.counts[each.measure] >= each.at_least}
        texts = {
            "address": its.sender.lower(),
            "name": _folded(_display_name(its.from_)),
            "subject": _folded(its.subject),
            "body": text,
            "footer": text[-FOOTER:],
        }
        for where, finder in self._texts.items():
            found |= finder.found(texts[where])
        return frozenset(self._counted(found)), _alike(text)

    @property
    def unreadable(self) -> frozenset[SignalId]:
        """What a mail shows that nobody could read."""
        return frozenset(each.id for each in self._measures if each.measure == Measure.UNREADABLE)

    @override
    def __reduce__(self) -> tuple[type["Reader"], tuple[Signals]]:
        """Patterns are made anew in another process."""
        return Reader, (self._signals,)

    def _counted(self, found: set[SignalId]) -> Iterator[SignalId]:
        by_id = self._signals.by_id
        for name in found:
            its = by_id[name]
            if found.issuperset(its.needs) and found.isdisjoint(its.unless):
                yield name


class _Texts:
    """Signals that are looked for in one text, all in one pass; those with `minus`, each in a pass of its own."""

    def __init__(self, signals: Iterable[Signal]) -> None:
        plain: list[Signal] = []
        self._alone: list[tuple[Signal, Any, Any]] = []
        for each in signals:
            if each.minus:
                self._alone.append((each, re2.compile(_any(each.minus)), _set([each])))
            else:
                plain.append(each)
        self._ids = [each.id for each in plain]
        self._set = _set(plain) if plain else None

    def found(self, text: str) -> set[SignalId]:
        hits = (self._set.Match(text) or ()) if self._set is not None and text else ()
        found = {self._ids[hit] for hit in hits}
        for signal, minus, wanted in self._alone:
            if text and wanted.Match(minus.sub(" ", text)):
                found.add(signal.id)
        return found


class _Fields:
    """Signals that are looked for in the header's fields, found by the fields' names."""

    def __init__(self, signals: Iterable[Signal]) -> None:
        self._signals = [
            (
                each.id,
                re.compile("|".join(map(translate, each.fields))),
                re2.compile(_any(each.patterns)) if each.patterns else None,
            )
            for each in signals
        ]
        self._meant: dict[str, list[tuple[SignalId, Any]]] = {}

    def found(self, fields: Iterable[tuple[str, bytes]]) -> set[SignalId]:
        found: set[SignalId] = set()
        for name, value in fields:
            for signal, wanted in self._about(name):
                if signal not in found and (
                    wanted is None or wanted.search(value.decode("latin-1").lower()) is not None
                ):
                    found.add(signal)
        return found

    def _about(self, name: str) -> list[tuple[SignalId, Any]]:
        meant = self._meant.get(name)
        if meant is None:
            if len(self._meant) > NAMES:
                self._meant.clear()
            meant = [(signal, wanted) for signal, names, wanted in self._signals if names.match(name)]
            self._meant[name] = meant
        return meant


def _any(patterns: Iterable[str]) -> str:
    return "(?m)" + "|".join(f"(?:{each})" for each in patterns)


def _set(signals: Sequence[Signal]) -> Any:
    found = re2.Set.SearchSet()
    for each in signals:
        found.Add(_any(each.patterns))
    found.Compile()
    return found


# -- one mail ------------------------------------------------------------------------------------------------------

# Each opening consumes what it opens, to the end of the text where nothing closes it, and no tag holds another's "<":
# so every character is looked at a bounded number of times.
_INVISIBLE = re.compile(
    r"<style\b(?:[^<]++|<(?!/style))*+|<script\b(?:[^<]++|<(?!/script))*+|<head\b(?:[^<]++|<(?!/head|body))*+"
    r"|<!--(?:[^-]++|-(?!->))*+(?:-->)?",
    re.IGNORECASE,
)
_BREAK = re.compile(r"<(?:br|/p|/div|/tr|/li|/h\d|hr)\b[^<>]{0,500}+>", re.IGNORECASE)
_TAG = re.compile(r"<[a-zA-Z/!][^<>]{0,2000}+>")
_IMAGE = re.compile(r"<img\b[^<>]{0,1000}+>", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});?", re.IGNORECASE)
_TINY = re.compile(r"(?:width|height)\s*[=:]\s*[\"']?[01](?:px)?[\"'\s;/>]", re.IGNORECASE)
_QUOTED = re.compile(r"(?:^ ?[>|＞](?!>).*\n){3}", re.MULTILINE)
_ONES_OWN = re.compile(r"https?://[^\s<>\"]+|[^\s<>@]{1,64}@[^\s<>@]+|\d+")
"""What differs from one recipient of a newsletter to the next."""
_SEALED = ("application/pkcs7-", "application/x-pkcs7-", "application/pgp-")
_LATER_FILE = re.compile(
    rb"\n[Cc][Oo][Nn][Tt][Ee][Nn][Tt]-[Tt][Yy][Pp][Ee]:[ \t]*(?:application|[Aa]pplication|message)/"
)
_NOT_FILES = ("text/", "image/", "multipart/", "message/", *_SEALED)


@dataclass
class _Mail:
    """What is gathered of one mail."""

    envelope: Envelope
    head: bytes
    footers: Any
    """What providers of free mail put below their customers' letters, as a pattern."""
    fields: list[tuple[str, bytes]] = field(init=False)
    text: str = ""
    counts: Counter[Measure | None] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.fields = [(name.decode("latin-1"), value) for name, value in headers(self.head)]
        self._count_addresses()

    def _count_addresses(self) -> None:
        its = self.envelope
        named = f"{its.to} {its.cc}"
        self.counts[Measure.RECIPIENTS] = named.count("@")
        self.counts[Measure.UNNAMED] = int("@" not in named)
        back = next((value for name, value in self.fields if name == "return-path"), b"")
        domain, own = address(back).rpartition("@")[2], its.sender.rpartition("@")[2]
        related = domain.endswith(own) or own.endswith(domain) or domain.split(".")[-2:] == own.split(".")[-2:]
        self.counts[Measure.FOREIGN_RETURN] = int(bool(domain and own) and not related)

    def look(self, parts: Iterable[Any]) -> None:
        """Go through the parts."""
        plain: list[str] = []
        rich: list[str] = []
        room = LOOKED_AT
        counts = self.counts
        for number, part in enumerate(parts):
            if not isinstance(part, Leaf):
                counts[Measure.ATTACHMENTS] += number > 0  # a mail in a mail
                continue
            kind = part.kind
            counts[Measure.SEALED] += kind.startswith(_SEALED)
            counts[Measure.CALENDARS] += kind == "text/calendar"
            counts[Measure.DELIVERY_REPORTS] += kind in ("message/delivery-status", "message/disposition-notification")
            counts[Measure.ATTACHMENTS] += _is_file(part)
            if kind in ("text/plain", "text/html") and room > 0:
                text = decode(part.data[:room], part.charset)
                counts[Measure.UNREADABLE] |= _UNEXPLAINED * text.count("\\x") > len(text)
                (rich if kind == "text/html" else plain).append(self.footers.sub(" ", text) if self.footers else text)
                room -= len(part.data)
        self._count_text("\n".join(plain), "\n".join(rich))

    def _count_text(self, plain: str, rich: str) -> None:
        counts = self.counts
        links = plain.count("http://") + plain.count("https://")
        if rich:
            counts[Measure.HTML_ONLY] = int(not plain.strip())
            images = _IMAGE.findall(rich)
            counts[Measure.IMAGES] = len(images)
            counts[Measure.PIXELS] = sum(_TINY.search(each) is not None for each in images)
            links = max(links, rich.count("href=") + rich.count("HREF="))
            plain = f"{plain}\n{_shown_text(rich)}"
        counts[Measure.LINKS] = links
        counts[Measure.CHARACTERS] = len(plain)
        counts[Measure.QUOTED] = len(_QUOTED.findall(plain[:TEXT]))
        self.text = plain


def _is_file(part: Leaf) -> bool:
    kind = part.kind
    return not kind.startswith(_NOT_FILES) and (part.name is not None or kind.startswith("application/"))


def _shown_text(rich: str) -> str:
    """HTML as a person reads it, more or less: this finds words, and is no renderer."""
    text = _TAG.sub("", _BREAK.sub("\n", _INVISIBLE.sub(" ", rich)))
    return _ENTITY.sub(lambda match: html.unescape(match[0]), text) if "&" in text else text


def _alike(text: str) -> str:
    """Empty for a text that is too short to be anybody's in particular."""
    same = "".join(_ONES_OWN.sub("", text).split())
    return blake2b(same.encode("utf-8", "surrogatepass"), digest_size=9).hexdigest() if len(same) >= SHORT else ""


# A mark belongs to what stands before it; and to put a run of marks in order takes the square of its length.
_TOGETHER = re.compile(r".{1,900}+[\u0300-\u036f\u3099\u309a\uff9e\uff9f]{0,100}+", re.DOTALL)


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower()
    return "".join(unicodedata.normalize("NFKC", each) for each in _TOGETHER.findall(text)).lower()


def _display_name(value: str) -> str:
    name = value.partition("<")[0].strip().strip('"').strip()
    return "" if "@" in name else name
