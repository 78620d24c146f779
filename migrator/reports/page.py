"""Figures -> one HTML file that needs nothing else, in the language spoken now."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from migrator.errors import Reason
from migrator.locale import _, filled, sentence, spoken
from migrator.reports.charts import HEIGHT, WIDTH, bars, columns, growth, named
from migrator.reports.survey import SECONDS, WORKDAYS, Survey
from migrator.text import shown


def _finished(value: Any) -> Any:
    """Text from outside is told by its plain type: markup of ours is another."""
    return shown(value) if type(value) is str else value


def _size(size: float) -> str:
    """Bytes as people say them."""
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1000:
            return f"{size:.1f} {unit}" if size < 10 and unit != "B" else f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:,.1f} TB"


ENVIRONMENT = Environment(
    loader=PackageLoader("migrator.reports"),
    autoescape=True,
    undefined=StrictUndefined,
    finalize=_finished,
    trim_blocks=True,
    lstrip_blocks=True,
)
ENVIRONMENT.globals["_"] = _
ENVIRONMENT.filters |= {
    "fill": lambda text, **params: filled(text, params),
    "number": lambda value: f"{value:,}",
    "percent": lambda share: f"{share:.0%}",
    "size": _size,
    "month": lambda day: named((day.year, day.month)),
    "named": named,
}


def survey_page(found: Survey, version: str) -> str:
    """The 診断書."""
    line, highest = growth(found)
    return ENVIRONMENT.get_template("survey.html").render(
        lang=spoken(),
        its=found,
        accounts=bars(found.largest()),
        senders=bars(found.loudest()),
        columns=columns(found),
        line=line,
        highest=highest,
        width=WIDTH,
        height=HEIGHT,
        seconds=SECONDS,
        workdays=WORKDAYS,
        version=version,
        healths=[(many, _health(each)) for each, many in found.broken.most_common()],
        faults=[(many, code, sentence(found.examples[code])) for code, many in found.faults.most_common()],
    )


def _health(each: str) -> str:
    return sentence(Reason(f"health.{each}"))
