"""What migration.toml says, and how it says no."""

import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.errors import Reason, UsageError
from migrator.model import Verdict
from migrator.secret import Secret
from migrator.settings import FILE, Settings, load, masked, private

STRANGER = """
from pathlib import Path
from pydantic import BaseModel
from migrator.ports import Adapter
from migrator.secret import Secret

class Database(BaseModel):
    url: str
    password: Secret | None = None

class Config(BaseModel):
    root: Path = Path("mails")
    host: str = "localhost"
    user: str = "{account}"
    password: Secret | None = None
    databases: dict[str, Database] = {}

both = Adapter(config=Config, open_source=print, open_target=print)
reads = Adapter(config=Config, open_source=print)
writes = Adapter(config=Config, open_target=print)
"""

POINTS = """[migrator.adapters]
stranger = stranger_system:both
reads = stranger_system:reads
writes = stranger_system:writes
"""


@pytest.fixture(autouse=True)
def stranger(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An adapter from another package, which comes in by the same door as ours."""
    site = tmp_path_factory.mktemp("site")
    (site / "stranger_system.py").write_text(STRANGER)
    info = site / "stranger_system-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger-system\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    monkeypatch.syspath_prepend(site)
    yield
    sys.modules.pop("stranger_system", None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tmp_path.chmod(0o700)
    return tmp_path


Loading = Callable[[str], Settings]


@pytest.fixture
def loaded(folder: Path) -> Loading:
    def load_text(text: str) -> Settings:
        (folder / FILE).write_text(text, encoding="utf-8")
        (folder / FILE).chmod(0o600)
        return load(folder)

    return load_text


def refusal(loaded: Loading, text: str) -> Reason:
    with pytest.raises(UsageError) as caught:
        loaded(text)
    return caught.value.reason


WHOLE = """
[staging]
url = "postgresql+psycopg://db.example.co.jp/migration"
password = { env = "STAGING_PASSWORD" }
blobs = "packs"

[source]
adapter = "stranger"
root = "old/data"

[source.databases.main]
url = "postgresql+psycopg://db/gw"
password = { file = "gw.secret" }

[filters]
own_domains = ["example.co.jp"]
rules = ["mappings/filters/our-rules.toml"]
auto = "safest"

[folders]
"受信箱" = "INBOX"

[targets.rehearsal]
adapter = "stranger"
host = "mail.example.co.jp"
late_commit = 5
takes = ["keep", "park"]
role = "rehearsal"
password = { command = ["pass", "show", "{account}"] }

[accounts]
"sato" = "sato.k@example.co.jp"

[waves.pilot]
accounts = ["soumu", "sa*"]

[review.reviewers.suzuki]
secret = { env = "SUZUKI" }
role = "decide"
accounts = ["support"]
"""
LEAST = '[source]\nadapter = "stranger"\n'


def test_everything_the_design_names_is_read(loaded: Loading, folder: Path) -> None:
    settings = loaded(WHOLE)
    target = settings.target("rehearsal")
    assert settings.staging_url == "postgresql+psycopg://db.example.co.jp/migration"
    assert settings.staging_password == Secret(env="STAGING_PASSWORD")
    assert settings.blobs == folder / "packs"
    assert settings.filters.auto == "safest"
    assert settings.filters.rules == (folder / "mappings/filters/our-rules.toml",)
    assert settings.folders == {"受信箱": "INBOX"}
    assert (target.adapter, target.role, target.takes) == ("stranger", "rehearsal", {Verdict.KEEP, Verdict.PARK})
    assert (target.late_commit, target.config.model_dump()["host"]) == (5, "mail.example.co.jp")
    assert settings.accounts == {"sato": "sato.k@example.co.jp"}
    assert settings.waves["pilot"].accounts == ("soumu", "sa*")
    assert settings.review.reviewers["suzuki"].secret == Secret(env="SUZUKI")


def test_a_source_alone_is_enough(loaded: Loading, folder: Path) -> None:
    settings = loaded(LEAST)
    assert settings.staging_url == f"sqlite:///{folder}/staging.db"
    assert settings.blobs == "database"
    assert settings.targets == {}


def test_relative_paths_are_taken_from_the_migration_folder(loaded: Loading, folder: Path) -> None:
    config = loaded(WHOLE).source.config.model_dump()
    assert config["root"] == folder / "old/data"
    assert config["databases"]["main"]["password"]["file"] == str(folder / "gw.secret")


def test_a_target_is_a_production_target_unless_it_says_rehearsal(loaded: Loading) -> None:
    assert loaded(LEAST + '[targets.new]\nadapter = "stranger"\n').target("new").role == "production"


@pytest.mark.parametrize(
    ("text", "code", "line", "params"),
    [
        (LEAST + "[sauce]\n", "toml.unknown-key", 3, {"nearest": "source"}),
        (LEAST + "[staging]\nulr = 3\n", "toml.unknown-key", 4, {"nearest": "url"}),
        (LEAST + 'rooot = "x"\n', "toml.unknown-key", 3, {"nearest": "root", "key": "source.rooot"}),
        (LEAST + '[targets.a]\nadapter = "stranger"\ntkes = ["park"]\n', "toml.unknown-key", 5, {"nearest": "takes"}),
        (LEAST + '[targets.a]\nadapter = "stranger"\nhsot = "h"\n', "toml.unknown-key", 5, {"nearest": "host"}),
        (LEAST + '[targets.a]\nadapter = "stranger"\ntakes = ["drop"]\n', "toml.not-one-of", 5, {}),
        (LEAST + '[targets.a]\nadapter = "stranger"\nlate_commit = -1\n', "toml.wrong-value", 5, {}),
        (LEAST + '[targets.a]\nadapter = "stranger"\nlate_commit = "soon"\n', "toml.want-number", 5, {}),
        (LEAST + '[filters]\nauto = "all"\n', "toml.not-one-of", 4, {"allowed": "none, safest"}),
        (LEAST + "[waves.pilot]\nacounts = []\n", "toml.unknown-key", 4, {"nearest": "accounts"}),
        (LEAST + "[review.reviewers.suzuki]\n", "toml.key-missing", 3, {"key": "secret"}),
        ('[source]\nroot = "x"\n', "toml.key-missing", 1, {"key": "adapter"}),
        ("[staging]\n", "toml.key-missing", 1, {"key": "source"}),
        (LEAST + '[source.databases.main]\nurl = "postgresql://h/d"\nuser = "x"\n', "toml.unknown-key-of", 5, {}),
        (LEAST + '[targets.a]\nadapter = "stranger"\npassword = "canary"\n', "toml.secret-by-value", 5, {}),
        (LEAST + '[staging]\nurl = "postgresql://me:canary@h/d"\n', "settings.password-in-url", 4, {}),
        (LEAST + '[source.databases.a]\nurl = "x://h/d?password=canary"\n', "settings.password-in-url", 4, {}),
        ('[source]\nadapter = "writes"\n', "settings.adapter-no-source", 2, {"adapter": "writes"}),
        (LEAST + '[targets.a]\nadapter = "reads"\n', "settings.adapter-no-target", 4, {"adapter": "reads"}),
    ],
)
def test_a_mistake_is_named_with_its_line_and_no_secret(
    loaded: Loading, text: str, code: str, line: int, params: dict[str, str]
) -> None:
    reason = refusal(loaded, text)
    assert (reason.code, reason.params["line"]) == (code, line)
    assert params.items() <= reason.params.items()
    assert "canary" not in repr(reason)


def test_an_adapter_nobody_installed_is_named_with_those_there_are(loaded: Loading) -> None:
    reason = refusal(loaded, '[source]\nadapter = "imapp"\n')
    assert reason.code == "adapter.unknown"
    assert "stranger" in str(reason.params["installed"])


def test_a_target_nobody_wrote_is_named_with_those_there_are(loaded: Loading) -> None:
    with pytest.raises(UsageError) as caught:
        loaded(WHOLE).target("rehearsl")
    assert caught.value.reason == Reason("settings.no-target", name="rehearsl", known="rehearsal")


def test_a_folder_without_settings_is_no_migration_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load(tmp_path)
    assert caught.value.reason.code == "settings.absent"


@pytest.mark.parametrize("opened", ["file", "folder"])
def test_a_command_counts_only_where_nobody_else_can_write_it(folder: Path, opened: str) -> None:
    path = folder / FILE
    path.write_text(WHOLE, encoding="utf-8")
    path.chmod(0o600)
    load(folder)
    (path if opened == "file" else folder).chmod(0o770)
    with pytest.raises(UsageError) as caught:
        load(folder)
    assert caught.value.reason.code == "settings.command-open-to-others"


def test_a_private_folder_is_shut_and_so_is_what_is_written_into_it(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    private(tmp_path)
    (tmp_path / "staging.db").touch()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "staging.db").stat().st_mode) == 0o600


@given(password=st.text(alphabet="abcXYZ0189:/@%!?#[]=+.", min_size=1).map(lambda text: "canary" + text))
def test_masked_leaves_no_password_of_a_url(password: str) -> None:
    text = masked(f"cannot reach postgresql+psycopg://migrator:{password}@db.example/gw, giving up")
    assert "canary" not in text
    assert text.startswith("cannot reach postgresql+psycopg://migrator:***@")
    assert text.endswith("/gw, giving up")


@pytest.mark.parametrize(
    "text",
    [
        "https://mail.example.co.jp:444/EWS/Exchange.asmx",
        "sqlite:////srv/a:b@c/staging.db",
        "sato@example.co.jp",
        "a: b@c",
    ],
)
def test_what_holds_no_password_is_not_masked(text: str) -> None:
    assert masked(text) == text
