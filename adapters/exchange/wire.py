"""Requests out, answers in: one at a time, each sent once.

exchangelib's own services are not used for this: they build a request in memory several times over, may send it again
by themselves, tell a connection that broke from a server that said "busy" by one and the same exception, and log whole
mails at level ERROR.
"""

import io
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import requests
from lxml import etree
from typing_extensions import Buffer, override

from adapters.microsoft.letters import Encoded
from adapters.microsoft.refusals import PATIENCE, PAUSE
from migrator.errors import AccountError, MigratorError, Outage, Reason, UsageError
from migrator.model import CHUNK

from .parting import Broken, Parts
from .throttle import Throttle
from .troubles import BUSY, Refusal
from .words import ERRORS, MESSAGES, SOAP, TYPES, m, t, text

LONGEST_ANSWER = 512 * 2**20
"""Bytes of an answer beyond which it is not one we asked for."""

_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True, remove_blank_text=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server says of one thing it was asked."""

    element: etree._Element
    code: str
    back_off: float | None = None

    @property
    def ok(self) -> bool:
        return self.code == "NoError"

    @property
    def refusal(self) -> Refusal:
        return Refusal(self.code, self.back_off)

    def __iter__(self) -> Iterator[etree._Element]:
        """The items or folders in it."""
        for container in (m("Items"), m("Folders")):
            if (found := self.element.find(container)) is not None:
                yield from found


Piece = bytes | Encoded

HIERARCHY = (b"<m:FindFolder", b"<m:CreateFolder", b"<m:UpdateFolder")
"""How requests begin that are about the tree of public folders and not about what lies in one.

