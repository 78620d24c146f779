"""The XML of Exchange Web Services: its namespaces, a way to build elements, and Microsoft's schema as the judge.

The schema's files lie in schema/ unchanged but for what schema/README.md says.
"""

import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from lxml import etree

SCHEMA = Path(__file__).parent / "schema"
SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
MESSAGES = "{http://schemas.microsoft.com/exchange/services/2006/messages}"
TYPES = "{http://schemas.microsoft.com/exchange/services/2006/types}"
ERRORS = "{http://schemas.microsoft.com/exchange/services/2006/errors}"
XS = "{http://www.w3.org/2001/XMLSchema}"

Element = etree._Element
Child = Element | str | int | bool | None


def element(tag: str, *children: Child, **attributes: str | int | bool) -> Element:
    """An element of children, or of text; a None among the children is left out."""
    made = etree.Element(tag, {name: text(value) for name, value in attributes.items()})
    for child in children:
        if isinstance(child, etree._Element):
            made.append(child)
        elif child is not None:
            made.text = text(child)
    return made


def text(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def m(name: str, *children: Child, **attributes: str | int | bool) -> Element:
    """An element of the messages' namespace."""
    return element(MESSAGES + name, *children, **attributes)


def t(name: str, *children: Child, **attributes: str | int | bool) -> Element:
    """An element of the types' namespace."""
    return element(TYPES + name, *children, **attributes)


def local(one: Element) -> str:
    return etree.QName(one).localname


def within(parent: Element, tag: str) -> list[Element]:
    """The children of a parent's child; none where it has no such child."""
    holder = parent.find(tag)
    return [] if holder is None else list(holder)


def truth(value: str | None) -> bool:
    """A boolean of XML Schema."""
    return (value or "").strip().lower() in ("1", "true")


class Judge:
    """Says what is wrong with a request or an answer. Usable by many threads."""

    def __init__(self) -> None:
        self._schema = etree.XMLSchema(etree.parse(SCHEMA / "messages-all.xsd"))
        self._lock = threading.Lock()

    def complaint(self, body: Element) -> str | None:
        """The first violation of the schema, or None."""
        with self._lock:
            if self._schema.validate(body):
                return None
            return str(next(iter(self._schema.error_log)).message)


def arranged(made: Element, kind: str) -> Element:
    """The element with its children in the order the schema wants them in a type."""
    order = {name: place for place, name in enumerate(_sequence(kind))}
    made[:] = sorted(made, key=lambda child: order[local(child)])
    return made


def fields_of(kind: str) -> frozenset[str]:
    """The names of a type's elements."""
    return frozenset(_sequence(kind))


@cache
def _sequence(kind: str) -> tuple[str, ...]:
    definition = _types()[kind]
    base = definition.find(f".//{XS}extension")
    inherited = _sequence(base.get("base", "").removeprefix("t:")) if base is not None else ()
    return (*inherited, *(str(child.get("name")) for child in _elements(definition)))


def _elements(definition: Element) -> Iterator[Element]:
    """The elements of a type itself, not those of types written inside it."""
    for child in definition:
        if child.tag == f"{XS}element":
            yield child
        elif child.tag in {f"{XS}{each}" for each in ("sequence", "choice", "complexContent", "extension")}:
            yield from _elements(child)


@cache
def _types() -> dict[str, Any]:
    found = {}
    for file in SCHEMA.glob("*-types.xsd"):
        found |= {each.get("name"): each for each in etree.parse(file).getroot().iterfind(f"{XS}complexType")}
    return found
