"""Rules as Postfix header checks, for a table of type regexp: they put a header in front, and nothing else.

header_checks(5) looks at one header at a time. So neither a subject nor a missing List-Id can be asked for beside a
sender: who needs that is left out. `postmap -q - regexp:FILE` shows what a header gets.
"""

from migrator.errors import Reason
from migrator.rules.choosing import Chosen, Rule

HEADER = "X-Migrator-Parked"

_TOP = f"""\
# Made by migrator from what people decided, for header_checks = regexp:FILE. It puts {HEADER} in front of the
# header; it never rejects, discards or redirects. File on it by a rule of the mailbox.
"""

_BLANKS = "[[:space:]]*"
_DISPLAY = '("[^"]*"|[^<,"])*'
"""A display name, with its commas in quotes: no second mailbox, and no address that only stands in a name."""


def script(chosen: Chosen) -> tuple[str, Chosen]:
    """The table, and what went into it."""
    rules: list[Rule] = []
    left = list(chosen.left)
    for rule in chosen.rules:
        if rule.by_subject or rule.through_lists:
            left.append(Reason("rules.one-header", sender=rule.name))
        elif not rule.name.isascii():
            left.append(Reason("rules.not-ascii", sender=rule.name))
        else:
            rules.append(rule)
    return _TOP + "".join(map(_line, rules)), Chosen(rules, left, chosen.words)


def _line(rule: Rule) -> str:
    name = "".join(map(_literal, rule.name))
    if rule.is_list:
        return f"/^List-Id:(.*<{name}>|{_BLANKS}{name}){_BLANKS}$/ PREPEND {HEADER}: list\n"
    return f"/^From:({_BLANKS}{_DISPLAY}<{name}>|{_BLANKS}{name}){_BLANKS}$/ PREPEND {HEADER}: sender\n"


def _literal(character: str) -> str:
    """POSIX ERE; `/` ends a pattern of Postfix."""
    if character.isalnum() or character in "@-_":
        return character
    return f"\\{character}" if character in "\\^" else f"[{character}]" if character != "/" else "[\\/]"
