"""Charset work as Japanese mail needs it: what the sender meant, whatever the label says.

Every function is total and linear. A byte that no charset explains becomes a visible escape (`\\x87`), never a guess
and never nothing. Cells follow CP932, as Windows and the WHATWG encodings do: JIS 2141 (〜) is U+FF5E in every charset.

labels     what a charset's label means
cells      bytes to characters
reading    which charset it is: declared, chosen, why, and how sure
headers    RFC 2047 and RFC 2231 as they are really written
"""

from migrator.japanese.headers import decode_header, decode_parameter, parameters, readings, unbase64
from migrator.japanese.reading import SAMPLE, Reading, Why, decode, read

__all__ = [
    "SAMPLE",
    "Reading",
    "Why",
    "decode",
    "decode_header",
    "decode_parameter",
    "parameters",
    "read",
    "readings",
    "unbase64",
]
