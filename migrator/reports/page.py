"""Figures -> one HTML file that needs nothing else, in the language spoken now."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from migrator.errors import Reason
from migrator.locale import _, sentence, spoken
from migrator.locale.pages import environment
from migrator.reports.charts import HEIGHT, WIDTH, bars, columns, growth, named, whiskers
from migrator.reports.survey import SECONDS, WORKDAYS, Survey


def _size(size: float) -> str:
    """Bytes as people say them."""
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1000:
            return f"{size:.1f} {unit}" if size < 10 and unit != "B" else f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:,.1f} TB"


def clock(seconds: float) -> str:
    """h:mm:ss, as it is written in both languages."""
    return str(timedelta(seconds=max(1, round(seconds))))


ENVIRONMENT = environment(
    "migrator.reports",
    number=lambda value: f"{value:,}",
    size=_size,
    month=lambda day: named((day.year, day.month)),
    named=named,
    clock=clock,
    spoken=lambda reason: _spoken(reason),
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


def step_words() -> dict[str, str]:
    """What the steps do, for people."""
    return {
        "extract": _("read the old system"),
        "judge": _("judge newsletters"),
        "load": _("send to the new server"),
        "verify": _("read back and compare"),
        "first": _("all together"),
        "window": _("all together"),
    }


FEW = 20
"""Lines of one kind that a page shows; the rest stands in the JSON beside it."""


def rehearsal_page(its: Mapping[str, Any]) -> str:
    """How a rehearsal went, from its JSON."""
    forecast = its["forecast"]
    return ENVIRONMENT.get_template("rehearsal.html").render(
        lang=spoken(),
        its=its,
        when=datetime.fromisoformat(its["ended"]).astimezone(),
        totals={word: its["totals"].get(word, 0) for word in TOTALS} | its["totals"],
        changed=its["differences"],
        forecast=forecast,
        window=whiskers(forecast["window"]),
        words=step_words(),
        refused=its["refused_reasons"],
        broken=its["broken_reasons"],
        few=FEW,
        shows_not=its["shows_not"],
    )


TOTALS = ("found", "loaded", "refused", "fault", "parked", "held", "to_do", "in_doubt", "missing", "extra")


def _spoken(reason: Mapping[str, Any]) -> str:
    """A Reason from JSON, in the language of the page."""
    return sentence(Reason(reason["code"], **reason["params"]))
