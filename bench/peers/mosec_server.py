"""mosec: `python -m peers.mosec_server --address 127.0.0.1 --port PORT`.

One stage of two worker processes behind mosec's own HTTP server in Rust. A worker takes one list at
a time: joined lists were slower at the SLO, since the first waits for the last.
"""

from __future__ import annotations

from typing import Any

from mosec import Server, Worker

from peers.common import search_of
from peers.scorer import open_scorer

WORKERS = 2


class Scores(Worker):  # type: ignore[misc]  # -- mosec is not installed where types are checked
    """One process with one session."""

    def __init__(self) -> None:
        super().__init__()
        self._scorer = open_scorer()

    def forward(self, data: Any) -> dict[str, list[float]]:  # noqa: ANN401 -- as mosec declares it
        """Score one list; mosec decodes and encodes JSON."""
        return {"scores": self._scorer.score(search_of(data))}


if __name__ == "__main__":
    server = Server()
    server.append_worker(Scores, num=WORKERS, max_batch_size=1)
    server.run()
