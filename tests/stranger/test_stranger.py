"""An adapter from another package comes in by the same door as ours: its entry point."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

HERE = Path(__file__).parent

WHEEL = {
    "METADATA": "Metadata-Version: 2.1\nName: polarbear\nVersion: 1.0\n",
    "WHEEL": "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "entry_points.txt": "[migrator.adapters]\npolarbear = polarbear:adapter\n",
    "RECORD": "",
}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The package is built and installed as a stranger's is; the environment in which Python finds it."""
    folder = tmp_path_factory.mktemp("stranger")
    wheel = folder / "polarbear-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(HERE / "polarbear.py", "polarbear.py")
        for name, text in WHEEL.items():
            archive.writestr(f"polarbear-1.0.dist-info/{name}", text)
    site = folder / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps"]
    subprocess.run([*pip, "--target", str(site), str(wheel)], check=True)
    return os.environ | {"PYTHONPATH": str(site)}


def test_a_strangers_adapter_passes_the_contract(installed: dict[str, str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    options = ["-c", "/dev/null", "-p", "no:xdist", str(HERE / "contract.py")]
    done = subprocess.run([*command, *options], env=installed, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout


def test_a_strangers_store_is_migrated_like_any_other(installed: dict[str, str], tmp_path: Path) -> None:
    fill = (
        "import contract, datetime, pathlib; client = contract.Client(pathlib.Path('.'));"
        "client.add('sato', ('受信箱',), b'Subject: hello\\r\\n\\r\\ntext\\r\\n', frozenset(),"
        " datetime.datetime(2009, 11, 2, tzinfo=datetime.timezone.utc))"
    )
    (tmp_path / "old").mkdir()
    both = installed | {"PYTHONPATH": f"{installed['PYTHONPATH']}:{HERE}"}
    subprocess.run([sys.executable, "-c", fill], env=both, cwd=tmp_path / "old", check=True)
    (tmp_path / "migration.toml").write_text(
        f'[source]\nadapter = "polarbear"\nroot = "{tmp_path}/old"\n'
        f'[targets.archive]\nadapter = "eml"\nroot = "{tmp_path}/new"\nrole = "production"\n'
    )
    for words in (["extract"], ["load", "archive"], ["ledger", "archive"]):
        program = [sys.executable, "-c", "from migrator.cli import main; raise SystemExit(main())"]
        done = subprocess.run([*program, *words], env=installed, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    (arrived,) = (tmp_path / "new").rglob("*.eml")
    assert arrived.read_bytes() == b"Subject: hello\r\n\r\ntext\r\n"
