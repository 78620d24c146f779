"""A look at a store that no mapping describes yet. It proposes; what only a person can know is asked.

What lies there   sight.py, boxes.py            what one file seems to be; how the mails in it are parted
                  survey.py, letters.py         all files, counted by directory; what a sample of the mails says
                  forms.py, separating.py       the tables of one file; the dialect of text
                  families.py, fixed.py         files that are one table; records of one width
What it is for    listings.py, bodies.py        which tables list the mails, and where these lie
                  composed.py                   mails of which only columns and rows are kept
                  owners.py, folders.py         which table lists the accounts, which the folders
                  paths.py                      which columns the paths are made of
                  columns.py, contents.py       what dates and marks mean, by what the mails say
                  propose.py, proposal.py       all of it put together
                  homes.py, keyed.py, bare.py   a store that has no table of mails
                  accounts.py, directories.py   its accounts; Maildir and MH
What is said      draft.py, drafting.py         a mapping in the making
                  composition.py                the container of mails that are written
                  detached.py, beside.py        attachments that were taken out of mails; an mbox's own index
                  leftovers.py, questions.py    what is neither mail nor table; what only a person knows
                  written.py                    the mapping as a file
"""

from pathlib import Path

from adapters.files.reading import Tree
from adapters.groupware.probe.bare import bare
from adapters.groupware.probe.beside import beside
from adapters.groupware.probe.detached import detached
from adapters.groupware.probe.directories import claim
from adapters.groupware.probe.drafting import draft
from adapters.groupware.probe.leftovers import leftovers
from adapters.groupware.probe.propose import propose
from adapters.groupware.probe.questions import questions
from adapters.groupware.probe.survey import survey
from adapters.groupware.probe.written import mapping
from migrator.ports import Probed


def probe(root: Path) -> Probed:
    """Look at everything below the root. Raises UsageError where it is not there, Outage."""
    seen = survey(Tree(root))
    claim(seen)
    detached(seen)
    beside(seen)
    found = propose(seen)
    drafted = draft(found)
    if drafted is None and all(each.only_indexes(seen.mboxes()) for each in found.listings):
        found.listings.clear()  # mboxes tell their mails without an index
        drafted = bare(seen, found.tables)
    listed = {path for each in found.listings for part in each.parts for path in part.files}
    used = () if drafted is None else drafted.used
    rules = leftovers(found.tables, used, listed or {*seen.boxes, *seen.mails}, seen)
    rules |= {} if drafted is None else drafted.not_mail
    return Probed(
        tracts=tuple(seen.tracts()),
        unknown=tuple(seen.unknown()),
        questions=tuple(questions(found, drafted, rules)),
        mapping="" if drafted is None else mapping(drafted, seen.paths, rules),
    )
