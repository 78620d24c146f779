"""What a mail costs our own requests to an Exchange, and exchangelib's: `python -m tests.bench exchange`.

Both speak to the same double, which runs in this process; what is counted is the processor time of the client's own
process, so the double's is in neither.
"""

import os
import statistics
import subprocess
import sys
from functools import partial

from tests.bench.timing import Timed, say, timed
from tests.servers.exchange import ALICE, PASSWORD, SERVICE, server

OURS = """
import sys
from datetime import UTC, datetime
from adapters.exchange import adapter
from migrator.model import Mailbox, Parcel, Place, Raw, Receipt
url, owner, user, place, mails, size = *sys.argv[1:5], int(sys.argv[5]), int(sys.argv[6])
config = adapter.config(endpoint=url, auth="basic", user=user, password={"env": "BENCH_PASSWORD"})
head = b"From: a@x\\r\\nSubject: x\\r\\nMessage-ID: <%d@x>\\r\\nDate: Mon, 02 Nov 2009 09:15:00 +0900\\r\\n\\r\\n"
with adapter.open_target(config, Mailbox(owner)) as target:
    there = Place(owner, (place,))
    target.prepare(there)
    raws = [Raw.of(head % number + b"x" * 76 + b"\\r\\n" * (size // 78)) for number in range(mails)]
    at, step = datetime(2009, 11, 2, tzinfo=UTC), target.limits.batch_items
    how = {"place": there, "flags": frozenset(), "received_at": at}
    parcels = [Parcel(item=n, raw=raw, token=f"t{n}", **how) for n, raw in enumerate(raws)]
    for first in range(0, mails, step):
        assert all(isinstance(each, Receipt) for each in target.deliver(parcels[first : first + step]))
"""

THEIRS = """
import sys
from exchangelib import Account, BASIC, Configuration, Credentials, FailFast, IMPERSONATION, Message
from exchangelib.folders import Messages
url, owner, user, place, mails, size = *sys.argv[1:5], int(sys.argv[5]), int(sys.argv[6])
import os
login = Credentials(user, os.environ["BENCH_PASSWORD"])
config = Configuration(service_endpoint=url, credentials=login, auth_type=BASIC, retry_policy=FailFast(), version=None)
account = Account(owner, config=config, autodiscover=False, access_type=IMPERSONATION)
folder = Messages(parent=account.inbox, name=place)
folder.save()
head = b"From: a@x\\r\\nSubject: x\\r\\nMessage-ID: <%d@x>\\r\\nDate: Mon, 02 Nov 2009 09:15:00 +0900\\r\\n\\r\\n"
raws = [head % number + b"x" * 76 + b"\\r\\n" * (size // 78) for number in range(mails)]
items = [Message(folder=folder, mime_content=raw, is_read=True) for raw in raws]
account.bulk_create(folder=folder, items=items, chunk_size=25, message_disposition="SaveOnly")
"""


def bench_exchange(mails: int, rounds: int, *, size: int = 3_000) -> None:
    """Medians of the client's processor time a mail, its start-up taken off."""
    os.environ["BENCH_PASSWORD"] = PASSWORD
    costs: dict[str, list[float]] = {"migrator": [], "exchangelib bulk_create": []}
    with server() as exchange:
        for number in range(rounds + 1):
            for name, code in zip(costs, (OURS, THEIRS), strict=True):
                base, full = (
                    _timed(code, exchange.url, f"{name.split()[0]}-{number}-{many}", many, size) for many in (1, mails)
                )
                costs[name] += [1000 * (full.cpu - base.cpu) / (mails - 1)] if number else []
    ours, theirs = (statistics.median(each) for each in costs.values())
    say(f"\nExchange: client's processor time a mail of {size:,} bytes; medians of {rounds}")
    say(f"  migrator {ours:.2f} ms, exchangelib bulk_create {theirs:.2f} ms: {ours / theirs:.2f}x (bar 1.3x)")


def _timed(code: str, url: str, place: str, mails: int, size: int) -> Timed:
    words = [sys.executable, "-c", code, url, ALICE, SERVICE, place, str(mails), str(size)]
    return timed(partial(subprocess.run, words, check=True))
