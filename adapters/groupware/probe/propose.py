"""Puts together what belongs together: mails and the tables that list them, accounts, folders, what rows say."""

from adapters.groupware.probe.contents import read
from adapters.groupware.probe.families import tables
from adapters.groupware.probe.fixed import binary, explain
from adapters.groupware.probe.folders import folders
from adapters.groupware.probe.listings import listings, of_kinds
from adapters.groupware.probe.owners import accounts
from adapters.groupware.probe.paths import lay
from adapters.groupware.probe.proposal import Found
from adapters.groupware.probe.survey import Survey
from adapters.groupware.rows.fixed import Fixed


def propose(survey: Survey) -> Found:
    """What the tables of a store are for."""
    every = [*tables(survey.read, survey.sights), *binary(survey)]
    found = Found(every, listings(every, survey))
    for each in found.listings:
        whole = each.table
        if each.composed is not None and (others := of_kinds(each)) is not None:
            every[every.index(whole)] = others
    if found.listings:
        told = (match.letter for each in found.listings for match in each.matched if match.letter is not None)
        accounts(found, {name for each in (*survey.letters.values(), *told) for name in each.people})
    if found.users is not None:
        folders(found)
        lay(found)
        read(found, survey.letters.values())
    for each in found.listings:
        if isinstance(each.table.form, Fixed):
            explain(survey, each.table, each.used())
    return found
