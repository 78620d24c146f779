"""Mails and names that have hurt somebody before."""

from migrator.model import Path


def mail(subject: str = "hello", body: bytes = b"a body\r\n", *, header: bytes = b"") -> bytes:
    """A small plain mail whose subject and body tell it from others."""
    return (
        b"From: Sato <sato@example.co.jp>\r\nTo: soumu@example.co.jp\r\n"
        + f"Subject: {subject}\r\nMessage-ID: <{subject}@example.co.jp>\r\n".encode()
        + b"Date: Mon, 02 Nov 2009 09:15:00 +0900\r\n"
        + header
        + b"\r\n"
        + body
    )


SAMPLES: tuple[bytes, ...] = (
    mail("crlf"),
    mail("lf").replace(b"\r\n", b"\n"),
    mail("no-end", b"the last line has no end"),
    mail("eight-bit", "本文は UTF-8 のまま\r\n".encode(), header="X-Raw: 生の八ビット\r\n".encode()),
    mail("jis", "半角ｶﾅと①②③\r\n".encode("cp932")),
    mail("from-line", b"a line\n\nFrom now on\nFrom x Mon Nov  2 09:15:00 2009\n>From y\n>>From z\n").replace(
        b"\r\n", b"\n"
    ),
    mail("nul", b"a\0b\r\n"),
    mail("cr-end", b"the end\r\r"),
    mail("bare-cr", b"one\rtwo\r\nthree\r\n"),
    mail("long-line", b"x" * 70_000 + b"\r\n"),
    b"Subject: only a header\r\n\r\n",
    b"no header at all, only a line\n",
    mail("twin", b"equal bytes\r\n"),
    mail("twin", b"equal bytes\r\n"),
)
"""Mails that must come out as they went in. Two are equal: they are two mails."""

NAMES: tuple[Path, ...] = (
    ("受信箱",),
    ("取引先", "㈱山田商事～表示"),
    ("R&D & Co", "a~b #1 100%"),
    ("Entwürfe", "naïve"),
    ("الأرشيف",),
    ("📮 2009",),
)
"""Folders of any script, with signs that some server gives a meaning to."""
