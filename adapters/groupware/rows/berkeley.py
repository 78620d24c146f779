"""Pairs out of a Berkeley DB file, hash or btree, as libdb 3 to 5.3 lays it out (its db_page.h): the pages are read in
their order, each once, so that no chain of them can lead in circles; only what is too long for a page is followed.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from adapters.groupware.rows.window import Lost, Pair, Strange, Window

_HASH, _BTREE = 0x061561, 0x053162
_MAGIC_AT = 12
_SUMMED, _SUBDATABASES = 1, 0x20
_UNUSED, _UNSORTED, _LEAF, _OVERFLOW, _SORTED = 0, 2, 5, 7, 13
"""Types of pages; those of others hold no pairs."""
_HERE, _SEVERAL, _ELSEWHERE = 1, 2, 3
"""Types of items: the bytes themselves, in a hash several values, a chain of pages. Others we do not follow."""
_DELETED = 0x80


class _Form(NamedTuple):
    """What the first page says of all."""

    order: str
    page: int
    items_at: int
    btree: bool
    pages: int


class _Page(NamedTuple):
    """The head of a page."""

    number: int
    next: int
    items: int
    used: int
    """Bytes of a page that is one link of a chain."""
    type: int


def is_berkeley(begin: bytes) -> bool:
    """Whether a file that begins so is one."""
    magic = begin[_MAGIC_AT : _MAGIC_AT + 4]
    return any(int.from_bytes(magic, order) in (_HASH, _BTREE) for order in ("little", "big"))


def pairs(window: Window) -> Iterator[Pair | int]:
    """Each pair, or the byte at which stands what has lost some: told once a page. Raises Strange, Spent."""
    form = _form(window)
    for place in range(form.page, window.size, form.page):
        try:
            page = _page(form, window.read(place, 26))
            if page.type == _UNUSED:
                continue
            if page.number != place // form.page:
                yield place
            elif page.type in ((_LEAF,) if form.btree else (_SORTED, _UNSORTED)):
                yield from _of_page(window, form, page, place)
        except Lost as lost:
            yield lost.place
    if window.size % form.page or window.size < form.pages * form.page:
        yield window.size


def _form(window: Window) -> _Form:
    """Raises Strange, also for what we do not read: encrypted files, and several databases in one."""
    try:
        begin = window.read(0, 72)
    except Lost as error:
        raise Strange from error
    order = "<" if int.from_bytes(begin[_MAGIC_AT : _MAGIC_AT + 4], "little") in (_HASH, _BTREE) else ">"
    magic, page, encrypted, summed, last, flags = struct.unpack_from(f"{order}I4xIBxB5xI12xI", begin, _MAGIC_AT)
    if encrypted or page not in [2**power for power in range(9, 17)]:
        raise Strange
    if magic == _BTREE and flags & _SUBDATABASES:
        raise Strange
    return _Form(order, page, 32 if summed & _SUMMED else 26, magic == _BTREE, last + 1)


def _page(form: _Form, head: bytes) -> _Page:
    number, following, items, used, kind = struct.unpack_from(f"{form.order}8xI4xIHHxB", head)
    return _Page(number, following, items, used, kind)


def _of_page(window: Window, form: _Form, page: _Page, place: int) -> Iterator[Pair | int]:
    """Keys and values take turns. What is lost of a page is told once."""
    data = window.read(place, form.page)
    if form.items_at + 2 * page.items > form.page or page.items % 2:
        raise Lost(place)
    starts = struct.unpack_from(f"{form.order}{page.items}H", data, form.items_at)
    key_at, key, lost = -1, b"", False
    for number in range(0, page.items, 2):
        try:
            values = _item(window, form, data, starts, number + 1)
            if values and starts[number] != key_at:  # several values of one key in a btree share it
                (key,) = _item(window, form, data, starts, number)
                key_at = starts[number]
            for value in values:
                yield key, value
        except (LookupError, ValueError, struct.error):
            lost = True
    if lost:
        yield place


def _item(window: Window, form: _Form, data: bytes, starts: tuple[int, ...], number: int) -> list[bytes]:
    """One value, or several; none where it was deleted. Raises Lost, struct.error."""
    at = starts[number]
    if form.btree:
        size, kind = struct.unpack_from(f"{form.order}HB", data, at)
        if kind & _DELETED:
            return []
        item, link = data[at + 3 : at + 3 + size], at + 4
        whole = kind != _HERE or len(item) == size
    else:
        end = starts[number - 1] if number else form.page
        kind, item, link = data[at], data[at + 1 : end], at + 4
        whole = at < end
    if not whole:
        raise Lost(at)
    window.spend(len(item))  # items may lie on top of each other
    if kind == _HERE:
        return [item]
    if kind == _ELSEWHERE:
        return [_chain(window, form, *struct.unpack_from(f"{form.order}II", data, link))]
    if kind == _SEVERAL and not form.btree:
        return [*_several(form, item)]
    raise Lost(at)


def _several(form: _Form, item: bytes) -> Iterator[bytes]:
    """The values of one key in a hash: each between its length and its length."""
    size = struct.Struct(f"{form.order}H")
    at = 0
    while at < len(item):
        (length,) = size.unpack_from(item, at)
        yield item[at + 2 : at + 2 + length]
        at += length + 4
    if at != len(item):
        raise Lost(at)


def _chain(window: Window, form: _Form, number: int, size: int) -> bytes:
    """What is too long for a page. Raises Lost where a link is none, or there is less than was said."""
    if size > window.size:
        raise Lost(number * form.page)
    parts: list[bytes] = []
    while size > 0:
        place = number * form.page
        page = _page(form, window.read(place, 26))
        if page.type != _OVERFLOW or page.number != number or not 0 < page.used <= form.page - form.items_at:
            raise Lost(place)
        parts.append(window.read(place + form.items_at, page.used))
        size -= page.used
        number = page.next
    if size:
        raise Lost(number * form.page)
    return b"".join(parts)
