"""A receiver of Alertmanager's webhook that keeps what came, and can be waited on."""

from __future__ import annotations

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

WAIT_S = 60.0


class Webhook:
    """Answers 200 to every notification."""

    def __init__(self) -> None:
        hook = self
        self._seen = threading.Condition()
        self._alerts: list[dict[str, Any]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                hook._take(self.path, body)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Keep the test's output clean."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def address(self) -> str:
        """host:port."""
        return f"127.0.0.1:{self._server.server_port}"

    def alerts(self) -> list[dict[str, Any]]:
        """Every alert told so far, as often as it was told."""
        with self._seen:
            return list(self._alerts)

    def wait_for(self, name: str, status: str, **labels: str) -> dict[str, Any]:
        """Wait until the last word on such an alert is `firing` or `resolved`, and return it.

        Raises:
            AssertionError: it was not within WAIT_S.
        """
        wanted = {"alertname": name, **labels}.items()

        def last() -> dict[str, Any] | None:
            told = (alert for alert in reversed(self._alerts) if wanted <= alert["labels"].items())
            return next(told, None)

        with self._seen:
            self._seen.wait_for(lambda: (last() or {}).get("status") == status, WAIT_S)
            alert = last()
            told = [(a["labels"]["alertname"], a["status"]) for a in self._alerts]
        assert alert is not None, f"no {name} within {WAIT_S:.0f} s; told were {told}"
        assert alert["status"] == status, f"{name} is not {status}; told were {told}"
        return alert

    def _take(self, path: str, body: dict[str, Any]) -> None:
        assert path == "/api/v1/alerts", path
        with self._seen:
            self._alerts.extend(body["alerts"])
            self._seen.notify_all()

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@contextlib.contextmanager
def receiving_alerts() -> Iterator[Webhook]:
    """A receiver for the length of a block."""
    hook = Webhook()
    try:
        yield hook
    finally:
        hook.close()
