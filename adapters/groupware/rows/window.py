"""A file that is read wherever it says, and that may lie: nothing outside it, and in all no more than it can hold."""

from typing import BinaryIO


class Strange(ValueError):  # noqa: N818 - raised and caught inside this package
    """The whole file is none of its kind."""


class Lost(LookupError):  # noqa: N818 - raised and caught inside this package
    """What should stand at this byte does not."""

    def __init__(self, place: int) -> None:
        super().__init__(place)
        self.place = place


class Spent(Exception):  # noqa: N818 - raised and caught inside this package
    """Whoever reads so much goes in circles: parts of a sound file do not lie on top of each other."""


class Window:
    """The file's bytes by their places. `often` times its size may be read of it, and then no more."""

    def __init__(self, stream: BinaryIO, size: int, often: int) -> None:
        self._stream, self.size, self._left = stream, size, often * size

    def read(self, place: int, size: int) -> bytes:
        """Just so many bytes. Raises Lost where they do not stand there, Spent."""
        if place < 0 or size < 0 or place + size > self.size:
            raise Lost(max(place, 0))
        self.spend(size)
        self._stream.seek(place)
        return self._stream.read(size)

    def spend(self, size: int) -> None:
        """So many bytes were taken out. Raises Spent."""
        self._left -= size
        if self._left < 0:
            raise Spent


Pair = tuple[bytes, bytes]
"""A key and its value."""
