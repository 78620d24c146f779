"""Mails as broken stores hold them, one of each kind, and what each must be called (research: legacy.md part 4)."""

from base64 import b64encode

from migrator.mail import Health

HEAD = b"Received: from a by b; Mon, 5 Mar 2001 10:00:00 +0900\r\nFrom: a@example.co.jp\r\nSubject: x\r\n"
JIS = "日本語の本文".encode("iso2022_jp")


def mail(body: bytes, *fields: bytes) -> bytes:
    return HEAD + b"".join(field + b"\r\n" for field in fields) + b"\r\n" + body


def text(body: bytes, charset: bytes = b"utf-8", coding: bytes = b"8bit") -> bytes:
    return mail(body, b"Content-Type: text/plain; charset=" + charset, b"Content-Transfer-Encoding: " + coding)


def multipart(body: bytes, kind: bytes = b"mixed", boundary: bytes = b"b") -> bytes:
    return mail(body, b'Content-Type: multipart/%s; boundary="%s"' % (kind, boundary))


PART = b"--b\r\nContent-Type: text/plain\r\n\r\ntext\r\n"
INNER = b'--b\r\nContent-Type: multipart/alternative; boundary="c"\r\n\r\n--c\r\n\r\ntext\r\n'
FROM = b"From a@example.co.jp Mon Mar  5 10:00:00 2001\r\n"
FORWARDED = b"--b\r\nContent-Type: message/rfc822\r\n\r\n" + FROM + HEAD + b"\r\ntext\r\n--b--\r\n"
AIPO = "メールのサイズが5MBを超えていたため、このメールを受信できませんでした。\r\n 誠に恐れ入りますが"
NETSCAPE = b"<B>This message exceeded the Maximum Message Size set in Preferences,\nso we have only downloaded"
ARMOUR = b"-----BEGIN PGP MESSAGE-----\r\n\r\nhQEMA\r\n"

