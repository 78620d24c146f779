"""Addresses as people and programs wrote them into one cell, read without losing any, and as they should be written.

Apart from RFC 5322's commas, groups, comments and quotes there are semicolons and line ends between them, commas in
names that nobody quoted, names without brackets, encoded words (RFC 2047), and addresses that no RFC allows
(foo..bar.@docomo.ne.jp).
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from migrator.japanese import decode_header


class Mailbox(NamedTuple):
    """A name and an address; one of them may be empty."""

    name: str
    address: str


COMMAS = frozenset(",、，")
"""What parts mailboxes, or stands in a name that nobody quoted; semicolons and line ends always part them."""

# What is opened and never closed is a word like others. Nothing is looked through twice.
_TOKEN = re.compile(
    r"""
    (?P<local>"(?:\\.|[^"\\])*"@[^\s,、，;；:<>()"\\@]+)
    | "(?P<quoted>(?:\\.|[^"\\])*)"
    | \((?P<comment>(?:\\.|[^()\\])*)\)
    | <(?P<bracketed>"(?:\\.|[^"\\])*+"@[^<>"]*|[^<>]*)>
    | <(?P<cut>[^<>\s,、，;；]+)
    | (?P<parting>[,、，;；\r\n:])
    | (?P<blank>[^\S\r\n]+)
    | (?P<word>(?:\\.|[^\s,、，;；:<>()"\\])+|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_SPECIAL = re.compile(r'[()<>\[\]:;@\\,."、，；]|=\?')
_PLAIN = re.compile(r"""(?:"(?:\\.|[^"\\])*"|[^\s,、，;；:<>()"\\]+)@[^\s,、，;；:<>()"\\@]+""")
_AT = re.compile(r"(?!.*[<>]).*.@.", re.DOTALL)
_MEMBER = re.compile(r"[^\S\r\n]*[^\s;；]")
_ROUTE = re.compile(r"(?:@[^:]*+:)+")

Token = re.Match[str]


def mailboxes(text: str) -> list[Mailbox]:
    """Every mailbox of a cell, in order. Total: what holds no address is a name without one; of a group its members."""
    found: list[Mailbox] = []
    name: list[Token] = []
    """What may be the first words of the next one's name, with their commas."""
    for piece, end in _pieces(text):
        if all(token["blank"] for token in piece):
            if end is not None and end[0] not in COMMAS:
                found += _apart(name)
                name = []
            continue
        if end is not None and end[0] in COMMAS and not any(map(_is_address, piece)):
            name += [*piece, end]
            continue
        if any(token["bracketed"] or token["cut"] for token in piece):
            found += _read([*name, *piece])
        else:
            found += [*_apart(name), *_read(piece)]
        name = []
    return [*found, *_apart(name)]


def canonical(found: Iterable[Mailbox]) -> str:
    """The list as RFC 5322 has it, names not yet encoded; a name alone is a group without members."""
    return ", ".join(map(_canonical, found))


def _canonical(each: Mailbox) -> str:
    name = each.name
    if _SPECIAL.search(name):
        name = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if not each.address:
        return f"{name}:;"
    return f"{name} <{each.address}>" if name or not _PLAIN.fullmatch(each.address) else each.address


def _pieces(text: str) -> Iterator[tuple[list[Token], Token | None]]:
    """What stands between commas, semicolons and line ends, with that which ends it; names of groups are left out."""
    piece: list[Token] = []
    for token in _TOKEN.finditer(text):
        if token["parting"] is None:
            piece.append(token)
        elif token[0] != ":":
            yield piece, token
            piece = []
        elif any(map(_is_address, piece)):
            piece.append(token)
        elif _MEMBER.match(text, token.end()):
            piece = []
    yield piece, None


def _is_address(token: Token) -> bool:
    """Whether it is one, or stands in brackets as one does."""
    return bool(token["local"] or token["bracketed"] or token["cut"] or _AT.match(token["word"] or ""))


def _apart(tokens: list[Token]) -> Iterator[Mailbox]:
    """Names that commas part."""
    name: list[Token] = []
    for token in tokens:
        if token["parting"]:
            yield from _read(name)
            name = []
        else:
            name.append(token)
    yield from _read(name)


def _read(tokens: list[Token]) -> Iterator[Mailbox]:
    """The mailboxes of one piece: words before an address are its name, or else a comment is."""
    bracketed = [address for token in tokens if (address := _bare(_in_brackets(token)))]
    loose = dict.fromkeys(token for token in tokens if not bracketed and _is_address(token) and not _in_brackets(token))
    comment = _shown("".join(token["comment"] or "" for token in tokens))
    name = _shown("".join(_text(token) for token in tokens if token not in loose))
    addresses = [*bracketed, *(_bare(token[0]) for token in loose)]
    name = f"{name} ({comment})" if name and comment else name or comment
    if len(addresses) == 1 or (name and not addresses):
        yield Mailbox(name, *(addresses or [""]))
    else:
        yield from (Mailbox(name if not number else "", address) for number, address in enumerate(addresses))


def _text(token: Token) -> str:
    """What it adds to a name."""
    if token["quoted"] is not None:
        return _ESCAPED.sub(r"\1", token["quoted"])
    inner = _in_brackets(token)
    if inner.strip():
        return " " if _bare(inner) else token[0]  # a route to nowhere is no address
    return " " if token["comment"] is not None or token["bracketed"] is not None else token[0]


def _in_brackets(token: Token) -> str:
    return token["bracketed"] or token["cut"] or ""


def _bare(text: str) -> str:
    """An address without blanks, route and scheme."""
    bare = text if text.startswith('"') else "".join(text.split()).removeprefix("mailto:")
    return _ROUTE.sub("", bare, count=1) if bare.startswith("@") else bare


def _shown(text: str) -> str:
    """A name on one line, its encoded words read."""
    text = " ".join(text.split())
    return decode_header(text.encode("utf-8", "surrogateescape")) if "=?" in text else text
