"""[source] of a declared legacy store."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator

from migrator.secret import Secret


class Database(BaseModel):
    """[source.databases.NAME]: a database that a mapping names."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str
    """`postgresql+psycopg://user@host/name` or `mysql+pymysql://user@host/name`."""
    password: Secret | None = None


class Config(BaseModel):
    """[source] of a declared legacy store."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mapping: str | Path
    """The name of a shipped mapping, or the path of your own .toml."""
    root: Path | None = None
    """The directory that the mapping's paths begin at; none where all of the store lies in databases."""
    databases: dict[str, Database] = {}
    """Databases that live, by the names that the mapping calls them."""

    @field_validator("mapping", mode="before")
    @classmethod
    def _path_or_name(cls, value: Any) -> Any:
        return Path(value) if isinstance(value, str) and ("/" in value or value.endswith(".toml")) else value
