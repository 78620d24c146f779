"""The review page, served until Ctrl-C."""

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

import typer

from migrator.cli import console
from migrator.errors import Reason, UsageError
from migrator.locale import _, spoken

if TYPE_CHECKING:
    from migrator.review.serve import Listening
    from migrator.settings import Settings
    from migrator.staging.store import Staging

family = typer.Typer()


@family.command(
    help=_("A local web page on which people see what is proposed, decide, and sign."),
    epilog=_("Example: migrator review"),
)
def review(
    listen: Annotated[
        str,
        typer.Option(
            "--listen", metavar="HOST:PORT", help=_("Where to listen; beyond this machine only with TLS and reviewers.")
        ),
    ] = "127.0.0.1:0",
) -> None:
    """Print a link that works once, and answer until Ctrl-C."""
    from migrator.cli import migration

    for name in ("jinja2", "starlette", "uvicorn"):
        if find_spec(name) is None:
            raise UsageError(Reason("review.absent", name=name))
    from migrator.review.serve import listen as open_at

    with migration.opened() as (settings, staging):
        listening = open_at(listen, settings.review)
        _serve(settings, staging, listening)


def _serve(settings: "Settings", staging: "Staging", listening: "Listening") -> None:
    from migrator.cli import migration
    from migrator.review.app import build
    from migrator.review.door import Door, Visitor
    from migrator.review.serve import serve
    from migrator.review.topics import TOPICS
    from migrator.staging.store import user

    desk = migration.desk(settings, staging)
    console.tell(_("Reading what there is to review …"))
    for topic in TOPICS:
        desk.sheet(topic)
    for reason in desk.troubles:
        console.explain(reason)
    door = Door(settings.review.reviewers)
    if listening.scheme == "http":  # from elsewhere only those come in who have a secret of their own
        word = door.link(Visitor(user(), "sign", ("*",)))
        console.say(_("Open this link; it works once: {link}"), link=f"{listening.address}/enter/{word}")
    else:
        console.say(_("The page is at {link}"), link=f"{listening.address}/enter")
    console.tell(_("Ctrl-C ends it."))
    sys.stdout.flush()
    serve(build(desk, door, hosts=listening.hosts, scheme=listening.scheme, speaks=spoken()), listening)
