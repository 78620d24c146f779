"""exchangelib with what it needs here: known properties, dates with fractions, and no memory of earlier servers."""

from collections.abc import Iterator

import pytest
from exchangelib import Message, PostItem
from exchangelib.ewsdatetime import EWSDateTime
from exchangelib.protocol import CachingProtocol

from tests.doubles.ews import PROPERTIES, tolerant


@pytest.fixture(autouse=True)
def tidy_exchangelib(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(EWSDateTime, "from_string", classmethod(tolerant))
    for name, kind in PROPERTIES.items():
        Message.register(name, kind)
        PostItem.register(name, kind)
    yield
    for name in PROPERTIES:
        Message.deregister(name)
        PostItem.deregister(name)
    CachingProtocol.clear_cache()
