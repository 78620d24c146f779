"""Requests out, answers in: one at a time, alone or up to twenty in a batch.

A request is sent again in two cases only, in which the server says itself that it has done nothing: it wants to be left
alone for a while (429), or a token has expired (401, once). Whatever else is unclear is an Outage, and the engine
settles it.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from urllib.parse import quote, urlencode

import requests

from adapters.microsoft.letters import Encoded
from adapters.microsoft.refusals import PATIENCE, PAUSE
from migrator.errors import MigratorError, Outage, Reason, UsageError

from .config import BATCH, GraphConfig
from .login import Session, broken
from .troubles import FULL, Refusal

STABLE, BETA = "v1.0", "beta"

THROTTLED, NOT_TRIED = 429, 424


@dataclass(frozen=True, slots=True)
class Call:
    """One request below the mailbox."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server says to it: JSON, or bytes as they are."""

    status: int
    body: Any
    back_off: float | None = None

    @property
    def ok(self) -> bool:
        return self.status < 400

    @property
    def refusal(self) -> Refusal:
        error = self.body.get("error") if isinstance(self.body, dict) else None
        code = error.get("code") if isinstance(error, dict) else None
        return Refusal(self.status, code if isinstance(code, str) else "")


class Wire:
    """One mailbox, by one login."""

    def __init__(self, config: GraphConfig, mailbox: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._config = config
        self._login = config.login()
        self._session = Session(config)
        self._below = f"/users/{quote(mailbox, safe='@')}/"
        self._sleep = sleep

    def close(self) -> None:
        self._session.close()

    # -- asking ------------------------------------------------------------------------------------------------------

    def one(self, call: Call, *, match: str | None = None) -> Any:
        """The answer to one request; with `match` only if what it is about still has this tag. Raises Refusal,
        UsageError, Outage."""
        data = None if call.body is None else json.dumps(call.body).encode()
        headers = {} if data is None else {"Content-Type": "application/json"}
        headers |= {} if match is None else {"If-Match": match}
        return self._answered(call.method, self._url(call.path), data, headers)

    def create(self, path: str, mime: Encoded, *, version: str = STABLE) -> Any:
        """A mail made of MIME, which travels as a stream of base64."""
        return self._answered("POST", self._url(path, version), mime, {"Content-Type": "text/plain"})

    def pages(self, path: str) -> Iterator[dict[str, Any]]:
        """A list, page by page."""
        url = self._url(path)
        while url:
            page = self._answered("GET", url, None, {})
            yield page
            url = page.get("@odata.nextLink", "")
            if url and not url.startswith(self._config.endpoint + "/"):  # whoever that is gets no token
                raise self._no_answer()

    def each(self, calls: Sequence[Call], *, in_order: bool = False) -> list[Answer]:
        """An answer for each, in batches. In order means one after another, none after one that failed: else up to four
        are tried at once ("Outlook service limits for JSON batching")."""
        found: list[Answer] = []
        for start in range(0, len(calls), BATCH):
            found += self._batch(calls[start : start + BATCH], in_order)
            if in_order and not found[-1].ok:
                break
        return found

    def _batch(self, calls: Sequence[Call], in_order: bool) -> list[Answer]:
        """What the server puts off is asked again, with what stood behind it. After a failure, in order, it ends."""
        found: dict[int, Answer] = {}
        waited = 0.0
        while left := {at: call for at, call in enumerate(calls) if at not in found}:
            answers = self._once(left, in_order)
            found |= {at: each for at, each in answers.items() if each.status not in (THROTTLED, NOT_TRIED)}
            if in_order and any(not each.ok for each in found.values()):
                break
            put_off = [each.back_off or PAUSE for each in answers.values() if each.status == THROTTLED]
            if len(found) < len(calls):
                waited = self._wait(waited, max(put_off, default=PAUSE))
        return [found[at] for at in sorted(found)]

    def _once(self, calls: Mapping[int, Call], in_order: bool) -> dict[int, Answer]:
        asked: list[dict[str, Any]] = []
        for at, call in calls.items():
            one: dict[str, Any] = {"id": str(at), "method": call.method, "url": self._below + call.path}
            if call.body is not None:
                one |= {"headers": {"Content-Type": "application/json"}, "body": call.body}
            asked.append(one)
        if in_order:
            for before, after in pairwise(asked):
                after["dependsOn"] = [before["id"]]
        url = f"{self._config.endpoint}/{STABLE}/$batch"
        body = json.dumps({"requests": asked}).encode()
        told = self._answered("POST", url, body, {"Content-Type": "application/json"})
        try:
            found = {
                int(each["id"]): self._judged(each["status"], each.get("headers") or {}, each.get("body"))
                for each in told["responses"]
            }
        except (KeyError, TypeError, ValueError):
            raise self._no_answer() from None
        if found.keys() != calls.keys():
            raise self._no_answer()
        return found

    # -- one request ---------------------------------------------------------------------------------------------------

    def _url(self, path: str, version: str = STABLE) -> str:
        return f"{self._config.endpoint}/{version}{self._below}{path}"

    def _answered(self, method: str, url: str, data: bytes | Encoded | None, headers: dict[str, str]) -> Any:
        answer = self._asked(method, url, data, headers)
        if not answer.ok:
            raise answer.refusal
        return answer.body

    def _asked(self, method: str, url: str, data: bytes | Encoded | None, headers: dict[str, str]) -> Answer:
        waited, token = 0.0, self._login.token()
        renewed = False
        while True:
            status, told, content = self._sent(method, url, data, headers | {"Authorization": f"Bearer {token}"})
            if status == 401 and not renewed:
                token, renewed = self._login.renew(token), True
                continue
            answer = self._judged(status, told, content)
            if answer.status != THROTTLED:
                return answer
            waited = self._wait(waited, answer.back_off)

    def _sent(
        self, method: str, url: str, data: bytes | Encoded | None, headers: dict[str, str]
    ) -> tuple[int, Mapping[str, str], Any]:
        try:
            with self._session.request(method, url, data=data, headers=headers, stream=True) as response:
                content = response.content
                if "json" in response.headers.get("Content-Type", ""):
                    return response.status_code, response.headers, json.loads(content)
                return response.status_code, response.headers, content
        except requests.exceptions.RequestException as error:
            raise broken(error, self._config.endpoint) from None
        except ValueError:
            raise self._no_answer() from None

    def _judged(self, status: int, headers: Mapping[str, str], body: Any) -> Answer:
        wish = str({name.lower(): value for name, value in headers.items()}.get("retry-after", ""))
        back_off = float(wish) if wish.isdigit() else None
        match status:
            case 401:
                raise UsageError(Reason("graph.token-refused", host=self._config.host))
            case _ if status == 408 or (status >= 500 and status != FULL):
                raise Outage(Reason("graph.not-now", answer=f"HTTP {status}"), retry_after=back_off)
            case _ if 300 <= status < 400:
                raise UsageError(Reason("graph.no-endpoint", endpoint=self._config.endpoint, answer=f"HTTP {status}"))
        return Answer(status, body, back_off)

    def _wait(self, waited: float, wish: float | None) -> float:
        """Wait as long as the server wishes, if we have so much patience; the sum. Raises Outage."""
        pause = wish or PAUSE
        if waited + pause > PATIENCE:
            raise Outage(Reason("graph.throttled-now"), retry_after=pause)
        self._sleep(pause)
        return waited + pause

    def _no_answer(self) -> MigratorError:
        return Outage(Reason("exchange.answer-broken", endpoint=self._config.endpoint))


def query(path: str, **options: str | int) -> str:
    """A path with options such as select and top."""
    return f"{path}?{urlencode({'$' + name: value for name, value in options.items()}, quote_via=quote)}"
