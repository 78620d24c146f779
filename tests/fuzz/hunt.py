"""Hypothesis as a hunter: pieces of what is fuzzed, put together in ever new ways, for so many seconds."""

import hashlib
import random
import time
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.adapters.files.test_frames import WORDS
from tests.fuzz.seeds import seeds
from tests.fuzz.targets import FINDINGS, bounded
from tests.migrator.mail.damage import mails
from tests.migrator.test_japanese import labels, pieces

Bytes = st.SearchStrategy[bytes]

_CELLS = [b"a", b"b", b"1", b",", b'"', b"'", b"\\", b"\n", b"\r\n", b"\t", b"\0", b"(", b")", b";", b"<", b">", b"&"]
_CELLS += [b"[", b"]", b"{", b"}", b":", b"=", b"-- ", b"/*", b"*/", b"\\N", b"\\.", b"NULL", b"x'4", b"0x", b"\x1a"]
_CELLS += [
    b"INSERT INTO `t` VALUES (",
    b"COPY t (a, b) FROM stdin;\n",
    b"INSERT INTO T(A) VALUES",
    b"CREATE TABLE `t` (\n",
]
_CELLS += [b"  `a` int,\n", b"<r>", b"</r>", b"<a>", b"<![CDATA[", b"]]>", b'{"a": ', b"[s]\na = ", b"\x03m\x0b\x02"]
_CELLS += [
    b"SQLite format 3\0\x10\0\1\1\0\x40\x20\x20",
    "表ソ".encode("cp932"),
    "日".encode(),
    b"\xef\xbb\xbf",
    b"\xff",
]

_JUNK: Bytes = st.sampled_from(_CELLS + WORDS) | st.binary(max_size=4)
_BITES = st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 40), _JUNK), max_size=6)
"""Where a file is bitten, how many bytes are lost there, and what stands there instead."""


def harmed(data: bytes, bites: list[tuple[int, int, bytes]]) -> bytes:
    """The file after that; what it begins with, its kind, stays."""
    for at, lost, instead in bites:
        at = 1 + at % max(1, len(data))
        data = data[:at] + instead + data[at + lost :]
    return data


def grown(name: str) -> Bytes:
    """Good files that came to harm, and what never was one."""
    soup = st.tuples(_KIND, st.lists(_JUNK, max_size=40).map(b"".join)).map(b"".join)
    return st.builds(harmed, st.sampled_from(SEEDS[name]), _BITES) | soup


SEEDS = seeds()
_KIND: Bytes = st.integers(0, 255).map(lambda number: bytes((number, number)))
_label: Bytes = labels.map(lambda label: (label or "").encode("utf-8", "replace").replace(b"\0", b""))

GROWN: dict[str, Bytes] = {
    "mail": mails | pieces,
    "japanese": st.tuples(_label, st.just(b"\0"), pieces).map(b"".join) | pieces,
    "rows": grown("rows"),
    "containers": grown("containers"),
}
EXAMPLES = 200
"""In one round; between rounds it is looked whether time is up."""


def hunt(name: str, seconds: float) -> int:
    """Try inputs until time is up, and tell how many. A finding is saved, then raised."""
    failing: list[bytes] = []
    tried, until = 0, time.monotonic() + seconds

    def probe(data: bytes) -> None:
        nonlocal tried
        tried += 1
        try:
            bounded(name, data)
        except BaseException:
            failing.append(data)
            raise

    quick = settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=False,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    try:
        while time.monotonic() < until:
            seed(random.getrandbits(64))(quick(given(GROWN[name])(probe)))()
    finally:
        if failing:
            save(name, min(failing, key=len))
    return tried


def save(name: str, data: bytes) -> Path:
    """Keep a finding where every later run of the tests will try it."""
    path = FINDINGS / name / hashlib.sha256(data).hexdigest()[:16]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
