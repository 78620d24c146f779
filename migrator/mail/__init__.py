"""What can be read off raw bytes. Total functions: any bytes in, a value out, in time that grows with their number.

wire         where the header ends; the smallest change IMAP demands, and what is then on the wire
scan         the header's fields
dates        when a mail was received, by the best evidence
envelope     what people and rules know it by
health       whether it is whole
mime         its parts
fingerprint  the identity of its meaning
facets       its meaning in parts, where a system makes mails anew
bounded      any of this, in a process that may be killed for it
letter       all that is read off a mail when it is staged
meaning      whether two mails mean the same, however hard they are to read
"""

from migrator.mail.dates import NO_DATE, date_in_name, parse_date, plausible, received_at
from migrator.mail.envelope import Envelope, address, envelope
from migrator.mail.fingerprint import fingerprint
from migrator.mail.health import Health, health
from migrator.mail.mime import Shape, attachment_names, shape
from migrator.mail.scan import headers
from migrator.mail.wire import HEAD, WireFacts, head_of, header_digest, on_wire, on_wire_chunks, split, wire_facts

__all__ = [
    "HEAD",
    "NO_DATE",
    "Envelope",
    "Health",
    "Shape",
    "WireFacts",
    "address",
    "attachment_names",
    "date_in_name",
    "envelope",
    "fingerprint",
    "head_of",
    "header_digest",
    "headers",
    "health",
    "on_wire",
    "on_wire_chunks",
    "parse_date",
    "plausible",
    "received_at",
    "shape",
    "split",
    "wire_facts",
]
