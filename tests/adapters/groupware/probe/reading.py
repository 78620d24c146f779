"""What a proposal is worth: how much is explained, and which mails are read by it."""

import re
from collections import Counter
from pathlib import Path

from adapters.groupware import Config, checks
from adapters.groupware import adapter as groupware
from adapters.groupware.mapping import StoreMapping
from migrator.model import Item
from migrator.model import Path as FolderPath
from migrator.ports import Probed


def explained(found: Probed) -> float:
    """The share of bytes that are explained."""
    return sum(each.explained for each in found.tracts) / sum(each.size for each in found.tracts)


def proposed(found: Probed, folder: Path) -> StoreMapping:
    """The proposed mapping, read as any other is."""
    path = folder / "proposed.toml"
    path.write_text(found.mapping, encoding="utf-8")
    return checks.read(path)


def answered(found: Probed, folder: Path) -> Path:
    """The proposed mapping after an operator has said that what is asked means nothing."""
    path = folder / "answered.toml"
    path.write_text(re.sub(r"^# (\w+) = \?.*", r'\1 = ""', found.mapping, flags=re.MULTILINE), encoding="utf-8")
    return path


def mails(mapping: Path | str, root: Path) -> Counter[tuple[str, FolderPath, bytes]]:
    """The mails that are read off a store by a mapping, with their accounts and folders."""
    assert groupware.open_source is not None
    with groupware.open_source(Config(mapping=mapping, root=root)) as source:
        return Counter(
            (account.name, folder.path, each.raw.read())
            for account in source.accounts()
            for folder in source.folders(account)
            for each in source.items(folder, after=None, known=never)
            if isinstance(each, Item)
        )


def never(_key: str, _stamp: str) -> bool:
    """Nothing is known yet."""
    return False
