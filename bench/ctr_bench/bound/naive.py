"""The naive peer: `python -m ctr_bench.bound.naive --bundle FOLDER --port-file FILE`.

The same wire and the same graph, as somebody would first write it: one request at a time, every
pair tokenised by itself, all candidates in one batch padded to the longest, one session with all
threads. No deadline is looked at, nothing is refused.
"""

from __future__ import annotations

import asyncio
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import click
import grpc
import numpy as np
import uvloop

from ctr.v1 import prediction_pb2 as pb
from ctr_bench.bare_server import write_port
from ctr_bench.bound.choice import choice_named
from ctr_bench.bound.rows import open_bundle
from ctr_bench.bound.sessions import open_sessions, variant_of
from ctr_client.options import SERVICE
from ctr_service.backend.base import LOGITS
from ctr_service.backend.shapes import tensors_of
from ctr_service.bundle.template import Renderer
from ctr_service.bundle.token_cache import TokenCache
from ctr_service.bundle.tokens import RowBuilder, load_tokenizer, pad_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ctr_bench.bound.sessions import Choice
    from ctr_service.bundle.bundle import Bundle
    from ctr_service.types import FeatureValue


class Naive:
    """Scores one request, start to end. Blocking; used by one thread."""

    def __init__(self, bundle: Bundle, serves: Choice) -> None:
        template = bundle.manifest.template
        self._renderer = Renderer(template, bundle.manifest.features)
        self._rows = RowBuilder(load_tokenizer(bundle.tokenizer_path), template, TokenCache(0))
        self._pad_id = template.pad_id
        threads = len(os.sched_getaffinity(0))
        (self._session,) = open_sessions(bundle, serves, sessions=1, threads=threads)
        self._calibration = variant_of(bundle, serves).calibration

    def score(self, raw: bytes) -> bytes:
        """Answer one PredictClicks."""
        request = pb.PredictClicksRequest.FromString(raw)
        shared = self._renderer.request(
            request.query,
            plain_features(request.user.features),
            plain_features(request.context_features),
        )
        rows = [
            self._rows.build([self._renderer.row(shared, self._renderer.item(c.title, own))]).rows[
                0
            ]
            for c, own in ((c, plain_features(c.features)) for c in request.candidates)
        ]
        batch = pad_rows(rows, max(row.length for row in rows), self._pad_id)
        logits = self._session.run(tensors_of(batch))[LOGITS]
        values = self._calibration.apply(logits.astype(np.float64)).tolist()
        return pb.PredictClicksResponse(
            predictions=[
                pb.Prediction(
                    item_id=candidate.item_id,
                    click_probability=value,
                    status=pb.PREDICTION_STATUS_SCORED,
                    source=pb.PREDICTION_SOURCE_MODEL,
                )
                for candidate, value in zip(request.candidates, values, strict=True)
            ]
        ).SerializeToString()


async def serve(bundle: Bundle, serves: Choice, port_file: Path) -> None:
    """Serve until SIGTERM."""
    naive = Naive(bundle, serves)
    loop = asyncio.get_running_loop()
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    with ThreadPoolExecutor(1) as one_at_a_time:

        async def predict(raw: bytes, _: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
            return await loop.run_in_executor(one_at_a_time, naive.score, raw)

        handlers = {"PredictClicks": grpc.unary_unary_rpc_method_handler(predict)}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        stop = asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        write_port(port_file, port)
        await stop.wait()
        await server.stop(1.0)


def plain_features(features: Mapping[str, pb.FeatureValue]) -> dict[str, FeatureValue]:
    """Return the wire's values as plain ones."""
    return {name: _value(value) for name, value in features.items()}


def _value(value: pb.FeatureValue) -> FeatureValue:
    kind = value.WhichOneof("value")
    if kind == "texts":
        return tuple(value.texts.values)
    plain: FeatureValue = getattr(value, kind or "text")
    return plain


@click.command()
@click.option("--bundle", type=click.Path(path_type=Path), required=True)
@click.option("--graph", help="graph/engine/precision.  [default: the bundle's]")
@click.option("--port-file", type=click.Path(path_type=Path), required=True)
def main(bundle: Path, graph: str | None, port_file: Path) -> None:
    """Serve a bundle naively."""
    opened = open_bundle(bundle)
    serves = choice_named(graph) if graph else opened.manifest.default
    uvloop.run(serve(opened, serves, port_file))


if __name__ == "__main__":
    main()
