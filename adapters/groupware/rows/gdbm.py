"""Pairs out of a GDBM file, as libgdbm 1.8 to 1.23 lays it out (its gdbmdefs.h): a directory of buckets, whose elements
say where each pair lies. Files of either byte order, of machines with 32 or 64 bits, with or without crash tolerance.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from adapters.groupware.rows.window import Lost, Pair, Strange, Window

_OLD = 0x13579ACE
_NARROW, _WIDE = {0x13579ACD, 0x13579AD0}, {0x13579ACF, 0x13579AD1}
MAGICS = {_OLD, *_NARROW, *_WIDE}

UNUSED = -1
"""The hash of an element that holds no pair."""
SMALL = 4
"""Bytes of a key that its element repeats."""
BLOCK = 2**16
LARGEST_BUCKET = 2**24


class _Layout(NamedTuple):
    """How a compiler laid out the structures: the file's head, where a bucket counts, where its elements begin."""

    head: str
    address: str
    counted: int
    elements: int
    element: str


_LAYOUTS = {
    8: (_Layout("8xqi4xii", "q", 108, 112, "i4sqii"), _Layout("8xqi4xii", "q", 80, 84, "i4sqii")),
    4: (_Layout("8xii4xii", "i", 56, 60, "i4siii"),),
}
"""By the bytes of a place in a file: where long numbers stand at multiples of eight, and where they do not."""


def is_gdbm(begin: bytes) -> bool:
    """Whether a file that begins so is one."""
    return any(int.from_bytes(begin[:4], order) in MAGICS for order in ("little", "big"))


def pairs(window: Window) -> Iterator[Pair | int]:
    """Each pair, or the byte at which stands what has lost some: told once a bucket. Raises Strange, Spent."""
    try:
        order, layout, directory, size, bucket_size = _head(window)
    except (Lost, struct.error) as error:
        raise Strange from error
    element = struct.Struct(order + layout.element)
    elements = (bucket_size - layout.elements) // element.size
    count = struct.Struct(order + "i")
    for place in _buckets(window, directory, size, struct.Struct(order + layout.address)):
        try:
            bucket = window.read(place, bucket_size)
        except Lost:
            yield place
            continue
        found, lost = 0, False
        for hashed, small, at, key_size, value_size in element.iter_unpack(
            bucket[layout.elements : layout.elements + elements * element.size]
        ):
            if hashed == UNUSED:
                continue
            found += 1
            pair = _pair(window, small, at, key_size, value_size)
            if pair is None:
                lost = True
            else:
                yield pair
        if lost or found != count.unpack_from(bucket, layout.counted)[0]:
            yield place


def _head(window: Window) -> tuple[str, _Layout, int, int, int]:
    """Byte order, layout, where the directory stands, its bytes, the bytes of a bucket. Raises Strange, Lost."""
    begin = window.read(0, 40)
    order = "<" if int.from_bytes(begin[:4], "little") in MAGICS else ">"
    (magic,) = struct.unpack_from(f"{order}I", begin)
    widths = [8] if magic in _WIDE else [4] if magic in _NARROW else [8, 4]
    for layout in [layout for width in widths for layout in _LAYOUTS[width]]:
        directory, size, bucket, elements = struct.unpack_from(order + layout.head, begin)
        room = (bucket - layout.elements) // struct.calcsize(order + layout.element)
        if 0 < elements == room and bucket <= LARGEST_BUCKET and 0 < size <= window.size:
            return order, layout, directory, size, bucket
    raise Strange


def _buckets(window: Window, directory: int, size: int, address: struct.Struct) -> Iterator[int]:
    """Where the buckets stand, each once: the directory names one again and again until it is split."""
    seen: set[int] = set()
    for at in range(directory, directory + size, BLOCK):
        try:
            block = window.read(at, min(BLOCK, directory + size - at))
        except Lost:
            yield at
            return
        for (place,) in address.iter_unpack(block[: len(block) // address.size * address.size]):
            if place not in seen:
                seen.add(place)
                yield place


def _pair(window: Window, small: bytes, at: int, key_size: int, value_size: int) -> Pair | None:
    """What an element leads to; None where that is another key."""
    try:
        if key_size < 0 or value_size < 0:
            return None
        key = window.read(at, key_size)
        value = window.read(at + key_size, value_size)
    except Lost:
        return None
    return (key, value) if key[:SMALL] == small[: len(key)] else None
