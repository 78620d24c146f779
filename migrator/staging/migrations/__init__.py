"""Schema revisions. Staging opens itself at the newest one; a test builds the schema both ways and compares."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the database to the newest revision, or to this one, in one transaction."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    with engine.execution_options(migrator_writes=True).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