https://learn.microsoft.com/exchange/client-developer/exchange-web-services/public-folder-access-with-ews-in-exchange
"""


class Wire:
    """One login to one endpoint, as one mailbox's owner or beside him."""

    def __init__(
        self,
        session: requests.Session,
        endpoint: str,
        *,
        verify: str | bool,
        timeout: float,
        version: str,
        mailbox: str,
        impersonated: bool,
        refused: MigratorError,
        renew: Callable[[], None] | None = None,
        throttle: Throttle,
    ) -> None:
        self._throttle = throttle
        self._session = session
        self._renew = renew
        self._known = False
        self.endpoint = endpoint
        self._verify = verify
        self._timeout = timeout
        self._mailbox = mailbox
        self._refused = refused
        acting = (
            "<t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>"
            f"{text(mailbox)}</t:PrimarySmtpAddress></t:ConnectingSID></t:ExchangeImpersonation>"
            if impersonated
            else ""
        )
        self._head = (
            '<?xml version="1.0" encoding="utf-8"?>'
            f'<s:Envelope xmlns:s="{SOAP}" xmlns:m="{MESSAGES}" xmlns:t="{TYPES}">'
            f'<s:Header><t:RequestServerVersion Version="{version}"/>{acting}</s:Header><s:Body>'
        ).encode()
        self._tail = b"</s:Body></s:Envelope>"
        self._headers = {"Content-Type": "text/xml; charset=utf-8", "X-AnchorMailbox": mailbox}
        self._content = self._headers

    def close(self) -> None:
        self._session.close()

    def route(self, holder: str) -> None:
        """From now on, requests for what lies in folders go to the mailbox that holds a public folder's content.

        https://learn.microsoft.com/exchange/client-developer/exchange-web-services/how-to-route-public-folder-content-
        requests
        """
        self._content = self._headers | {"X-AnchorMailbox": holder, "X-PublicFolderMailbox": holder}

    def call(self, request: str | Sequence[Piece], parts: Parts | None = None) -> list[Answer]:
        """Send one request; an answer for each thing that was asked, the mails in it to `parts`. Raises Refusal for all
        of it, our four errors for what is no answer.

        A server that is too busy to have begun is waited for.
        """
        waited = 0.0
        while True:
            try:
                return self.once(request, parts)
            except Refusal as refusal:
                pause = refusal.back_off or PAUSE
                if refusal.code not in BUSY or waited + pause > PATIENCE:
                    raise
            time.sleep(pause)
            waited += pause

    def once(self, request: str | Sequence[Piece], parts: Parts | None = None) -> list[Answer]:
        """The same, for who has to look at something before he asks again."""
        with self._throttle.turn() as turn:
            try:
                answers = self._asked(request, parts)
            except Refusal as refusal:
                turn.busy = refusal.code in BUSY
                raise
            except Outage as outage:
                turn.busy = outage.reason.code == "exchange.not-now"
                raise
            turn.busy = any(each.code in BUSY for each in answers)
            return answers

    def _asked(self, request: str | Sequence[Piece], parts: Parts | None) -> list[Answer]:
        pieces = [request.encode()] if isinstance(request, str) else request
        body = _Body([self._head, *pieces, self._tail])
        about_tree = isinstance(pieces[0], bytes) and pieces[0].startswith(HIERARCHY)
        routed = self._headers if about_tree else self._content
        status, headers, content = self._post(body, routed, parts)
        if status == 401 and self._renew is not None:  # a token that has expired; nothing was done
            self._renew()
            body.seek(0)
            status, headers, content = self._post(body, routed, parts)
        if _is_soap(status, headers):
            answers = self._answers(content, status)
            self._known = True
            return answers
        raise self._unanswered(status, headers)

    def one(self, request: str) -> Answer:
        """The answer to a request about one thing. Raises Refusal."""
        answer, *_ = self.call(request)
        if not answer.ok:
            raise answer.refusal
        return answer

    def _post(
        self, body: "_Body", routed: dict[str, str], parts: Parts | None
    ) -> tuple[int, Any, bytes | etree._Element]:
        try:
            with self._session.post(
                self.endpoint,
                data=body,
                headers=routed,
                timeout=self._timeout,
                verify=self._verify,
                allow_redirects=False,
                stream=True,
            ) as response:
                if parts is None or not _is_soap(response.status_code, response.headers):
                    return response.status_code, response.headers, response.content
                return response.status_code, response.headers, parts.document(response.iter_content(CHUNK))
        except Broken as error:
            raise Outage(Reason("exchange.answer-broken", endpoint=self.endpoint)) from error
        except requests.exceptions.SSLError as error:
            raise UsageError(Reason("exchange.tls-refused", endpoint=self.endpoint)) from error
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema) as error:
            raise UsageError(Reason("exchange.no-endpoint", endpoint=self.endpoint, answer="")) from error
        except requests.exceptions.RequestException as error:
            # the text of some of these quotes what was sent
            answer = type(error).__name__
            raise Outage(Reason("exchange.unanswered", endpoint=self.endpoint, answer=answer)) from None
        except (KeyError, PermissionError) as error:  # requests_ntlm, when the server breaks off the handshake
            raise Outage(Reason("exchange.unanswered", endpoint=self.endpoint, answer=type(error).__name__)) from None

    def _answers(self, content: bytes | etree._Element, status: int) -> list[Answer]:
        try:
            whole = _document(content) if isinstance(content, bytes) else content
            body = whole.find(f"{{{SOAP}}}Body")
        except etree.XMLSyntaxError as error:
            raise Outage(Reason("exchange.answer-broken", endpoint=self.endpoint)) from error
        if body is None or not len(body):
            raise Outage(Reason("exchange.answer-broken", endpoint=self.endpoint))
        if body[0].tag == f"{{{SOAP}}}Fault":
            raise self._fault(body[0])
        messages = body[0].find(m("ResponseMessages"))
        if messages is None or status != 200:
            raise Outage(Reason("exchange.answer-broken", endpoint=self.endpoint))
        return [Answer(each, _code(each), _back_off(each)) for each in messages]

    def _fault(self, fault: etree._Element) -> Exception:
        code = fault.findtext(f"detail/{{{ERRORS}}}ResponseCode") or ""
        code = code.strip() or (fault.findtext("faultcode") or "").rpartition(":")[2]
        if code in ("ErrorInvalidServerVersion", "ErrorInvalidRequest", "ErrorSchemaValidation"):
            return UsageError(Reason("exchange.protocol-refused", endpoint=self.endpoint, answer=code))
        return Refusal(code, _back_off(fault))

    def _unanswered(self, status: int, headers: Any) -> Exception:
        """What an answer that is no SOAP means: it comes from the web server, or from something before it."""
        wish = str(headers.get("Retry-After", ""))
        match status:
            case 401:
                return self._refused
            case 403:
                return AccountError(Reason("exchange.forbidden", mailbox=self._mailbox))
            case 413 | 404 if status == 413 or self._known:  # IIS says 404.13 of what is too large for it
                return Refusal("ErrorMessageSizeExceeded")
            case 301 | 302 | 307 | 308 | 400 | 404 | 405 | 410 | 200:
                return UsageError(Reason("exchange.no-endpoint", endpoint=self.endpoint, answer=f"HTTP {status}"))
            case _:
                reason = Reason("exchange.not-now", answer=f"HTTP {status}")
                return Outage(reason, retry_after=float(wish) if wish.isdigit() else None)


