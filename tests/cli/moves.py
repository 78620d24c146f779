"""A migration folder with mails already staged and judged, for tests of commands."""

from pathlib import Path

from migrator.cli import main

SETTINGS = """
[staging]
url = "sqlite:///staging.db"

[source]
adapter = "maildir"
root = "{old}"

[targets.new]
adapter = "eml"
root = "new"
"""


def judged(root: Path, *mails: bytes) -> Path:
    """The folder, below `root`; the mails were sato's, in a maildir beside it."""
    fill(root / "old" / "sato", *mails)
    folder = root / "move"
    folder.mkdir()
    (folder / "migration.toml").write_text(SETTINGS.format(old=root / "old"))
    for step in ("extract", "judge"):
        assert main(["--dir", str(folder), step]) == 0
    return folder


def fill(inbox: Path, *mails: bytes) -> None:
    """A maildir of these mails, all of them read."""
    for each in ("cur", "new", "tmp"):
        (inbox / each).mkdir(parents=True)
    for number, mail in enumerate(mails):
        (inbox / "cur" / f"{number}.x:2,S").write_bytes(mail)