PATHOLOGIES: dict[str, tuple[bytes, Health]] = {
    # nothing there
    "no byte": (b"", Health.EMPTY),
    "a block that was reserved": (bytes(4096), Health.ALL_NUL),
    "one NUL": (b"\0", Health.ALL_NUL),
    # written in part
    "NUL from the middle of the body": (text(b"half a te")[:-1] + bytes(512), Health.NUL_TAIL),
    "NUL from the middle of the header": (HEAD[:80] + bytes(512), Health.NUL_TAIL),
    "NUL from the first name": (b"Receiv" + bytes(512), Health.NUL_TAIL),
    "NUL in the middle and at the end": (text(b"a\0\0b") + b"\0", Health.NUL_TAIL),
    "a table that ends in NUL": (b"1,2,3\r\n4,5,6\r\n" + bytes(100), Health.NUL_TAIL),
    # not mail
    "a database, NUL all through and at the end": (b"SQLite format 3\0\x10\0\1\1\0" + bytes(100), Health.NOT_MAIL),
    "a picture": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", Health.NOT_MAIL),
    "an archive": (b"PK\x03\x04 something else\n\nbody", Health.NOT_MAIL),
    "text without a header": (b"Dear all,\n\nnothing to see.\n", Health.NOT_MAIL),
    "blank lines, then text": (b"\n\nno header at all", Health.NOT_MAIL),
    "settings that look like fields": (b"colour: red\nwidth: 80\n\n", Health.NOT_MAIL),
    "NUL before the header": (bytes(512) + HEAD + b"\r\ntext", Health.NOT_MAIL),
    "a page of the web": (b"<html><body>From: a@b\n\n</body></html>", Health.NOT_MAIL),
    # cut in the header
    "cut after a field": (HEAD, Health.CUT_IN_HEADER),
    "cut in a value": (HEAD[:-4], Health.CUT_IN_HEADER),
    "cut in a name": (HEAD + b"Mess", Health.CUT_IN_HEADER),
    "cut in the blank line": (HEAD + b"\r", Health.CUT_IN_HEADER),
    "cut after a From_ line and a field": (FROM + b"From: a@b", Health.CUT_IN_HEADER),
    "cut, lines ending in CR": (b"From: a@b\rSubject: x\r", Health.CUT_IN_HEADER),
    # two mails in one file
    "a second From_ line": (FROM + mail(b"text\r\n") + b"\r\n" + FROM + mail(b"text\r\n"), Health.TWO_MAILS),
    "a From_ line behind a mail without one": (mail(b"text\n\n") + FROM + mail(b"text"), Health.TWO_MAILS),
    "a second mail behind a whole multipart": (
        multipart(PART + b"--b--\r\n\r\n") + FROM + mail(b"text"),
        Health.TWO_MAILS,
    ),
    "a second mail behind half a multipart": (multipart(PART + b"\r\n") + FROM + mail(b"text"), Health.TWO_MAILS),
    "a second mail behind a dot": (mail(b"text\r\n.\r\n") + mail(b"text\r\n.\r\n"), Health.TWO_MAILS),
    "a forwarded mail with its From_ line": (multipart(FORWARDED), Health.OK),
    "a sentence that begins with From": (text(b"so.\n\nFrom now on 10:00 is the time\nDear: all\n"), Health.OK),
    # never received
    "Aipo's notice, in UTF-8": (text(AIPO.encode()), Health.PLACEHOLDER),
    "Aipo's notice, in ISO-2022-JP": (text(AIPO.encode("iso2022_jp"), b"iso-2022-jp", b"7bit"), Health.PLACEHOLDER),
    "Aipo's notice, in CP932": (text(AIPO.encode("cp932"), b"shift_jis"), Health.PLACEHOLDER),
    "Aipo's notice, in EUC-JP": (text(AIPO.encode("euc_jp"), b"euc-jp"), Health.PLACEHOLDER),
    "Aipo's notice, in base64": (text(b64encode(AIPO.encode()), coding=b"base64"), Health.PLACEHOLDER),
    "Aipo's notice under a multipart's header": (multipart(AIPO.encode()), Health.PLACEHOLDER),
    "Netscape's first lines": (text(b"first lines\n" + NETSCAPE), Health.PLACEHOLDER),
    # no closing boundary
    "cut between two parts": (multipart(PART), Health.NO_CLOSING_BOUNDARY),
    "cut in a part": (multipart(PART[:-8]), Health.NO_CLOSING_BOUNDARY),
    "cut in an inner multipart": (multipart(INNER + b"--c--\r\n"), Health.NO_CLOSING_BOUNDARY),
    "cut in the closing line": (multipart(PART + b"--b-"), Health.NO_CLOSING_BOUNDARY),
    "a multipart without a part": (multipart(b""), Health.NO_CLOSING_BOUNDARY),
    "a boundary that never comes": (multipart(b"plain text\r\n"), Health.NO_CLOSING_BOUNDARY),
    "a line that only begins like the last one": (multipart(PART + b"--b--c\r\n"), Health.NO_CLOSING_BOUNDARY),
    "a closing line in the middle of one": (multipart(PART + b"x --b--\r\n"), Health.NO_CLOSING_BOUNDARY),
    # cut in the body
    "base64 that does not come out even": (text(b64encode(bytes(300))[:-7], coding=b"base64"), Health.CUT_IN_BODY),
    "half of a quoted byte": (text(b"abc =E3=8", coding=b"quoted-printable"), Health.CUT_IN_BODY),
    "an equals sign and no more": (text(b"abc =E3=", coding=b"quoted-printable"), Health.CUT_IN_BODY),
    "fewer bytes than it says": (mail(b"1234567890", b"Content-Length: 4711"), Health.CUT_IN_BODY),
    "kanji without an end": (text(b"\r\n" + JIS[:-3], b"iso-2022-jp", b"7bit"), Health.CUT_IN_BODY),
    "half an escape sequence": (text(b"\r\n" + JIS[:-1], b"iso-2022-jp", b"7bit"), Health.CUT_IN_BODY),
    "half a character of UTF-8": (text("\r\n日本語".encode()[:-1]), Health.CUT_IN_BODY),
    "half a character of CP932": (text("\r\n日本語".encode("cp932")[:-1], b"Shift_JIS"), Health.CUT_IN_BODY),
    "half a character of EUC-JP": (text("\r\n日本語".encode("euc_jp")[:-1], b"EUC-JP"), Health.CUT_IN_BODY),
    "PGP without an end": (text(ARMOUR), Health.CUT_IN_BODY),
    # encrypted
    "S/MIME": (mail(b"MIAGCSqGSIb3", b"Content-Type: application/pkcs7-mime; name=smime.p7m"), Health.ENCRYPTED),
    "S/MIME that is only signed": (
        mail(b"MIAGCSqGSIb3", b"Content-Type: application/pkcs7-mime; smime-type=signed-data"),
        Health.OK,
    ),
    "PGP/MIME": (multipart(PART + b"--b--\r\n", kind=b"encrypted"), Health.ENCRYPTED),
    "PGP in the text": (text(ARMOUR + b"-----END PGP MESSAGE-----\r\n"), Health.ENCRYPTED),
    "a file of openssl enc": (b"Salted__\x12\x34\x56\x78\x9a\xbc\xde\xf0junk", Health.ENCRYPTED),
    # odd, and whole
    "no body": (mail(b""), Health.OK),
    "a subject and nothing else": (b"Subject: x\n\nbody", Health.OK),
    "a BOM before the header": (b"\xef\xbb\xbf" + mail(b"text"), Health.OK),
    "blank lines before the header": (b"\r\n\r\n" + mail(b"text"), Health.OK),
    "a From_ line before the header": (FROM + mail(b"text"), Health.OK),
    "a quoted From_ line before the header": (b">" + FROM + mail(b"text"), Health.OK),
    "a blank before the colon": (b"Subject : x\nFrom : a@b\n\nbody", Health.OK),
    "lines ending in CR": (b"From: a@b\r\rbody\r", Health.OK),
    "lines ending in CR CR LF": (mail(b"text\r\n").replace(b"\n", b"\r\n"), Health.OK),
    "NUL in the middle": (text(b"a\0\0\0b\r\n"), Health.OK),
    "an inner multipart left open": (multipart(INNER + b"--b--\r\n"), Health.OK),
    "blanks at the end of a boundary": (multipart(b"--b  \r\n\r\ntext\r\n--b  --\r\n", boundary=b"b  "), Health.OK),
    "a multipart without a boundary": (mail(b"text", b"Content-Type: multipart/mixed"), Health.OK),
    "an epilogue": (multipart(PART + b"--b--\r\nbye"), Health.OK),
    "base64 with a line of a mailing list": (
        text(b64encode(bytes(300)) + b"\r\n-- \r\nlist!", coding=b"base64"),
        Health.OK,
    ),
    "a soft line end at the very end": (text(b"freedom=0A=\n", coding=b"quoted-printable"), Health.OK),
    "CRLF counted, LF kept": (mail(b"1\n2\n", b"Content-Length: 6"), Health.OK),
    "latin text that ends in an accent": (text(b"one\r\ncaf\xe9", b"iso-8859-1"), Health.OK),
    "kanji with its end": (text(b"\r\n" + JIS, b"iso-2022-jp", b"7bit"), Health.OK),
    "cut where nobody can tell": (text(b"half a sen"), Health.OK),
}
