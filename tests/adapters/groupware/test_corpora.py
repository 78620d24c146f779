"""Real mail, laid out as a groupware store, is read back byte for byte."""

from collections import Counter
from hashlib import sha256
from pathlib import Path

from migrator.model import Unreadable
from tests.adapters.groupware.builder import LegacyStore, Row, items, walk


def test_every_mail_of_the_corpora_is_read_back_byte_for_byte(corpora: Path, tmp_path: Path) -> None:
    store = LegacyStore(tmp_path / "store")
    files = sorted(
        path for folder in ("fixtures", "filter/mail") for path in (corpora / folder).rglob("*") if path.is_file()
    )
    expected: Counter[str] = Counter()
    empty = 0
    for number, path in enumerate(files):
        raw = path.read_bytes()
        expected[sha256(raw).hexdigest()] += bool(raw)
        empty += not raw
        place = store.folder(f"user{number % 7}", (path.parent.name,))
        store.file(f"data/{place}/{number}.eml", raw)
        if number % 11:  # every eleventh file has lost its row
            store.rows.append(Row(f"{number:06d}", f"user{number % 7}", place, f"{number}.eml", "R", "1257120930"))
    store.write()
    with store.open() as source:
        found = walk(source)
    assert Counter(item.raw.digest for item in items(found)) == +expected
    faults = [each for all_ in found.values() for each in all_ if isinstance(each, Unreadable)]
    assert [fault.reason.code for fault in faults] == ["file.empty"] * empty
