"""The nouns keep their promises."""

import io
import os
import random

from migrator.model import IN_MEMORY, Raw


def test_a_large_raw_is_read_anywhere_by_several_readers_at_once() -> None:
    data = random.Random(1).randbytes(IN_MEMORY + 5000)
    raw = Raw.spooled(io.BytesIO(data))
    with raw.open() as one, raw.open() as two:
        assert one.seek(IN_MEMORY) == IN_MEMORY
        assert two.read(10) == data[:10]
        assert one.read(10) == data[IN_MEMORY : IN_MEMORY + 10]
        assert one.seek(-20, os.SEEK_CUR) == one.tell() == IN_MEMORY - 10
        assert one.read(20) == data[IN_MEMORY - 10 : IN_MEMORY + 10]
        assert two.seek(-3, os.SEEK_END) == len(data) - 3
        assert two.read() == data[-3:]
        assert two.seek(5) == 5
        assert two.read(3) == data[5:8]
