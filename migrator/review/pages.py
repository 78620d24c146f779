"""Templates and files. Whatever a template puts into a page is escaped and made safe to look at."""

import re
from collections.abc import Mapping
from datetime import datetime
from importlib.resources import files
from typing import Any

from markupsafe import Markup, escape

from migrator.locale import LANGUAGES, Language, sentence, spoken
from migrator.locale.pages import environment
from migrator.text import shown

KINDS = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


def _files() -> dict[str, tuple[str, bytes]]:
    """The few files of ours that a page may load, by name: nothing else can be asked for."""
    found = {}
    for each in files("migrator.review").joinpath("static").iterdir():
        kind = KINDS.get("." + each.name.rpartition(".")[2])
        if kind is not None:
            found[each.name] = (kind, each.read_bytes())
    return found


FILES: Mapping[str, tuple[str, bytes]] = _files()


def _breakable(text: str) -> Markup:
    """An address or path that may go on in the next line behind its @, dots and slashes."""
    return Markup("<wbr>").join(escape(part) for part in _JOINT.split(shown(text)))


_JOINT = re.compile("(?<=[@/])|(?=[.])")


def _when(at: datetime) -> str:
    return at.astimezone().strftime("%Y-%m-%d %H:%M")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,}"


ENVIRONMENT = environment("migrator.review", breakable=_breakable, say=sentence, when=_when, number=_number)


def page(name: str, **values: Any) -> str:
    """A page in the language spoken now."""
    return ENVIRONMENT.get_template(name).render(lang=spoken(), languages=LANGUAGES, **values)


def preferred(header: str, otherwise: Language) -> Language:
    """The first of our languages by Accept-Language (RFC 9110 §12.5.4)."""
    wanted = []
    for place, part in enumerate(header[:1000].split(",")):
        name, _semicolon, weight = part.partition(";")
        quality = weight.strip().removeprefix("q=")
        try:
            wanted.append((-float(quality or 1), place, name.strip().lower()))
        except ValueError:
            continue
    for quality_below_zero, _place, name in sorted(wanted):
        for lang in LANGUAGES:
            if quality_below_zero and (name == lang or name.startswith(f"{lang}-")):
                return lang
    return otherwise
