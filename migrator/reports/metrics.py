"""Numbers for Prometheus, in its text format. They are read off staging when they are asked for; no run keeps any."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from migrator.staging.counted import Counted, Labels

Family = type[CounterMetricFamily] | type[GaugeMetricFamily]

STEP, TARGET = ("step", "target"), ("target",)


class _Counts(Collector):
    def __init__(self, counted: Counted) -> None:
        self._counted = counted

    @override
    def collect(self) -> Iterator[Metric]:
        its = self._counted
        yield _family(CounterMetricFamily, "step_mails", "Mails that a step has worked on.", STEP, its.mails)
        yield _family(CounterMetricFamily, "step_bytes", "Bytes that a step has moved.", STEP, its.bytes)
        yield _family(GaugeMetricFamily, "mails", "Mails by their state at a target.", (*TARGET, "state"), its.states)
        yield _family(CounterMetricFamily, "refusals", "Mails refused by a target.", (*TARGET, "code"), its.refusals)
        yield _family(GaugeMetricFamily, "faults", "What could not be read at the source.", ("code",), its.faults)
        yield _family(
            CounterMetricFamily,
            "setbacks",
            "Folders and accounts that a run could not work on.",
            (*STEP, "code"),
            its.setbacks,
        )
        yield _family(
            GaugeMetricFamily, "findings", "What the newest verify saw to be wrong.", (*TARGET, "kind"), its.findings
        )
        yield _family(GaugeMetricFamily, "runs", "Runs that are going on.", STEP, its.running)
        yield _family(
            GaugeMetricFamily,
            "last_run_ended_timestamp_seconds",
            "When the newest run of a step ended.",
            STEP,
            {(each.step, each.target): each.ended.timestamp() for each in its.ended if each.ended is not None},
        )
        yield _family(
            GaugeMetricFamily,
            "last_run",
            "How the newest run of a step ended: done, stopped or killed.",
            (*STEP, "outcome"),
            {(each.step, each.target, each.outcome): 1 for each in its.ended},
        )


def _family(
    kind: Family, name: str, about: str, labels: Sequence[str], values: Mapping[Labels, float]
) -> CounterMetricFamily | GaugeMetricFamily:
    family = kind(f"migrator_{name}", about, labels=labels)
    for each in sorted(values):
        family.add_metric(each, values[each])
    return family


def text(counted: Counted) -> str:
    """The numbers in the text format of Prometheus (version 0.0.4)."""
    registry = CollectorRegistry()
    registry.register(_Counts(counted))
    return generate_latest(registry).decode()


def write(counted: Counted, path: Path) -> None:
    """The same as a file that anybody may read, node_exporter too, and that nobody sees half of. Raises OSError."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        new.write_text(text(counted), "utf-8")
        new.chmod(0o644)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
