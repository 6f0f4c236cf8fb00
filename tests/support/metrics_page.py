"""A page of metrics as a gateway would serve it, whose counters grow with every scrape."""

from __future__ import annotations

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WAIT_S = 60.0
TEXT = "text/plain; version=0.0.4"


class MetricsPage:
    """Serves `text(n)` to the n-th scrape."""

    def __init__(self, text: Callable[[int], str]) -> None:
        page = self
        self._scrapes = 0
        self._scraped = threading.Condition()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = text(page.count()).encode()
                self.send_response(200)
                self.send_header("Content-Type", TEXT)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Keep the test's output clean."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def address(self) -> str:
        """host:port."""
        return f"127.0.0.1:{self._server.server_port}"

    def count(self) -> int:
        """Count one more scrape, and return how many there were."""
        with self._scraped:
            self._scrapes += 1
            self._scraped.notify_all()
            return self._scrapes

    def wait_for_scrapes(self, more: int) -> None:
        """Wait until it was read so many times more.

        Raises:
            AssertionError: it was not within WAIT_S.
        """
        with self._scraped:
            wanted = self._scrapes + more
            read = self._scraped.wait_for(lambda: self._scrapes >= wanted, WAIT_S)
        assert read, f"not read {more} times within {WAIT_S:.0f} s"

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@contextlib.contextmanager
def serving_metrics(text: Callable[[int], str]) -> Iterator[MetricsPage]:
    """A page for the length of a block."""
    page = MetricsPage(text)
    try:
        yield page
    finally:
        page.close()
