"""What `migrator check` finds before anything moves."""

from pathlib import Path

import pytest

from migrator.steps.check import check_staging


@pytest.mark.parametrize(
    ("kind", "refused"),
    [("nfs4", True), ("cifs", True), ("fuse.sshfs", True), ("9p", True), ("ext4", False), ("tmpfs", False)],
)
def test_sqlite_on_a_network_file_system_is_refused(tmp_path: Path, kind: str, refused: bool) -> None:
    share = tmp_path / "a share"
    share.mkdir()
    mounts = tmp_path / "mounts"
    escaped = str(share).replace(" ", "\\040")
    mounts.write_text(f"/dev/vda / ext4 rw 0 0\nserver:/x {escaped} {kind} rw 0 0\n")
    found = [reason.code for reason in check_staging(share / "staging.db", mounts)]
    assert found == (["check.network-disk"] if refused else [])
    assert list(check_staging(tmp_path / "staging.db", mounts)) == []
    assert list(check_staging(None)) == []
