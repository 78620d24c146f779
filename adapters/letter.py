"""What every letter to a server has: what is known of its bytes, and what it becomes."""

from dataclasses import dataclass

from migrator.errors import Reason
from migrator.model import Flag, Parcel, Receipt, Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One mail as it goes out."""

    parcel: Parcel
    size: int
    sent: str
    """The digest of what goes out, `headers` that of its header."""
    headers: str
    flags: frozenset[Flag]
    repairs: tuple[str, ...]

    @property
    def token(self) -> str:
        return self.parcel.token

    def receipt(self, ref: str | None) -> Receipt:
        return Receipt(
            item=self.parcel.item,
            ref=ref,
            sent=self.sent,
            size=self.size,
            headers=self.headers,
            flags=self.flags,
            lost=self.parcel.flags - self.flags,
            repairs=self.repairs,
        )

    def refused(self, code: str, **params: str | int | None) -> Refused:
        return Refused(self.parcel.item, Reason(code, size=self.size, **params))
