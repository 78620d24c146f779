"""Evidence -> proposal, for every mail that this set of rules has not looked at yet."""

from collections import Counter
from collections.abc import Mapping

from migrator.filters import Ruleset
from migrator.filters import judge as opinion
from migrator.staging.opinions import propose, unjudged
from migrator.staging.store import Staging
from migrator.steps.progress import Progress, Report, quiet


def judge(staging: Staging, rules: Ruleset, report: Report = quiet) -> Mapping[str, int]:
    """Propose keep, park or hold for each mail; how many of each. Nothing is withheld by it."""
    counts: Counter[str] = Counter()
    with staging.run("judge") as run:
        for page in unjudged(staging, rules.digest):
            proposals = [(item.id, opinion(rules.rules, item)) for item in page]
            propose(staging, run, rules.digest, proposals)
            for _, proposal in proposals:
                counts[proposal.verdict] += 1
                run.count(proposal.verdict)
            report(Progress(step="judge", account=page[-1].account, items=len(page)))
    return counts
