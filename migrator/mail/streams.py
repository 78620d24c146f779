"""The unit of decision: what people, rules and the filter mean by one sender or list, said in this one place.

A list is its whole List-Id (RFC 2919 §3: in any case). A sender is its address, in lower case: RFC 5321 §2.4 would let
`Shop@` be somebody else than `shop@`, but no sender of bulk mail does, and people spell an address as they please.

What a program writes into an address anew for each mail is `*`: `bounce-*@`, `news+*@`. Only where a word stays beside
it, for marketplaces give every customer a token for an address; and no number that touches letters, dots or
underscores, for those are birthdays. Never by registrable domain: one company sends orders beside newsletters.
"""

import re

StreamKey = str

_VERP = re.compile(r"[^-+#=]*=[^=]*\..*")
"""The recipient: `bounce-taro=example.co.jp`."""
_DETAIL = re.compile(r"([+#])(?=.*[\d=]).*")
"""RFC 5233, unless it is a word: `no-reply+orders`."""
_TOKEN = re.compile(
    r"(?<![^-_.=])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![^-_.=])"
    r"|(?<![^-=])\d{5,}(?![^-=])"
    r"|(?<![^-_.=])(?=[a-z0-9]*\d[a-z])(?=(?:[a-z]*\d){3})[a-z0-9]{8,}(?![^-_.=])"
)
_WORD = re.compile(r"[^\W\d_]{2}")
_SIGNS = re.compile(r"[-_.=]")


def stream_of(sender: str, list_id: str | None) -> StreamKey:
    """The sender or list by which people decide about a mail. To ask again of what it gave changes nothing."""
    if list_id:
        return list_id.lower()
    local, at, domain = sender.lower().rpartition("@")
    lasting = _TOKEN.sub("*", _DETAIL.sub(r"\1*", _VERP.sub("*", local)))
    if not _WORD.search(lasting):
        lasting = local
    return f"{'*' if _is_serial(lasting) else lasting}{at}{domain}"


def _is_serial(local: str) -> bool:
    """`2.20367.04-dn9zgucxf_6u.1`: five parts or more, half with digits, and no word. No customer is called so."""
    parts = _SIGNS.split(local)
    counted = sum(any(map(str.isdigit, part)) for part in parts)
    return len(parts) >= 5 and 2 * counted >= len(parts) and not any(len(p) > 2 and p.isalpha() for p in parts)


def streams_meant(words: str) -> tuple[StreamKey, ...]:
    """What somebody may mean who writes this down: a name as we show it or a List-Id, else any address of a sender."""
    bare = words.strip().removeprefix("<").removesuffix(">")
    return words.lower(), bare.lower(), stream_of(bare, None)
