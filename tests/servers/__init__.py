"""Servers for tests: real ones, each in a temporary folder of its own, and two doubles (exchange, graph).

Every module and package here is a pytest plugin (conftest).
"""

import ctypes
import os
import signal
from typing import NoReturn

import pytest

PR_SET_PDEATHSIG = 1
START = 60
"""Seconds a server may take to answer its first question."""


def absent(what: str, remedy: str) -> NoReturn:
    """Skip, saying so; but fail where CI=true, because there nothing may pass by being skipped."""
    sentence = f"{what} is missing: {remedy}"
    if os.environ.get("CI") == "true":
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)


def die_with_parent() -> None:
    """Between fork and exec: what we start ends when we do, even when we are killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)
