"""The topics, in the order in which a migration settles them. One module each; a new topic is a value in this tuple."""

from migrator.review.topic import Topic
from migrator.review.topics.accounts import ACCOUNTS
from migrator.review.topics.faults import FAULTS
from migrator.review.topics.folders import FOLDERS
from migrator.review.topics.held import HELD
from migrator.review.topics.inboxes.links import LINKS
from migrator.review.topics.inboxes.lossy import LOSSY
from migrator.review.topics.inboxes.parking import PARKING
from migrator.review.topics.inboxes.people import PEOPLE
from migrator.review.topics.inboxes.rights import RIGHTS
from migrator.review.topics.inboxes.states import STATES
from migrator.review.topics.inboxes.waiting import WAITING
from migrator.review.topics.senders import SENDERS

TOPICS: tuple[Topic, ...] = (
    *(ACCOUNTS, FOLDERS, SENDERS, HELD),
    *(STATES, PEOPLE, RIGHTS, LINKS, WAITING, PARKING, LOSSY),
    FAULTS,
)
