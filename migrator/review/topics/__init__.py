"""The topics, in the order in which a migration settles them. One module each; a new topic is a value in this tuple."""

from migrator.review.topic import Topic
from migrator.review.topics.accounts import ACCOUNTS
from migrator.review.topics.faults import FAULTS
from migrator.review.topics.folders import FOLDERS
from migrator.review.topics.held import HELD
from migrator.review.topics.senders import SENDERS

TOPICS: tuple[Topic, ...] = (ACCOUNTS, FOLDERS, SENDERS, HELD, FAULTS)
