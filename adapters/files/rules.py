"""What a file's name, or its first lines, say about it: mail, none by a named rule, or something to unpack first."""

import re

from migrator.mail import date_in_name
from migrator.model import DateSource, Evidence

_RULES = {
    "dovecot-index": r"dovecot[-.].*|\.imap|subscriptions|\.subscriptions",
    "courier-index": r"courier.*|maildirsize|maildirfolder|maildirshared|sqwebmail-.*",
    "mh-index": r"\.mh_sequences|\.mh_profile|\.xmhcache|\.folders|\.sylpheed_(mark|cache)|\.claws_(mark|cache|tags)",
    "client-index": r".+\.msf|\.mbsyncstate.*|\.uidvalidity|\.isyncuidmap\.db|msgFilterRules\.dat|popstate\.dat",
    "archive-index": r"migrator-index\.jsonl",
    "lock-file": r".+\.lock|.+\.lck|\.nfs[0-9a-f]+|\.lock",
    "desktop-file": r"\.DS_Store|\._.*|Thumbs\.db|desktop\.ini|\.directory",
}
_JUNK = re.compile("|".join(f"(?P<{rule.replace('-', '_')}>{names})" for rule, names in _RULES.items()), re.I)

_FOREIGN = re.compile(
    rb".+\.(emlx|msg|pst|ost|dbx|wab|tnef|gz|tgz|bz2|xz|zst|z|zip|lzh|lha|7z|rar|tar|cab)", re.IGNORECASE
)
"""Files that may well hold mail, in a form that somebody must unpack or convert first."""

_HEADER = re.compile(rb"(?:From [^\n]*\n)?(?:[!-9;-~]+[ \t]*:[^\n]*\n(?:[ \t]+[^\n]*\n)*)+")
_MAIL_FIELD = re.compile(
    rb"^(received|return-path|delivered-to|from|to|cc|date|subject|message-id|mime-version)[ \t]*:", re.I | re.M
)

HEAD = 2**16
"""Bytes from the start of a file by which it is told whether it looks like mail."""


def junk(name: bytes) -> str | None:
    """The rule by which a file of this name is no mail: an index, a lock, what a desktop leaves behind."""
    match = _JUNK.fullmatch(name.decode("latin-1"))
    return match.lastgroup.replace("_", "-") if match and match.lastgroup else None


def dated(name: bytes) -> tuple[Evidence, ...]:
    """The time that a file's name tells, if it tells one."""
    at = date_in_name(name)
    return () if at is None else (Evidence(DateSource.FILE_NAME, at),)


def foreign(name: bytes) -> bool:
    """Whether a file of this name may hold mail that must be unpacked or converted first."""
    return _FOREIGN.fullmatch(name) is not None


def looks_like_mail(head: bytes) -> bool:
    """Whether a file begins with header fields of which one is a mail's."""
    header = _HEADER.match(head.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n") + b"\n")
    return header is not None and _MAIL_FIELD.search(header[0]) is not None
