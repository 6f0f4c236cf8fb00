"""Searches and answers as KServe v2 / Open Inference, with the messages that tritonclient ships.

A second generated copy of package `inference` in one process fails, so there is none here.
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING

import numpy as np
from tritonclient.grpc import service_pb2

from ctr.v1 import prediction_pb2 as pb
from ctr_bench.answers import Answer, Counts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ctr_bench.searches import Search

BULK = "bulk"
PROBABILITY, STATUS = "click_probability", "status"
SCORED, FALLBACK, INVALID = b"SCORED", b"FALLBACK", b"INVALID"


def serialise_infer(search: Search, *, model: str = "") -> bytes:
    """Return the bytes of a ModelInferRequest; the tensors are those of docs/frontend.md."""
    items = search.items
    tensors = {
        "query": [search.query.encode()],
        "title": [item.title.encode() for item in items],
        "item_id": [item.item_id.encode() for item in items],
    }
    if any(item.features for item in items):
        tensors["features"] = [json.dumps(dict(item.features)).encode() for item in items]
    request = service_pb2.ModelInferRequest(model_name=model)
    for name, elements in tensors.items():
        request.inputs.add(name=name, datatype="BYTES", shape=[len(elements)])
        request.raw_input_contents.append(_packed(elements))
    texts: Mapping[str, str] = {
        "user_id": search.user_id,
        "user_features": json.dumps(dict(search.user)) if search.user else "",
        "context_features": json.dumps(dict(search.context)) if search.context else "",
        "priority": BULK if search.priority == pb.PRIORITY_BULK else "",
    }
    for name, text in texts.items():
        if text:
            request.parameters[name].string_param = text
    return bytes(request.SerializeToString())


def read_infer(raw: bytes) -> Answer:
    """Look into a ModelInferResponse.

    A server that gives no tensor `status` (any other than ours) has scored what has a finite click
    probability, or, when it has no such output, as many items as its first one has rows. Stages and
    the source of a score are not in this protocol.

    Raises:
        google.protobuf.message.DecodeError: the bytes are no such message.
    """
    response = service_pb2.ModelInferResponse.FromString(raw)
    given = response.parameters
    degraded = "degraded" in given and given["degraded"].bool_param
    return Answer(_counts(response), degraded, version=response.model_version)


def probabilities_of_infer(raw: bytes) -> list[float]:
    """Return the click probability of each item of a ModelInferResponse.

    Raises:
        ValueError: it has no such output.
    """
    response = service_pb2.ModelInferResponse.FromString(raw)
    places = _places(response)
    if PROBABILITY not in places:
        raise ValueError(f"the answer has no output {PROBABILITY}")
    return _probabilities(response, places[PROBABILITY])


def _counts(response: service_pb2.ModelInferResponse) -> Counts:
    places = _places(response)
    if STATUS in places:
        statuses = list(_unpacked(response.raw_output_contents[places[STATUS]]))
        scored, fallback, invalid = map(statuses.count, (SCORED, FALLBACK, INVALID))
        return Counts(scored, fallback, invalid, 0)
    if PROBABILITY in places:
        found = _probabilities(response, places[PROBABILITY])
        return Counts(int(np.isfinite(found).sum()), 0, 0, 0)
    if response.outputs and response.outputs[0].shape:
        return Counts(response.outputs[0].shape[0], 0, 0, 0)
    return Counts(0, 0, 0, 0)


def _places(response: service_pb2.ModelInferResponse) -> dict[str, int]:
    return {output.name: place for place, output in enumerate(response.outputs)}


def _probabilities(response: service_pb2.ModelInferResponse, place: int) -> list[float]:
    """Return the elements, which a server may send raw or (MLServer) typed."""
    if response.raw_output_contents:
        raw = response.raw_output_contents[place]
        found: list[float] = np.frombuffer(raw, "<f4").astype(float).tolist()
        return found
    contents = response.outputs[place].contents
    return [*contents.fp32_contents, *contents.fp64_contents]


def _packed(elements: Iterable[bytes]) -> bytes:
    return b"".join(struct.pack("<I", len(element)) + element for element in elements)


def _unpacked(raw: bytes) -> Iterable[bytes]:
    begin = 0
    while begin < len(raw):
        (length,) = struct.unpack_from("<I", raw, begin)
        yield raw[begin + 4 : begin + 4 + length]
        begin += 4 + length
