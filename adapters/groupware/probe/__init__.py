"""A look at a store that no mapping describes yet. It proposes; what only a person can know is asked.

sight.py       what one file seems to be            survey.py     all of them, counted by directory
separating.py  the dialect of a text table          families.py   files that are one table, or one kind of mail
columns.py     what a column's cells match          propose.py    tables, joins and paths put together
written.py     the proposal as a mapping file       forms.py      the tables that one file holds
leftovers.py   what is neither mail nor table
"""

from pathlib import Path

from adapters.files.reading import Tree
from adapters.groupware.probe.leftovers import leftovers
from adapters.groupware.probe.propose import propose
from adapters.groupware.probe.survey import survey
from adapters.groupware.probe.written import mapping, questions
from migrator.ports import Probed


def probe(root: Path) -> Probed:
    """Look at everything below the root. Raises UsageError where it is not there, Outage."""
    found = survey(Tree(root))
    proposal = propose(found)
    rules = leftovers(proposal, found)
    whole = proposal.index is not None and proposal.users is not None and proposal.folders is not None
    return Probed(
        tracts=tuple(found.tracts()),
        unknown=tuple(found.unknown),
        questions=tuple(questions(proposal, rules)),
        mapping=mapping(proposal, found.paths, rules) if whole else "",
    )
