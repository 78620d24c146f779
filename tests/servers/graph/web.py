"""The HTTP side of the Graph double."""

import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from tests.servers import answers
from tests.servers.answers import Answer
from tests.servers.exchange.faults import Request
from tests.servers.graph import login
from tests.servers.graph.calls import Said, operation

if TYPE_CHECKING:
    from tests.servers.graph import Graph

KEPT = 1 << 20


class Web(answers.Web):
    def __init__(self, graph: "Graph", certificate: Path | None) -> None:
        self.graph = graph
        super().__init__(Handler, certificate)


class Handler(answers.Handler):
    server: Web

    def serve(self) -> None:
        graph = self.server.graph
        raw = self.read_body(graph.request_bytes, graph.oversize)
        if raw is None:
            return
        try:
            if (told := login.answer(graph, self.path, raw)) is None:
                told = graph.serve(self._request(raw))
            self.send_answer(told)
        except OSError:
            self.close_connection = True
        except Exception:  # noqa: BLE001 - it is raised where the server ends
            graph.broken.append(traceback.format_exc())
            self.send_answer(Answer(500))

    do_GET = do_POST = do_PATCH = do_DELETE = serve  # noqa: N815 - the names http.server calls

    def _request(self, raw: bytes) -> Request:
        said = Said.of(self.command, self.path, dict(self.headers.items()), raw)
        name = operation(said)
        return Request(
            operation=name,
            number=self.server.graph.number(name),
            user="",
            size=len(raw),
            headers=dict(self.headers.items()),
            raw=raw if len(raw) < KEPT else b"",
            body=said,
            hang_up=self.hang_up,
        )
