"""Rules as Sieve (RFC 5228, with fileinto and RFC 5490's :create)."""

from collections.abc import Iterable, Iterator, Sequence

from migrator.rules.choosing import Chosen, Rule

_TOP = """\
# Made by migrator from what people decided. It files; it never rejects, discards or deletes.
# An answer stays in the inbox, whoever sent it.
require ["fileinto", "mailbox"];
"""


def script(chosen: Chosen, folder: str) -> tuple[str, Chosen]:
    """The script, and what went into it: all."""
    blocks = [_TOP]
    for by_subject in (False, True):
        tests = list(_senders([rule for rule in chosen.rules if rule.by_subject == by_subject]))
        if tests:
            blocks.append(_block(tests, folder, chosen.words if by_subject else ()))
    return "\n".join(blocks), chosen


def _block(tests: Sequence[str], folder: str, words: Sequence[str]) -> str:
    lines = ['if allof(not exists "in-reply-to",']
    if words:
        lines += ['  header :matches "subject" "?*",', f'  not header :contains "subject" {_strings(words)},']
    lines += [
        "  anyof(",
        "    " + ",\n    ".join(tests),
        "  ))",
        "{",
        f"  fileinto :create {_string(folder)};",
        "}",
        "",
    ]
    return "\n".join(lines)


def _senders(rules: Iterable[Rule]) -> Iterator[str]:
    """Tests for the senders of mail without a List-Id, and for lists; the comparator is i;ascii-casemap."""
    addresses = [rule.name for rule in rules if not rule.is_list]
    lists = [rule.name for rule in rules if rule.is_list]
    if addresses:
        yield f'allof(not exists "list-id", address :is "from" {_strings(addresses)})'
    if lists:
        yield f'header :contains "list-id" {_strings(f"<{name}>" for name in lists)}'
        yield f'header :is "list-id" {_strings(lists)}'


def _strings(texts: Iterable[str]) -> str:
    return "[\n      " + ",\n      ".join(map(_string, texts)) + "]"


def _string(text: str) -> str:
    """RFC 5228 §2.4.2; without `variables` and `encoded-character` nothing else in it means anything."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
