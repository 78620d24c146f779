"""Attachments that a program took out of its mails, and whose names it wrote into their text instead."""

import re
from collections.abc import Iterator

from adapters.files.reading import Content
from adapters.groupware.probe.sight import DETACHED, UNKNOWN
from adapters.groupware.probe.survey import Survey

_LINE = 2**16
"""Bytes of a line that is looked at."""
_NAMED = re.compile(rb'[A-Za-z][A-Za-z ]{3,40}: ?"[^"]*[\\\\/:]([^"\\\\/:]+)"')
"""`Attachment Converted: "C:\\mail\\attach\\order.xls"`: a path that is nobody's here any more, but for its name."""


def detached(survey: Survey) -> None:
    """An unknown file is an attachment where the text of a mail in a directory above says that it was put there."""
    lost = [path for path, seen in survey.files.items() if seen.kind == UNKNOWN and "/" in path]
    if not lost:
        return
    named = {(path.rpartition("/")[0], name) for path in survey.mboxes() for name in _names(survey, path)}
    for path in lost:
        directory, _, name = path.rpartition("/")
        above = directory.rpartition("/")[0]
        if any(where == above or where.startswith(f"{above}/") for where, each in named if each == name):
            survey.explain(path, DETACHED, survey.files[path].size)


def _names(survey: Survey, path: str) -> Iterator[str]:
    content = survey.read(path)
    if isinstance(content, Content):
        with content.raw.open() as stream:
            while line := stream.readline(_LINE):
                if (found := _NAMED.match(line)) is not None:
                    yield found[1].decode(survey.paths, "surrogateescape")
