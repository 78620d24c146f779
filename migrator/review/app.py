"""Addresses to pages. Every page but the door asks for a session; every form carries the session's own word."""

import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from migrator.errors import MigratorError
from migrator.locale import LANGUAGES, Language, _, sentence, speak
from migrator.review import acts, looks
from migrator.review.asked import Asked
from migrator.review.desk import Desk, by_name
from migrator.review.door import Door, Session, Wait
from migrator.review.guard import Guard
from migrator.review.live import live
from migrator.review.pages import FILES, page, preferred
from migrator.review.topic import Topic
from migrator.review.topics import TOPICS

COOKIE, SPEAKS = "migrator_review", "migrator_language"
HOST_ONLY = "__Host-"
"""What a cookie's name begins with that no neighbour's page can set (RFC 6265bis §4.1.3.2), by TLS alone."""

LOG = logging.getLogger("migrator.review")

Handler = Callable[[Asked], Response]


@dataclass(frozen=True)
class Review:
    """The application: the desk, the door, and how it speaks to those who do not say."""

    desk: Desk
    door: Door
    topics: Mapping[str, Topic]
    speaks: Language
    scheme: str

    @property
    def cookie(self) -> str:
        """The name of the cookie that holds a session."""
        return HOST_ONLY + COOKIE if self.scheme == "https" else COOKIE

    # -- with a session --

    def shown(self, handler: Handler) -> Callable[[Request], Any]:
        """A page for whoever has a session."""

        async def answer(request: Request) -> Response:
            session = self.door.session(request.cookies.get(self.cookie, ""))
            if session is None:
                return self._door_again(request)
            return await self._answered(request, session, handler, {})

        return answer

    def done(self, handler: Handler) -> Callable[[Request], Any]:
        """What changes something, for whoever has a session and shows its word."""

        async def answer(request: Request) -> Response:
            session = self.door.session(request.cookies.get(self.cookie, ""))
            if session is None:
                return self._door_again(request)
            form = await _form(request)
            if not secrets.compare_digest(form.get("csrf", [""])[0].encode(), session.csrf.encode()):
                return self._message(request, 403, lambda: _("This form is not from this session. Go back and reload."))
            return await self._answered(request, session, handler, form)

        return answer

    async def _answered(
        self, request: Request, session: Session, handler: Handler, form: Mapping[str, Sequence[str]]
    ) -> Response:
        lang = self._language(request)
        asked = Asked(
            self.desk, self.topics, session, request.path_params, dict(request.query_params), form, request.url.path
        )

        def work() -> Response:
            speak(lang)
            try:
                return handler(asked)
            except MigratorError as error:
                return HTMLResponse(page("message.html", session=session, text=sentence(error.reason)), 503)

        return self._spoken(request, await run_in_threadpool(work))

    # -- the door --

    async def by_link(self, request: Request) -> Response:
        """Follow the one-time link."""
        if request.method != "GET":  # whoever only asks what is there has not come in
            raise HTTPException(405)
        session = self.door.by_link(request.path_params["word"])
        if session is None:
            return self._message(request, 403, _used)
        return self._welcome(session)

    async def door_page(self, request: Request) -> Response:
        """Where a named reviewer writes name and secret."""
        if not self.door.reviewers:
            return self._message(request, 403, _closed)
        speak(self._language(request))
        return self._spoken(request, HTMLResponse(page("enter.html", session=None, wrong=False, wait=None)))

    async def by_secret(self, request: Request) -> Response:
        """Name and secret."""
        form = await _form(request)
        name, secret = (form.get(field, [""])[0] for field in ("name", "secret"))
        host = request.client.host if request.client else ""
        found = await run_in_threadpool(self.door.by_secret, name, secret, host)
        if isinstance(found, Session):
            return self._welcome(found)
        speak(self._language(request))
        wait = found.seconds if isinstance(found, Wait) else None
        text = page("enter.html", session=None, wrong=wait is None, wait=wait)
        headers = {} if wait is None else {"retry-after": str(wait)}
        return HTMLResponse(text, 403 if wait is None else 429, headers)

    def leave(self, asked: Asked) -> Response:
        """This session is over."""
        self.door.leave(asked.session)
        response = HTMLResponse(page("message.html", session=None, text=_("You have left. This window may be closed.")))
        response.delete_cookie(self.cookie, httponly=True, samesite="strict", secure=self.scheme == "https")
        return response

    def _welcome(self, session: Session) -> Response:
        response = RedirectResponse("/", 303)
        secure = self.scheme == "https"
        response.set_cookie(self.cookie, session.token, httponly=True, samesite="strict", secure=secure, path="/")
        return response

    def _door_again(self, request: Request) -> Response:
        return RedirectResponse("/enter", 303) if self.door.reviewers else self._message(request, 403, _closed)

    # -- what every answer needs --

    def _language(self, request: Request) -> Language:
        asked = (request.query_params.get("lang"), request.cookies.get(SPEAKS))
        chosen = next((lang for each in asked for lang in LANGUAGES if lang == each), None)
        return chosen or preferred(request.headers.get("accept-language", ""), self.speaks)

    def _spoken(self, request: Request, response: Response) -> Response:
        if request.query_params.get("lang") in LANGUAGES:
            response.set_cookie(
                SPEAKS, request.query_params["lang"], httponly=True, samesite="strict", secure=self.scheme == "https"
            )
        return response

    def _message(self, request: Request, status: int, text: Callable[[], str]) -> Response:
        speak(self._language(request))
        return HTMLResponse(page("message.html", session=None, text=text()), status)

    async def impossible(self, request: Request, error: Exception) -> Response:
        """What cannot be done now: why is for whoever runs the page, and not for strangers at the door."""
        assert isinstance(error, MigratorError)
        LOG.error("%s", sentence(error.reason, "en"))
        return self._message(request, 503, lambda: _("This cannot be done now. Ask whoever runs the migration."))

    async def missing(self, request: Request, error: Exception) -> Response:
        """An address that leads nowhere."""
        assert isinstance(error, HTTPException)
        return self._message(request, error.status_code, lambda: _("There is nothing here."))


