"""What a load would do, without doing it: how much would go where, and what is known to be refused."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from migrator.model import Folder, Mailbox, Place
from migrator.routes import Routes
from migrator.staging.reports import accounts_staged
from migrator.staging.sightings import Shelf
from migrator.staging.store import Staging
from migrator.steps.senders import Opener


@dataclass(frozen=True, slots=True)
class Planned:
    """What would be sent to one place. `new`: the place would be made. `too_large`: mails above the target's limit.
    `renamed`: the folders that go there and whose own name the target cannot hold."""

    place: Place
    items: int
    bytes: int
    too_large: int
    new: bool
    renamed: tuple[Folder, ...]


def plan(
    staging: Staging,
    open_target: Callable[[Mailbox], Opener],
    *,
    target: str,
    routes: Routes,
    takes: Collection[str],
    accounts: Collection[str] | None = None,
) -> Iterator[Planned]:
    """Look at every mailbox, read only. Raises what opening a target raises."""
    for mailbox, feeding in routes.mailboxes(accounts_staged(staging, accounts)).items():
        shelf = Shelf(staging, target, mailbox.owner)
        waiting = shelf.to_do(feeding, takes)
        with open_target(mailbox)() as opened:
            limit = opened.limits.item_bytes
            places = routes.places(mailbox.owner, shelf.folders(feeding), opened.limits)
            renamed = routes.renamed(places)
            for place in dict.fromkeys(places.values()):
                sizes = [size for folder, its in waiting.items() if places[folder] == place for size in its.sizes]
                large = 0 if limit is None else sum(size > limit for size in sizes)
                others = tuple(folder for folder, its in renamed.items() if its == place)
                yield Planned(place, len(sizes), sum(sizes), large, opened.mark(place) is None, others)
