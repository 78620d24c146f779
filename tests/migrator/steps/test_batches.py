"""What a mailbox is to get is handed out once, in batches that the target can take."""

from array import array

from migrator.model import Place
from migrator.ports import Limits
from migrator.staging.sightings import Waiting
from migrator.steps.batches import Batches, cut

INBOX, SENT = Place("sato", ("INBOX",)), Place("sato", ("Sent",))


def waiting(items: range, size: int = 1) -> Waiting:
    return Waiting(array("q", items), array("q", [size] * len(items)))


def test_a_batch_keeps_to_count_and_bytes_and_a_mail_above_them_goes_alone() -> None:
    sizes = Waiting(array("q", range(5)), array("q", [4, 4, 4, 50, 4]))
    assert list(cut(sizes, Limits(batch_items=2, batch_bytes=10))) == [[0, 1], [2], [3], [4]]


def test_lanes_keep_to_places_of_their_own_while_there_are_enough() -> None:
    batches = Batches([(INBOX, waiting(range(3))), (SENT, waiting(range(10, 12)))], Limits(batch_items=1), set())
    assert batches.next(None) == (INBOX, [0])
    assert batches.next(None) == (SENT, [10])
    assert batches.next(INBOX) == (INBOX, [1])
    assert batches.next(SENT) == (SENT, [11])
    assert batches.next(SENT) == (INBOX, [2])
    assert batches.next(INBOX) is None


def test_a_closed_place_gives_no_more_and_what_must_be_settled_first_stops_all() -> None:
    batches = Batches([(INBOX, waiting(range(3))), (SENT, waiting(range(10, 13)))], Limits(batch_items=1), set())
    assert batches.next(None) == (INBOX, [0])
    batches.close(INBOX, at_once=False)
    assert batches.next(INBOX) == (SENT, [10])
    batches.close(SENT, at_once=True)
    assert batches.next(SENT) is None
