"""An answer is parted while it arrives, wherever the chunks end."""

import base64

import pytest

from adapters.exchange.parting import Broken, Parts
from adapters.exchange.words import TYPES, t

MAILS = [b"a", b"Subject: x\r\n\r\n" + bytes(range(256)), b""]


def answer(*texts: bytes) -> bytes:
    items = b"".join(b"<t:Message><t:MimeContent>%b</t:MimeContent></t:Message>" % each for each in texts)
    return b'<t:Items xmlns:t="%b">%b<t:Message><t:Subject>&amp;</t:Subject></t:Message></t:Items>' % (
        TYPES.encode(),
        items,
    )


@pytest.mark.parametrize("size", [1, 3, 7, 100_000])
def test_mails_come_out_whole_wherever_a_chunk_ends(size: int) -> None:
    data = answer(*map(base64.encodebytes, MAILS))
    parts = Parts()
    root = parts.document(data[at : at + size] for at in range(0, len(data), size))
    found = [parts.of(item) for item in root]
    assert [None if raw is None else raw.read() for raw in found] == [*MAILS, None]
    assert root[-1].findtext(t("Subject")) == "&"


@pytest.mark.parametrize("data", [b"", answer(b"QUJD")[:-30], answer(b"not base64!"), answer(b"QUJ"), b"<html>"])
def test_what_is_cut_or_no_base64_is_broken(data: bytes) -> None:
    with pytest.raises(Broken):
        Parts().document([data])
