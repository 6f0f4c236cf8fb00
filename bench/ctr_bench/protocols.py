"""The protocols a generator speaks: gRPC's method of each, and what looks into an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_bench.answers import read_answer
from ctr_bench.http_json import read_json
from ctr_bench.job import HTTP_JSON, OPEN_INFERENCE
from ctr_client.options import SERVICE

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctr_bench.answers import Answer
    from ctr_bench.job import Protocol

PREDICT = f"/{SERVICE}/PredictClicks"
MODEL_INFER = "/inference.GRPCInferenceService/ModelInfer"


def method_of(protocol: Protocol) -> str:
    """Return the path of the scoring method; HTTP has its path in the target."""
    return MODEL_INFER if protocol == OPEN_INFERENCE else PREDICT


def reader_of(protocol: Protocol) -> Callable[[bytes], Answer]:
    """Return what looks into an answer's bytes."""
    if protocol == HTTP_JSON:
        return read_json
    if protocol == OPEN_INFERENCE:
        # tritonclient's messages take 40 ms to import, and only this protocol needs them.
        from ctr_bench.open_inference import read_infer  # noqa: PLC0415 -- see above

        return read_infer
    return read_answer
