"""LitServe: `python -m peers.litserve_server PORT`.

Two worker processes behind one HTTP process, a list at a time each. `fast_queue` (ZeroMQ) stands in
for a queue of a manager; no time-out of its own, because the callers have deadlines.

LitServe reads the annotations of these methods at run time, so they are no texts here.
"""

import sys
from typing import Any

import litserve

from peers.common import Search, search_of
from peers.scorer import Scorer, open_scorer

WORKERS = 2


class Scores(litserve.LitAPI):  # type: ignore[misc]  # -- not installed where types are checked
    """One worker process with one session."""

    _scorer: Scorer

    def setup(self, device: str) -> None:  # noqa: ARG002 -- LitServe's signature
        """Load the graph, in the worker."""
        self._scorer = open_scorer()

    def decode_request(self, request: dict[str, Any]) -> Search:
        """Read the JSON; LitServe wants the argument to be called `request`."""
        return search_of(request)

    def predict(self, search: Search) -> list[float]:
        """Score one list."""
        return self._scorer.score(search)

    def encode_response(self, output: list[float]) -> dict[str, list[float]]:
        """Return what becomes JSON."""
        return {"scores": output}


if __name__ == "__main__":
    server = litserve.LitServer(
        Scores(api_path="/inference"),
        accelerator="cpu",
        workers_per_device=WORKERS,
        timeout=False,
        fast_queue=True,
    )
    server.run(
        host="127.0.0.1",
        port=int(sys.argv[1]),
        num_api_servers=1,
        log_level="warning",
        generate_client_file=False,
    )
