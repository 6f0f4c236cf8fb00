"""Triton's own dynamic batcher, driven by tritonclient that tokenises: a closed loop of callers.

`python -m ctr_bench.bound.triton_peer --bundle FOLDER --target HOST:PORT --requests FILE ...`

What somebody would set up without the gateway: each caller tokenises its list, pads it to a
multiple of eight tokens (so that lists of about one length can be joined) and sends it; Triton
joins requests.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
import tritonclient.grpc.aio as triton
import uvloop

from ctr.v1 import prediction_pb2 as pb
from ctr_bench.bound.naive import plain_features
from ctr_bench.bound.rows import open_bundle
from ctr_service.backend.base import INPUT_IDS, LOGITS
from ctr_service.backend.shapes import tensors_of
from ctr_service.bundle.template import Renderer
from ctr_service.bundle.token_cache import TokenCache
from ctr_service.bundle.tokens import RowBuilder, load_tokenizer, pad_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctr_service.bundle.bundle import Bundle
    from ctr_service.types import Batch

MODEL = "ctr_joint"
STEP_TOKENS = 8
WARM_S = 1.0
TIMEOUT_S = 30.0


class Tokens:
    """Turns a request into a padded batch, by the code that serves."""

    def __init__(self, bundle: Bundle) -> None:
        template = bundle.manifest.template
        self._renderer = Renderer(template, bundle.manifest.features)
        # No cache: neither has the gateway that it is compared with.
        self._rows = RowBuilder(load_tokenizer(bundle.tokenizer_path), template, TokenCache(0))
        self._pad_id = template.pad_id

    def batch(self, raw: bytes) -> Batch:
        """Tokenise and pad one list."""
        request = pb.PredictClicksRequest.FromString(raw)
        shared = self._renderer.request(
            request.query,
            plain_features(request.user.features),
            plain_features(request.context_features),
        )
        segments = [
            self._renderer.row(shared, self._renderer.item(c.title, plain_features(c.features)))
            for c in request.candidates
        ]
        rows = self._rows.build(segments).rows
        longest = max(row.length for row in rows)
        return pad_rows(rows, -(-longest // STEP_TOKENS) * STEP_TOKENS, self._pad_id)


class Callers:
    """The closed loop."""

    def __init__(self, tokens: Tokens, requests: list[bytes], target: str, seconds: float) -> None:
        self._tokens = tokens
        self._requests: Iterator[bytes] = itertools.cycle(requests)
        self._target = target
        self._seconds = seconds
        self._counts_from_s = 0.0
        self._pairs = 0

    async def pairs_a_second(self, callers: int) -> float:
        """Run it."""
        self._counts_from_s = time.perf_counter() + WARM_S
        async with triton.InferenceServerClient(self._target) as client:
            await asyncio.gather(*(self._call(client) for _ in range(callers)))
        return self._pairs / self._seconds

    async def _call(self, client: triton.InferenceServerClient) -> None:
        ends_s = self._counts_from_s + self._seconds
        while time.perf_counter() < ends_s:
            batch = self._tokens.batch(next(self._requests))
            inputs = []
            for name, array in tensors_of(batch).items():
                sent = array if name == INPUT_IDS else array[:, np.newaxis]
                made = triton.InferInput(name, list(sent.shape), "INT32")
                made.set_data_from_numpy(np.ascontiguousarray(sent))
                inputs.append(made)
            answer = await client.infer(MODEL, inputs, client_timeout=TIMEOUT_S)
            rows = len(answer.as_numpy(LOGITS))
            if self._counts_from_s <= time.perf_counter() < ends_s:
                self._pairs += rows


@click.command()
@click.option("--bundle", type=click.Path(path_type=Path), required=True)
@click.option("--target", required=True)
@click.option("--requests", type=click.Path(path_type=Path), required=True)
@click.option("--out", type=click.Path(path_type=Path), required=True)
@click.option("--callers", type=int, required=True)
@click.option("--seconds", type=float, required=True)
def main(  # noqa: PLR0913, PLR0917 -- click passes every option as an argument
    bundle: Path, target: str, requests: Path, out: Path, callers: int, seconds: float
) -> None:
    """Measure pairs a second and write them to a file."""
    found = [bytes.fromhex(line) for line in requests.read_text().splitlines()]
    loop = Callers(Tokens(open_bundle(bundle)), found, target, seconds)
    pairs_s = uvloop.run(loop.pairs_a_second(callers))
    out.write_text(json.dumps({"pairs_s": pairs_s}))


if __name__ == "__main__":
    main()
