"""The peer that a careful engineer writes in an afternoon: `python -m peers.sync_grpc PORT`.

grpc's own thread pool takes PredictClicks of ctr.v1 and tokenises; the list's length-sorted chunks
wait in one queue, first come first served, for two threads with a session each. So one list alone
has both cores, and a full house wastes none. A call whose caller has gone is not computed.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import grpc

from ctr.v1 import prediction_pb2 as pb
from peers.common import Search
from peers.scorer import Scorer, setup_from

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from peers.common import Value
    from peers.scorer import Setup

SESSIONS = 2
REQUEST_THREADS = 32
"""They mostly wait for their chunks; as many lists may be under way."""
MAX_MESSAGE_BYTES = 4 * 1024 * 1024


class SyncService:
    """PredictClicks, bytes in and bytes out."""

    def __init__(self, setup: Setup) -> None:
        """Load a graph a session."""
        self._scorers = [Scorer(setup) for _ in range(SESSIONS)]
        self._mine = threading.local()
        waiting = iter(self._scorers)
        take = threading.Lock()

        def take_scorer() -> None:
            with take:
                self._mine.scorer = next(waiting)

        self._pool = ThreadPoolExecutor(SESSIONS, initializer=take_scorer)

    def predict(self, raw: bytes, context: grpc.ServicerContext) -> bytes:
        """Score one list; blocks."""
        request = pb.PredictClicksRequest.FromString(raw)
        scorer = self._scorers[0]
        rows = scorer.rows(search_of_message(request))

        def run(chunk: list[int]) -> NDArray[np.float32] | None:
            mine: Scorer = self._mine.scorer
            return mine.run(rows, chunk) if context.is_active() else None

        chunks = scorer.chunks(rows)
        parts = list(zip(chunks, self._pool.map(run, chunks), strict=True))
        whole = [(chunk, logits) for chunk, logits in parts if logits is not None]
        if len(whole) < len(parts):
            context.abort(grpc.StatusCode.CANCELLED, "the caller has gone")
        return answer_of(request, scorer.joined(len(rows), whole))


def search_of_bytes(raw: bytes) -> Search:
    """Return the texts and features of a PredictClicksRequest's bytes."""
    return search_of_message(pb.PredictClicksRequest.FromString(raw))


def search_of_message(request: pb.PredictClicksRequest) -> Search:
    """Return a message's texts and features as plain values."""
    return Search(
        request.query,
        [candidate.title for candidate in request.candidates],
        [_plain(candidate.features) for candidate in request.candidates],
        _plain(request.user.features),
        _plain(request.context_features),
    )


def answer_of(request: pb.PredictClicksRequest, probabilities: list[float]) -> bytes:
    """Return the bytes of a complete answer."""
    return pb.PredictClicksResponse(
        predictions=[
            pb.Prediction(
                item_id=candidate.item_id,
                click_probability=probability,
                status=pb.PREDICTION_STATUS_SCORED,
                source=pb.PREDICTION_SOURCE_MODEL,
            )
            for candidate, probability in zip(request.candidates, probabilities, strict=True)
        ]
    ).SerializeToString()


def _plain(features: Mapping[str, pb.FeatureValue]) -> dict[str, Value]:
    return {name: _value(value) for name, value in features.items()}


def _value(value: pb.FeatureValue) -> Value:
    kind = value.WhichOneof("value")
    if kind == "texts":
        return tuple(value.texts.values)
    plain: Value = getattr(value, kind) if kind else None
    return plain


def make_server(setup: Setup, port: int) -> tuple[grpc.Server, int]:
    """Return a server that was not started yet, and its port; 0 takes a free one."""
    service = SyncService(setup)
    server = grpc.server(
        ThreadPoolExecutor(REQUEST_THREADS),
        options=[
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.so_reuseport", 0),
        ],
    )
    handlers = {"PredictClicks": grpc.unary_unary_rpc_method_handler(service.predict)}
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("ctr.v1.PredictionService", handlers),)
    )
    return server, server.add_insecure_port(f"127.0.0.1:{port}")


def main() -> None:
    """Serve until SIGTERM."""
    server, _ = make_server(setup_from(os.environ), int(sys.argv[1]))
    server.start()
    signal.signal(signal.SIGTERM, lambda *_: server.stop(1.0))
    server.wait_for_termination()


if __name__ == "__main__":
    main()
