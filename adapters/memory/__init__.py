"""Mail in memory: a named world kept in this process, both source and target, for tests and for trying things out.

    old = world("old")
    number = old.add("sato", ("受信箱",), b"Subject: hello\\r\\n\\r\\n")
    with adapter.open_source(Memory(world="old")) as source: ...

A `World` has two sides: what its users do (add, move, flag, edit, delete, rename …), and what the adapter shows of it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import BaseModel, ConfigDict

from migrator.model import Mailbox
from migrator.ports import Adapter

from .sharing import SharedMemoryTarget
from .source import MemorySource
from .world import World, forget, world

__all__ = ["Memory", "World", "adapter", "forget", "open_source", "open_target", "world"]


class Memory(BaseModel):
    """`world` names the world; it is made when it is first asked for and lives as long as the process."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    world: str


@contextmanager
def open_source(config: Memory) -> Iterator[MemorySource]:
    yield MemorySource(world(config.world))


@contextmanager
def open_target(config: Memory, mailbox: Mailbox) -> Iterator[SharedMemoryTarget]:
    yield SharedMemoryTarget(world(config.world), mailbox.owner)


adapter = Adapter(config=Memory, open_source=open_source, open_target=open_target)
