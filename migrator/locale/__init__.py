"""Japanese and English: one catalogue for the command, the page and the reports.

The `.po` files are read as they stand. A Reason's msgid is its code, and both files hold its sentence; the msgid of any
other text is the English sentence itself, so that only the Japanese file holds those.
"""

import os
import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar, copy_context
from functools import cache
from gettext import NullTranslations
from pathlib import Path
from typing import Literal, TypeVar, get_args

from typing_extensions import override

from migrator.errors import Param, Reason, UsageError
from migrator.text import shown

Language = Literal["ja", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

_current: ContextVar[Language] = ContextVar("language", default="en")


def language(option: str | None = None, environment: Mapping[str, str] = os.environ) -> Language:
    """The language to speak: --lang, else MIGRATOR_LANG, else what the system's locale says, else English.

    Raises UsageError for an option that is neither of ours; a variable that is not ours is only passed over.
    """
    if option is not None:
        if (spoken := _spoken(option)) is None:
            raise UsageError(Reason("locale.unknown-language", name=option, known=", ".join(LANGUAGES)))
        return spoken
    if spoken := _spoken(environment.get("MIGRATOR_LANG", "")):
        return spoken
    # POSIX: the first of these that is set decides, whatever it says.
    system = environment.get("LC_ALL") or environment.get("LC_MESSAGES") or environment.get("LANG") or ""
    return _spoken(system) or "en"


def _spoken(name: str) -> Language | None:
    """`ja_JP.UTF-8`, `ja-JP`, `ja`: the language before the country."""
    word = re.split(r"[-_.@]", name.lower())[0]
    return next((each for each in LANGUAGES if each == word), None)


def speak(lang: Language) -> None:
    """From here on `_` and `sentence` use this language (in this thread or task)."""
    _current.set(lang)


def spoken() -> Language:
    """The language `_` uses now."""
    return _current.get()


Said = TypeVar("Said")


def spoken_in(lang: Language, say: Callable[[], Said]) -> Said:
    """What is said in that language; the one spoken now stays."""

    def said() -> Said:
        speak(lang)
        return say()

    return copy_context().run(said)


class Catalogue(NullTranslations):
    """The texts of one language, as gettext and Jinja expect them."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        super().__init__()
        self.texts = texts

    @override
    def gettext(self, message: str) -> str:
        return self.texts.get(message) or message


@cache
def catalogue(lang: Language) -> Catalogue:
    """The catalogue of that language, read once a process."""
    return Catalogue(entries(template("migrator.po", lang)))


def template(name: str, lang: Language) -> str:
    """A whole file that is written for people, in that language."""
    return (Path(__file__).parent / lang / name).read_text(encoding="utf-8")


_ENTRY = re.compile(r'^msgid ((?:".*"\s*)+)^msgstr ((?:".*"\s*)+)', re.MULTILINE)
_QUOTED = re.compile(r'^[^"]*"(.*)"\s*$', re.MULTILINE)
_ESCAPED = re.compile(r"\\(.)")


def entries(po: str) -> dict[str, str]:
    """Each msgid with its msgstr, of a `.po` file without plurals or contexts (babel: 70 ms, this: 5)."""
    return {_text(msgid): _text(msgstr) for msgid, msgstr in _ENTRY.findall(po) if _text(msgid)}


def _text(quoted: str) -> str:
    return _ESCAPED.sub(lambda found: {"n": "\n", "t": "\t"}.get(found[1], found[1]), "".join(_QUOTED.findall(quoted)))


def _(text: str) -> str:
    """The text in the language spoken now."""
    return catalogue(_current.get()).gettext(text)


def sentence(reason: Reason, lang: Language | None = None) -> str:
    """What a Reason says, and what to do now. An unknown code shows itself and its parameters; nothing raises."""
    template = catalogue(lang or _current.get()).texts.get(reason.code)
    if template is None:
        named = ", ".join(f"{name}={_word(value)}" for name, value in reason.params.items())
        return shown(reason.code) + (f" ({named})" if named else "")
    return filled(template, reason.params)


def filled(template: str, params: Mapping[str, Param]) -> str:
    """The template with each `{name}` replaced by that parameter, made safe to show; a name without one stays."""
    return re.sub(r"\{(\w+)\}", lambda found: _word(params[found[1]]) if found[1] in params else found[0], template)


def _word(value: Param) -> str:
    return "-" if value is None else shown(str(value))
