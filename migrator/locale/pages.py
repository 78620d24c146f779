"""Templates of pages, in the language spoken now. Whatever they show is escaped and made safe to look at."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from migrator.locale import _, filled
from migrator.text import shown


def environment(package: str, **filters: Any) -> Environment:
    """For the templates of a package, with filters of its own."""
    made = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finished,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["_"] = _
    made.filters |= {"fill": lambda text, **params: filled(text, params), "percent": lambda share: f"{share:.0%}"}
    made.filters |= filters
    return made


def _finished(value: Any) -> Any:
    """Text from outside is told by its plain type: markup of ours is another."""
    return shown(value) if type(value) is str else value
