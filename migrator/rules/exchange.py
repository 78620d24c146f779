"""Rules as a PowerShell script of transport rules, for Exchange and Exchange Online: each sets a header."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import count

from migrator.errors import Reason
from migrator.rules.choosing import Chosen, Rule
from migrator.text import powershell

HEADER = "X-Migrator-Parked"

PATTERN = 128
"""Characters that one pattern may have."""

ROOM = 4_000
"""Characters of patterns in one rule: a whole rule may have 8,192."""

_TOP = f"""\
# Made by migrator from what people decided. Each rule sets the header {HEADER}; none rejects, deletes or redirects.
# Save as UTF-8 with a byte order mark, or Windows PowerShell misreads the Japanese. First look, then run:
#   Get-TransportRule | Where-Object Name -like 'migrator *'
"""

_FROM = "-SenderAddressLocation Header -FromAddressMatchesPatterns"
_NO_LIST = "-ExceptIfHeaderMatchesMessageHeader 'List-Id' -ExceptIfHeaderMatchesPatterns '.'"
_LIST = "-HeaderMatchesMessageHeader 'List-Id' -HeaderMatchesPatterns"


def script(chosen: Chosen) -> tuple[str, Chosen]:
    """The script with its byte order mark, and what went into it."""
    rules: list[Rule] = []
    left = list(chosen.left)
    for rule in chosen.rules:
        if len(_pattern(rule)) > PATTERN:
            left.append(Reason("rules.too-long", sender=rule.name, limit=PATTERN))
        else:
            rules.append(rule)
    return "\N{BYTE ORDER MARK}" + _TOP + "".join(_commands(rules, chosen.words)), Chosen(rules, left, chosen.words)


def _commands(rules: Sequence[Rule], of_orders: Sequence[str]) -> Iterator[str]:
    numbers = count(1)
    for is_list in (False, True):
        for by_subject in (False, True):
            meant = [rule for rule in rules if (rule.is_list, rule.by_subject) == (is_list, by_subject)]
            for patterns in _within(ROOM, map(_pattern, meant)):
                words = ["New-TransportRule", f"-Name 'migrator {next(numbers)}'"]
                words += [_LIST if is_list else _FROM, _array(patterns)]
                words += [] if is_list else [_NO_LIST]
                words += ["-ExceptIfSubjectMatchesPatterns", _array(map(_literal, of_orders))] if by_subject else []
                words.append(f"-SetHeaderName '{HEADER}' -SetHeaderValue '{'list' if is_list else 'sender'}'")
                yield " ".join(words) + "\n"


def _within(limit: int, patterns: Iterable[str]) -> Iterator[list[str]]:
    page: list[str] = []
    for pattern in patterns:
        if page and sum(map(len, page)) + len(pattern) > limit:
            yield page
            page = []
        page.append(pattern)
    if page:
        yield page


def _pattern(rule: Rule) -> str:
    name = _literal(rule.name)
    return f"(<|^){name}(>|$)" if rule.is_list else f"^{name}$"


def _literal(text: str) -> str:
    return "".join(f"\\{each}" if each in r"\.^$|?*+()[]{}" else each for each in text)


def _array(texts: Iterable[str]) -> str:
    return "@(" + ",".join(map(powershell, texts)) + ")"
