"""Help in the reader's language: typer's own words too, and lines that break where Japanese may break.

Imported only where help is shown: rich is slow to load.
"""

import re
from collections.abc import Iterator
from typing import Any

import rich._wrap
import typer
from typer import rich_utils
from typer._click import core, formatting
from typing_extensions import override

from migrator.locale import _

_WIDE = "\u2e80-\u303f\u3041-\u30ff\u31f0-\u9fff\uf900-\ufaff\uff01-\uff9f"
_OPENING = "（［「『【〈《〔"
_CLOSING = "、。，．・：；？！）］」』】〉》〕ーぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ々…"
WORD = re.compile(rf"\s*[{_OPENING}]*(?:[^\s{_WIDE}]+|\S)[{_CLOSING}]*\s*")
"""What stays on one line: a word of Latin letters, or one Japanese character; never a closing mark without what it
closes (JIS X 4051, 行頭禁則)."""


class _Formatter(formatting.HelpFormatter):
    @override
    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, prefix or _("Usage: "))


def speak_here(root: Any) -> Any:
    """The same command, whose help speaks the language spoken now."""
    rich._wrap.re_word = WORD
    core.Context.formatter_class = _Formatter
    rich_utils.ARGUMENTS_PANEL_TITLE = _("Arguments")
    rich_utils.OPTIONS_PANEL_TITLE = _("Options")
    rich_utils.COMMANDS_PANEL_TITLE = _("Commands")
    rich_utils.DEFAULT_STRING = _("[default: {}]")
    rich_utils.REQUIRED_LONG_STRING = _("[required]")
    for command in _all(root):
        if option := command.get_help_option(typer.Context(command)):
            option.help = _("Show this help.")
    return root


def _all(command: Any) -> Iterator[Any]:
    yield command
    for inner in getattr(command, "commands", {}).values():
        yield from _all(inner)
