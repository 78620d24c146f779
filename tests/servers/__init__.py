"""Real servers for tests, each in a temporary folder of its own; every module here is a pytest plugin (conftest)."""

import os
from typing import NoReturn

import pytest


def absent(what: str, remedy: str) -> NoReturn:
    """Skip, saying so; but fail where CI=true, because there nothing may pass by being skipped."""
    sentence = f"{what} is missing: {remedy}"
    if os.environ.get("CI") == "true":
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)