def _used() -> str:
    return _("This link was used already, or is not ours. Start `migrator review` again for a new one.")


def _closed() -> str:
    return _("Open the link that `migrator review` has printed; it works once. Start the command again for a new one.")


async def _form(request: Request) -> dict[str, list[str]]:
    """The fields of a form (application/x-www-form-urlencoded); the guard has seen to its size."""
    body = await request.body()
    try:
        return parse_qs(body.decode("utf-8"), keep_blank_values=True, max_num_fields=20_000)
    except ValueError:
        raise HTTPException(400) from None


async def _file(request: Request) -> Response:
    found = FILES.get(request.path_params["name"])
    if found is None:
        raise HTTPException(404)
    kind, data = found
    return Response(data, media_type=kind)


def build(
    desk: Desk,
    door: Door,
    *,
    hosts: Sequence[str],
    scheme: str = "http",
    speaks: Language = "en",
    topics: Sequence[Topic] = TOPICS,
) -> ASGIApp:
    """The page, with its guard before it."""
    its = Review(desk, door, by_name(topics), speaks, scheme)
    routes = [
        Route("/", its.shown(looks.home)),
        Route("/enter", its.door_page, methods=["GET"]),
        Route("/enter", its.by_secret, methods=["POST"]),
        Route("/enter/{word}", its.by_link),
        Route("/leave", its.done(its.leave), methods=["POST"]),
        Route("/topic/{topic}", its.shown(looks.sheet), methods=["GET"]),
        Route("/topic/{topic}", its.done(acts.decide), methods=["POST"]),
        Route("/topic/{topic}/undo", its.done(acts.undo), methods=["POST"]),
        Route("/topic/{topic}/sign", its.done(acts.sign), methods=["POST"]),
        Route("/topic/{topic}/row/{row}", its.shown(looks.row), methods=["GET"]),
        Route("/live", its.shown(live)),
        Route("/static/{name}", _file),
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: its.missing, MigratorError: its.impossible})
    app.router.redirect_slashes = False
    return Guard(app, frozenset(each.lower() for each in hosts), scheme)
