"""How a run ended is known of every run, of a killed one too."""

from migrator.staging.locks import alone
from migrator.staging.reports import runs
from tests.servers.stagings import Opener


def test_a_killed_run_is_called_killed_by_the_next_one_and_a_living_one_is_not(open_staging: Opener) -> None:
    with open_staging() as staging:
        staging.begin_run("load", "new")  # killed: its process never came to say how it ended
    with open_staging() as staging, alone(staging, "load"), staging.run("load", "new"):
        if not staging.sqlite:
            with open_staging() as other, alone(other, "load"):
                pass
        assert [each["outcome"] for each in runs(staging)] == ["killed", None]
    with open_staging() as staging, alone(staging, "load"):
        assert [each["outcome"] for each in runs(staging)] == ["killed", "done"]
