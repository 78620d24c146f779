"""What lies in a store and is neither a mail nor a table of the proposal."""

from collections.abc import Collection

from adapters.groupware.probe.families import Table, extension
from adapters.groupware.probe.sight import DETACHED, FETCHED, FIXED, INDEX, NOT_MIGRATED, SETTINGS
from adapters.groupware.probe.survey import Survey

LEFT = (".lock", ".lck", ".tmp", ".part", ".pid")
"""Ends of the names of files that a program leaves behind when it is killed."""
TABLES = "other-tables"


def leftovers(
    tables: Collection[Table], used: Collection[str], mails: Collection[str], survey: Survey
) -> dict[str, list[str]]:
    """Kinds of files that are neither mails nor tables of the proposal: name of a rule -> patterns."""
    ends = {extension(path).casefold() for path in mails}
    rules: dict[str, list[str]] = {}
    spare = [each for each in tables if not {*used, *mails} & {*each.files} and each.files[0] in survey.sights]
    if spare:
        rules[TABLES] = [*dict.fromkeys(_pattern(each, spare) for each in spare)]
    listed = {path for table in tables for path in table.files if path in survey.sights} | {*used}
    for path, seen in survey.files.items():
        end = extension(path).casefold()
        named = seen.kind in (NOT_MIGRATED, FETCHED, SETTINGS, INDEX, DETACHED, FIXED)
        if path in listed or not (named or end in LEFT) or (end in ends and not named):
            continue
        rule = seen.kind if named else f"left-{end[1:]}"
        by_end = end and end not in ends and seen.kind in (NOT_MIGRATED, FIXED)
        pattern = f"*{end}" if by_end else path.rpartition("/")[2]
        if seen.kind == DETACHED and "/" in path:
            pattern = f"*/{path.split('/')[-2]}/*"
        if pattern not in rules.setdefault(rule, []):
            rules[rule].append(pattern)
    return rules


def _pattern(table: Table, others: Collection[Table]) -> str:
    """The table's path; where several have one name, that name."""
    name = table.steps[-1]
    if name is not None and sum(each.steps[-1] == name and each.steps != table.steps for each in others):
        return name
    return "/".join(step or "*" for step in table.steps)
