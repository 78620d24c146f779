"""Bytes as broken stores hold them, for the laws that hold for any bytes."""

from hypothesis import strategies as st

ENDS = [b"\r", b"\n", b"\r\n", b"\r\r\n", b"\n\n", b"\0"]
FIELDS = [b"From: ", b"Subject: ", b"Date: ", b"Received: ", b"Message-ID: <", b"To:", b"x : ", b"From a@b ", b": "]
TEXTS = [
    b"a",
    b" ",
    b"\t",
    b">",
    b"<",
    b"@",
    b'"',
    b"(",
    b";",
    b",",
    b"=?utf-8?q?",
    b"?=",
    b"\x1b$B",
    b"\x82\xa0",
    b"\xff",
]
PARTS = [b"Content-Type: multipart/mixed; boundary=b\n\n", b"Content-Type: message/rfc822\n\n", b"--b\n", b"--b--\n"]

ends = st.lists(st.sampled_from([b"a", b"A: b", b":", b" ", *ENDS]), max_size=16).map(b"".join)
mails = st.lists(st.sampled_from(ENDS + FIELDS + TEXTS + PARTS) | st.binary(max_size=4), max_size=40).map(b"".join)