def _is_soap(status: int, headers: Any) -> bool:
    return status in (200, 500) and "html" not in str(headers.get("Content-Type", "")).lower()


_NO_CHARACTER = re.compile(rb"&#(?:x0*(?:[0-8bcef]|1[0-9a-f]|fff[ef])|0*(?:[0-8]|1[124-9]|2\d|3[01]));", re.IGNORECASE)


def _document(content: bytes) -> etree._Element:
    """The answer's XML. Exchange passes on control characters that a mail or a folder's name holds, as references that
    XML 1.0 does not know (§2.2). Raises XMLSyntaxError."""
    try:
        return etree.fromstring(content, _PARSER)
    except etree.XMLSyntaxError:
        return etree.fromstring(_NO_CHARACTER.sub("�".encode(), content), _PARSER)


def _code(message: etree._Element) -> str:
    """The response code; where that says only that something went wrong inside, the one inside."""
    code = message.findtext(m("ResponseCode")) or message.get("ResponseClass") or ""
    if code == "ErrorInternalServerError":
        return _value(message, "InnerErrorResponseCode") or code
    return code


def _value(element: etree._Element, name: str) -> str:
    """One of the values that an error gives beside its code."""
    return next((each.text or "" for each in element.iter(t("Value")) if each.get("Name") == name), "").strip()


def _back_off(element: etree._Element) -> float | None:
    """Seconds that the server wishes to be left alone."""
    milliseconds = _value(element, "BackOffMilliseconds")
    return int(milliseconds) / 1000 if milliseconds.isdigit() else None


class _Body(io.RawIOBase):
    """A request as a stream of known length, that can be read again from its start (NTLM sends it more than once)."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._pieces = pieces
        self._size = sum(map(len, pieces))
        self._rewind()

    def _rewind(self) -> None:
        self._at, self._rest = 0, memoryview(b"")
        self._stream = self._chunks()

    def _chunks(self) -> Iterator[bytes]:
        for piece in self._pieces:
            if isinstance(piece, Encoded):
                yield from piece
            else:
                yield piece

    def __len__(self) -> int:
        return self._size

    @override
    def readable(self) -> bool:
        return True

    @override
    def seekable(self) -> bool:
        return True

    @override
    def tell(self) -> int:
        return self._at

    @override
    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        target = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence] + offset
        if target <= 0:  # requests_ntlm goes back by the whole length, also when not all of it has been read
            self._rewind()
        elif target != self._at:
            raise io.UnsupportedOperation("a request is read from its start")
        return self._at

    @override
    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer).cast("B")
        while not self._rest:
            chunk = next(self._stream, None)
            if chunk is None:
                # requests_ntlm sends it a second and a third time in one login, and goes back only before the second
                self._rewind()
                return 0
            self._rest = memoryview(chunk)
        part = self._rest[: len(view)]
        self._rest = self._rest[len(part) :]
        view[: len(part)] = part
        self._at += len(part)
        return len(part)
