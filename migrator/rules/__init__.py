"""Decisions of people as rules for the new server, so that what was parked does not come back into the inbox.

choosing     which senders and lists can be told apart from the mail that must stay, and why the others cannot
subjects     how a server knows orders: by words of a subject
sieve, postfix, exchange     the same rules as each server reads them: they file or mark, and nothing else
unsubscribe  where a person can ask a sender to stop
"""
