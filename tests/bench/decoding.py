"""What reading Japanese text costs: MB/s where the standard library's codecs give up, and its share of extract."""

import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from migrator.japanese import decode, decode_header
from migrator.mail import headers, split
from tests.migrator.mail.written import jis

SIZE = 2_000_000
DECODED = {b"subject", b"from", b"to", b"cc", b"date", b"message-id", b"references", b"in-reply-to"}


def fallback_rates() -> dict[str, float]:
    """MB/s of ISO-2022-JP that the standard library refuses, by kind; the best of three."""
    random, line = Random(1), jis("㈱髙島屋の見積書①をご送付いたします。")
    escapes = [b"\x1b$B", b"\x1b(B", b"\x1b(I", b"\x1b$(D", b"\x0e", b"\x0f", b"\n"]
    hostile = (random.choice(escapes) + random.randbytes(random.randrange(20)) for _ in range(SIZE // 12))
    texts = {
        "NEC and IBM rows": (line + b"\n") * (SIZE // len(line)),
        "no escape at the end of any line": (line[:-3] + b"\n") * (SIZE // len(line)),
        "half-width kana": b"\x1b(I12345678\x1b(B\n" * (SIZE // 15),
        "random bytes among escapes": b"".join(hostile),
    }
    return {kind: _rate(data) for kind, data in texts.items()}


def _rate(data: bytes) -> float:
    return len(data) / 1e6 / min(_seconds(lambda: decode(data, "iso-2022-jp")) for _ in range(3))


def header_seconds(root: Path) -> float:
    """Seconds of the processor that it takes to decode the headers of all mails below the root, as extract does."""
    heads = [split(path.read_bytes())[0] for path in root.rglob("*.eml")]
    values = [value for head in heads for name, value in headers(head) if name in DECODED]
    return _seconds(lambda: [decode_header(value) for value in values])


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began
