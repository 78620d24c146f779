"""A mail as an element of a request: its bytes, and the properties that its MIME does not carry."""

from collections.abc import Iterable

from adapters.microsoft.letters import Prepared, is_category, verb
from adapters.microsoft.words import FROM_ME, READ, RED, TO_FOLLOW_UP, UNSENT
from migrator.model import DRAFT, FLAGGED, SEEN, Flag, Role

from .wire import Piece
from .words import DELIVERED, FLAG_ICON, FLAG_STATUS, ICON, LAST_VERB, MESSAGE_FLAGS, SUBMITTED, TOKEN, text


def pieces(letter: Prepared) -> list[Piece]:
    """The mail as it stands in a request, its MIME a stream."""
    return [b"<t:Message><t:MimeContent>", letter.mime, f"</t:MimeContent>{_properties(letter)}</t:Message>".encode()]


def categories(flags: Iterable[Flag]) -> str:
    """Their element's content."""
    return "".join(f"<t:String>{text(flag)}</t:String>" for flag in sorted(flags) if is_category(flag))


def _properties(letter: Prepared) -> str:
    """In the order of the schema."""
    flags = letter.flags
    seen = SEEN in flags
    status = READ * seen | UNSENT * (DRAFT in flags) | FROM_ME * (letter.parcel.place.role == Role.SENT)
    shown = categories(flags)
    extended = [
        MESSAGE_FLAGS.valued(status),
        DELIVERED.valued(letter.received),
        SUBMITTED.valued(letter.submitted),
        TOKEN.valued(letter.token),
    ]
    if FLAGGED in flags:
        extended += [FLAG_STATUS.valued(TO_FOLLOW_UP), FLAG_ICON.valued(RED)]
    if done := verb(flags):
        extended += [LAST_VERB.valued(done[0]), ICON.valued(done[1])]
    return "".join(
        (
            f"<t:Sensitivity>{letter.sensitivity}</t:Sensitivity>",
            f"<t:Categories>{shown}</t:Categories>" if shown else "",
            f"<t:Importance>{letter.importance}</t:Importance>",
            *extended,
            f"<t:IsReadReceiptRequested>{_truth(letter.read_receipt)}</t:IsReadReceiptRequested>",
            f"<t:IsDeliveryReceiptRequested>{_truth(letter.delivery_receipt)}</t:IsDeliveryReceiptRequested>",
            f"<t:IsRead>{_truth(seen)}</t:IsRead>",
        )
    )


def _truth(value: bool) -> str:
    return "true" if value else "false"
