"""What an adapter promises, as tests: subclass `SourceContract` and `TargetContract`, supply a `store`, and run pytest.
Where shared inboxes are known, they keep `SharedSourceContract` and `SharedTargetContract` too.

    class TestMySource(SourceContract):
        @pytest.fixture
        def store(self, tmp_path): return MyStore(tmp_path)       # what a SourceStore can: add, remove, reflag …

Put `pytest.register_assert_rewrite("migrator.testing")` into your conftest.py, else a failure shows no detail.
"""

from migrator.testing.samples import NAMES, SAMPLES, mail
from migrator.testing.shared_source import SharedSourceContract, SharedStore
from migrator.testing.shared_target import SharedTargetContract, SharedTargetStore
from migrator.testing.source import SourceContract, SourceStore
from migrator.testing.target import TargetContract, TargetStore

__all__ = [
    "NAMES",
    "SAMPLES",
    "SharedSourceContract",
    "SharedStore",
    "SharedTargetContract",
    "SharedTargetStore",
    "SourceContract",
    "SourceStore",
    "TargetContract",
    "TargetStore",
    "mail",
]
