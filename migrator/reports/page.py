"""Figures -> one HTML file that needs nothing else, in the language spoken now."""

from migrator.errors import Reason
from migrator.locale import sentence, spoken
from migrator.locale.pages import environment
from migrator.reports.charts import HEIGHT, WIDTH, bars, columns, growth, named
from migrator.reports.survey import SECONDS, WORKDAYS, Survey


def _size(size: float) -> str:
    """Bytes as people say them."""
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1000:
            return f"{size:.1f} {unit}" if size < 10 and unit != "B" else f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:,.1f} TB"


ENVIRONMENT = environment(
    "migrator.reports",
    number=lambda value: f"{value:,}",
    size=_size,
    month=lambda day: named((day.year, day.month)),
    named=named,
)


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
