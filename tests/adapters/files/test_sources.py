"""All sources of files keep the promises of a source."""

from pathlib import Path as Directory

import pytest

from adapters.files import eml, maildir, mbox, mh
from migrator.testing import SAMPLES, SourceContract, SourceStore
from tests.adapters.files.layouts import EmlStore, MaildirStore, MboxStore, MhStore


class TestMaildir(SourceContract):
    keywords = frozenset({"$Forwarded", "対応中", "with blank"})

    @pytest.fixture
    def store(self, tmp_path: Directory) -> SourceStore:
        return MaildirStore(tmp_path, maildir)


class TestEml(SourceContract):
    flags = frozenset()
    dates = False

    @pytest.fixture
    def store(self, tmp_path: Directory) -> SourceStore:
        return EmlStore(tmp_path, eml)


class TestMh(SourceContract):
    dates = False
    keywords = frozenset({"対応中"})

    @pytest.fixture
    def store(self, tmp_path: Directory) -> SourceStore:
        return MhStore(tmp_path, mh)


class TestMboxrd(SourceContract):
    samples = tuple(raw for raw in SAMPLES if raw.endswith(b"\n"))
    keywords = frozenset({"$Forwarded", "対応中"})
    sizes = False

    @pytest.fixture
    def store(self, tmp_path: Directory) -> SourceStore:
        return MboxStore(tmp_path, mbox, {"timezone": "UTC"})
