"""Name -> Adapter through entry points: the built-in ones come in by the same door as strangers."""

from importlib.metadata import entry_points

from migrator.errors import Reason, UsageError
from migrator.ports import Adapter

GROUP = "migrator.adapters"


def adapter(name: str) -> Adapter:
    """The adapter of that name. Raises UsageError where none is installed, or one is broken."""
    found = entry_points(group=GROUP, name=name)
    if not found:
        raise UsageError(Reason("adapter.unknown", name=name, installed=", ".join(sorted(names()))))
    try:
        loaded = next(iter(found)).load()
    except (ImportError, AttributeError) as error:
        raise UsageError(Reason("adapter.broken", name=name, answer=str(error))) from error
    if not isinstance(loaded, Adapter):
        raise UsageError(Reason("adapter.broken", name=name, answer=type(loaded).__name__))
    return loaded


def names() -> set[str]:
    """The installed adapters' names."""
    return {point.name for point in entry_points(group=GROUP)}
