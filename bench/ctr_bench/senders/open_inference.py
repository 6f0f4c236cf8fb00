"""Open Inference (KServe v2) over gRPC: a target is "open-inference://host:port".

The tensors are those of the gateway's own Open Inference service, so the same bytes ask it, a
Triton and an MLServer whose model takes texts.
"""

from __future__ import annotations

import contextlib
import json
import struct
from typing import TYPE_CHECKING

import numpy as np
from tritonclient.grpc import service_pb2

from ctr_bench.answers import Counts
from ctr_bench.senders.ctr_v1 import GrpcSender, open_method

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from ctr_bench.searches import Search

SCHEME = "open-inference://"
INFER = "/inference.GRPCInferenceService/ModelInfer"
PROBABILITY, STATUS = "click_probability", "status"
SCORED, FALLBACK, INVALID = b"SCORED", b"FALLBACK", b"INVALID"


def serialise(search: Search, model: str) -> bytes:
    """Return the bytes of a ModelInferRequest with raw texts."""
    message = service_pb2.ModelInferRequest(model_name=model)
    _add(message, "query", [search.query])
    _add(message, "title", [item.title for item in search.items])
    if any(item.features for item in search.items):
        _add(message, "features", [json.dumps(dict(item.features)) for item in search.items])
    for name, features in (("user_features", search.user), ("context_features", search.context)):
        if features:
            message.parameters[name].string_param = json.dumps(dict(features))
    raw: bytes = message.SerializeToString()
    return raw


def _add(message: service_pb2.ModelInferRequest, name: str, texts: Sequence[str]) -> None:
    message.inputs.add(name=name, datatype="BYTES", shape=[len(texts)])
    encoded = [text.encode() for text in texts]
    message.raw_input_contents.append(
        b"".join(struct.pack("<I", len(text)) + text for text in encoded)
    )


class OpenInferenceSender(GrpcSender):
    """ModelInfer. Implements `Sender`."""

    def count(self, answer: bytes) -> Counts:
        """See `Sender`; a server that tells no status has scored what has a finite probability."""
        message = service_pb2.ModelInferResponse.FromString(answer)
        places = {output.name: at for at, output in enumerate(message.outputs)}
        if STATUS in places:
            statuses = _texts(message, places[STATUS])
            scored, fallback, invalid = (statuses.count(s) for s in (SCORED, FALLBACK, INVALID))
            return Counts(scored, fallback, invalid, 0)
        return Counts(int(np.isfinite(probabilities_in(message)).sum()), 0, 0, 0)


def probabilities_of(answer: bytes) -> list[float]:
    """Return the click probability of each item.

    Raises:
        ValueError: the answer has none.
    """
    message = service_pb2.ModelInferResponse.FromString(answer)
    return [float(value) for value in probabilities_in(message)]


def probabilities_in(message: service_pb2.ModelInferResponse) -> Sequence[float]:
    """Return the elements of the output of probabilities.

    Raises:
        ValueError: there is none.
    """
    for at, output in enumerate(message.outputs):
        if output.name == PROBABILITY:
            if message.raw_output_contents:
                found: list[float] = np.frombuffer(message.raw_output_contents[at], "<f4").tolist()
                return found
            return [*output.contents.fp32_contents, *output.contents.fp64_contents]
    raise ValueError(f"the answer has no output {PROBABILITY}")


def _texts(message: service_pb2.ModelInferResponse, at: int) -> list[bytes]:
    if not message.raw_output_contents:
        return list(message.outputs[at].contents.bytes_contents)
    raw, texts, begin = message.raw_output_contents[at], [], 0
    while begin < len(raw):
        (length,) = struct.unpack_from("<I", raw, begin)
        texts.append(raw[begin + 4 : begin + 4 + length])
        begin += 4 + length
    return texts


@contextlib.asynccontextmanager
async def open_open_inference(target: str) -> AsyncIterator[OpenInferenceSender]:
    """Connect to "open-inference://host:port".

    Raises:
        TimeoutError: nothing listens there.
    """
    async with open_method(target.removeprefix(SCHEME), INFER) as method:
        yield OpenInferenceSender(method)
