"""What lies in a store and is neither a mail nor a table of the proposal."""

from adapters.groupware.probe.families import extension
from adapters.groupware.probe.propose import Proposal
from adapters.groupware.probe.sight import NOT_MIGRATED
from adapters.groupware.probe.survey import Survey

LEFT = (".lock", ".lck", ".tmp", ".part", ".pid")
"""Ends of the names of files that a program leaves behind when it is killed."""


def leftovers(found: Proposal, survey: Survey) -> dict[str, list[str]]:
    """Kinds of files that are neither mails nor tables of the proposal: name of a rule -> patterns."""
    used = {path for each in (found.index, found.users, found.folders) if each is not None for path in each.files}
    mails = extension(found.mails[0]) if found.mails else ""
    rules: dict[str, list[str]] = {}
    for table in found.tables:
        if not used & {*table.files}:
            rules.setdefault("other-tables", []).append("/".join(step or "*" for step in table.steps))
    tables_ = {path for table in found.tables for path in table.files}
    for path, kind in survey.kinds.items():
        end = extension(path).casefold()
        if path in tables_ or end == mails.casefold() or not (kind == NOT_MIGRATED or end in LEFT):
            continue
        rule = NOT_MIGRATED if kind == NOT_MIGRATED else f"left-{end[1:]}"
        pattern = f"*{end}" if end else path.rpartition("/")[2]
        if pattern not in rules.setdefault(rule, []):
            rules[rule].append(pattern)
    return rules
