"""An answer that carries mails, parted while it arrives: the mails go to spools, the rest becomes a small document.

An XML tree would hold a mail of 60 MB several times over.
"""

import base64
import binascii
import tempfile
from collections.abc import Iterable
from typing import IO

from lxml import etree

from migrator.model import IN_MEMORY, Raw

from .words import t

MIME = t("MimeContent")


class Broken(Exception):  # noqa: N818 - what it means is told by the wire
    """Not XML, or a mail that is no base64."""


class Parts:
    """The mails of one answer, in order; in the document each stands as its number in `raws`."""

    def __init__(self) -> None:
        self.raws: list[Raw] = []
        self._tree = etree.TreeBuilder()
        self._spool: IO[bytes] | None = None
        self._rest = ""

    def document(self, chunks: Iterable[bytes]) -> etree._Element:
        """What remains without the mails. Raises Broken, and what the chunks raise."""
        self.raws, self._tree = [], etree.TreeBuilder()  # the request may have been sent again
        parser = etree.XMLParser(target=self, resolve_entities=False, no_network=True, huge_tree=True)
        try:
            for chunk in chunks:
                parser.feed(chunk)
            parser.close()
            return self._tree.close()
        except (binascii.Error, etree.XMLSyntaxError, AssertionError) as error:
            raise Broken from error
        finally:
            if self._spool is not None:
                self._spool.close()

    def of(self, item: etree._Element) -> Raw | None:
        """The mail of an item in the document."""
        number = item.findtext(MIME)
        return self.raws[int(number)] if number else None

    # -- the parser's words --

    def start(self, tag: str | bytes, attrib: dict[str | bytes, str | bytes]) -> None:
        self._tree.start(tag, attrib)
        if tag == MIME:
            self._spool, self._rest = tempfile.SpooledTemporaryFile(IN_MEMORY), ""  # noqa: SIM115 - closed by `end`, or by `document`

    def data(self, data: str | bytes) -> None:
        if self._spool is None:
            self._tree.data(data)
            return
        text = self._rest + "".join(str(data).split())
        whole = len(text) // 4 * 4
        self._spool.write(base64.b64decode(text[:whole], validate=True))
        self._rest = text[whole:]

    def end(self, tag: str | bytes) -> None:
        if self._spool is not None and tag == MIME:
            self._spool.write(base64.b64decode(self._rest, validate=True))
            self._spool.seek(0)
            self.raws.append(Raw.spooled(self._spool))  # type: ignore[arg-type]
            self._spool.close()
            self._spool = None
            self._tree.data(str(len(self.raws) - 1))
        self._tree.end(tag)

    def comment(self, text: str | bytes) -> None:
        """Says nothing."""

    def close(self) -> None:
        """The end of the document."""
