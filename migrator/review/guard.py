"""What every request must show before anything else looks at it, and what every answer carries.

Host: another name for our address is a page that was rebound to it (DNS rebinding). Origin: a form of another page
(CSRF), told apart also by the session's own word. The policy lets a page load only our own files and send forms only to
us, so that not even a mail that slipped through as markup could fetch or run anything.
"""

from collections.abc import Collection
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FORM_BYTES = 2**20
"""No form of ours is larger."""

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

CARRIED = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # with `no-referrer` a browser sends `Origin: null` with our own forms
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}


@dataclass(frozen=True, slots=True)
class Guard:
    """Stands before the pages. `hosts` are the names (with port) under which we may be asked; `scheme` is ours."""

    app: ASGIApp
    hosts: Collection[str]
    scheme: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or let through and see to what goes back."""
        if scope["type"] != "http":
            return
        refused = self._refused(scope["method"], Headers(scope=scope))

        async def carried(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(CARRIED)
            await send(message)

        await (self.app if refused is None else refused)(scope, receive, carried)

    def _refused(self, method: str, headers: Headers) -> PlainTextResponse | None:
        host = headers.get("host", "").lower()
        if host not in self.hosts:
            return PlainTextResponse("this name is not ours", 421)
        if method in ("GET", "HEAD"):
            return None
        if method != "POST":
            return PlainTextResponse("not here", 405)
        if headers.get("origin", "") != f"{self.scheme}://{host}":
            return PlainTextResponse("this form is not ours", 403)
        size = headers.get("content-length", "")
        if not size.isdecimal() or len(size) > 9 or int(size) > FORM_BYTES:
            return PlainTextResponse("too large", 413)
        return None
