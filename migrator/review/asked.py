"""What somebody asks for: who, which page, what stands in the form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.exceptions import HTTPException

from migrator.review.desk import Desk
from migrator.review.door import Session, Visitor
from migrator.review.sheets import SHOWN, View
from migrator.review.topic import Topic


@dataclass(frozen=True, slots=True)
class Asked:
    """One request of somebody with a session. `form` is empty unless something is to change."""

    desk: Desk
    topics: Mapping[str, Topic]
    session: Session
    names: Mapping[str, Any]
    query: Mapping[str, str]
    form: Mapping[str, Sequence[str]]
    address: str

    @property
    def visitor(self) -> Visitor:
        """Who asks."""
        return self.session.visitor

    @property
    def topic(self) -> Topic:
        """The topic that the address names."""
        found = self.topics.get(self.names["topic"])
        if found is None:
            raise HTTPException(404)
        return found

    @property
    def view(self) -> View:
        """Which rows are asked for, by the form or else by the address."""
        page = self.said("page")
        show = self.said("show")
        return View(
            query=self.said("q")[:200],
            show=show if show in SHOWN else "all",
            proposal=self.said("proposal")[:200],
            page=max(1, int(page)) if page.isdecimal() and len(page) < 7 else 1,
        )

    def said(self, field: str) -> str:
        """A field of the form, or else of the address; empty where it is not there."""
        return self.form[field][0] if field in self.form else self.query.get(field, "")

    def number(self, field: str) -> int:
        """A number in the form; nothing else is ever sent by a form of ours."""
        word = self.said(field)
        if not word.isdecimal() or len(word) > 18:
            raise HTTPException(400)
        return int(word)


def address_of(topic: Topic, view: View, **more: str) -> str:
    """The address of a topic's view."""
    fields = {"q": view.query, "show": view.show, "proposal": view.proposal, "page": str(view.page), **more}
    usual = {"q": "", "show": "all", "proposal": "", "page": "1"}
    query = urlencode({name: value for name, value in fields.items() if value and usual.get(name) != value})
    return f"/topic/{topic.name}" + (f"?{query}" if query else "")
