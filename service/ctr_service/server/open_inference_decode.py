"""Open Inference -> ctr.v1: tensors become the same message, so that one decoder has all limits.

What a tensor cannot carry comes as request parameters: `user_features` and `context_features`
(JSON objects), `user_id`, `priority` ("bulk", or Triton's number: 2 and more is bulk) and `timeout`
(microseconds). Broken features or a broken text make their one candidate INVALID, as in ctr.v1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ctr.v1 import prediction_pb2
from ctr_service.errors import ModelNotFoundError, RequestInvalidError
from ctr_service.limits import WIRE_LIMITS, Limits
from ctr_service.server import violations
from ctr_service.server.envelope import enveloped
from ctr_service.server.open_inference_bytes import check_count, unpack_bytes
from ctr_service.server.open_inference_features import features_of
from ctr_service.server.open_inference_tensors import (
    FEATURES,
    INPUTS,
    ITEM_ID,
    ONE,
    OUTPUTS,
    QUERY,
    TITLE,
)
from ctr_service.types import ItemError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tritonclient.grpc import service_pb2

    from ctr_service.server.decode import Decoder
    from ctr_service.server.open_inference_tensors import Tensor
    from ctr_service.types import SearchRequest

NS_PER_US = 1_000
FIRST_BULK_PRIORITY = 2
_INPUTS = {tensor.name: tensor for tensor in INPUTS}
_OUTPUTS = {tensor.name: tensor for tensor in OUTPUTS}
_BULK = {"bulk", "PRIORITY_BULK"}


@dataclass(frozen=True, slots=True)
class Asked:
    """One decoded ModelInferRequest.

    Attributes:
        outputs: which to send, in the caller's order.
    """

    search: SearchRequest
    outputs: tuple[Tensor, ...]


def budget_ns(message: service_pb2.ModelInferRequest, budget_ns: int) -> int:
    """Shorten a call's budget to the parameter `timeout`, in microseconds, when it is given."""
    timeout_us = message.parameters["timeout"].int64_param if "timeout" in message.parameters else 0
    return min(budget_ns, timeout_us * NS_PER_US) if timeout_us > 0 else budget_ns


def check_model(name: str, version: str, served: prediction_pb2.GetModelResponse) -> None:
    """Compare the model asked for with the one that serves; an empty text is whichever serves.

    Raises:
        ModelNotFoundError: it is another one.
    """
    for field, wanted, have in (
        ("model_name", name, served.name),
        ("model_version", version, served.version),
    ):
        if wanted and wanted != have:
            raise ModelNotFoundError(
                f"{field} is not the one served here: this server has model {served.name}, "
                f"version {served.version}",
                metadata={"field": field},
            )


def decode_infer(
    message: service_pb2.ModelInferRequest,
    decoder: Decoder,
    *,
    request_id: str,
    deadline_ns: int,
    limits: Limits = WIRE_LIMITS,
) -> Asked:
    """Turn a ModelInferRequest into a search to score.

    Args:
        message: the parsed request.
        decoder: of ctr.v1; it enforces the limits, and its errors name fields as ctr.v1 does.
        request_id: the caller's, or the one made for it.
        deadline_ns: absolute on the injected clock.
        limits: the contract's.

    Raises:
        RequestInvalidError: the request as a whole breaks a rule or a limit.
    """
    outputs = _outputs(message)
    tensors = _tensors(message, limits)
    wire = prediction_pb2.PredictClicksRequest(request_id=message.id)
    wire.query = _text(tensors[QUERY.name][0], QUERY.name)
    _take_parameters(message, wire)
    errors = _add_candidates(wire, tensors)
    search = decoder.decode(enveloped(wire), request_id=request_id, deadline_ns=deadline_ns)
    if errors:
        candidates = tuple(
            candidate._replace(error=errors.get(index, candidate.error))
            for index, candidate in enumerate(search.candidates)
        )
        search = replace(search, candidates=candidates)
    return Asked(search, outputs)


def _outputs(message: service_pb2.ModelInferRequest) -> tuple[Tensor, ...]:
    for index, output in enumerate(message.outputs):
        if output.name not in _OUTPUTS:
            raise _refused(f"outputs[{index}].name", f"must be one of {', '.join(_OUTPUTS)}")
        if "classification" in output.parameters or _shared(output):
            raise _refused(
                f"outputs[{index}].parameters",
                "asks for a classification or for shared memory, which are not served here",
            )
    return tuple(_OUTPUTS[output.name] for output in message.outputs) or OUTPUTS


def _tensors(
    message: service_pb2.ModelInferRequest, limits: Limits
) -> Mapping[str, Sequence[bytes]]:
    """Return the elements of each input by name; all with one for each candidate are equally long.

    Raises:
        RequestInvalidError: an input is missing, unknown, given twice, or not of its type or shape.
    """
    raw = message.raw_input_contents
    if raw and len(raw) != len(message.inputs):
        raise _refused(
            "raw_input_contents", f"holds {len(raw)} tensors for {len(message.inputs)} inputs"
        )
    tensors: dict[str, Sequence[bytes]] = {}
    for index, tensor in enumerate(message.inputs):
        spec = _checked_spec(tensor, f"inputs[{index}]", tensors)
        count = tensor.shape[0]
        if spec is TITLE and count > limits.candidates:
            raise violations.too_many_candidates(limits.candidates, count)
        if raw:
            tensors[spec.name] = unpack_bytes(raw[index], count, spec.name)
        else:
            tensors[spec.name] = tensor.contents.bytes_contents
            check_count(tensors[spec.name], count, spec.name)
    for spec in INPUTS:
        if spec.name not in tensors and not spec.optional:
            raise _refused(spec.name, "is missing; inputs are query, title and optional ones")
    count = len(tensors[TITLE.name])
    for spec in (FEATURES, ITEM_ID):
        if spec.name in tensors and len(tensors[spec.name]) != count:
            raise _refused(spec.name, f"has {len(tensors[spec.name])} elements for {count} titles")
    return tensors


def _checked_spec(
    tensor: service_pb2.ModelInferRequest.InferInputTensor,
    place: str,
    seen: Mapping[str, Sequence[bytes]],
) -> Tensor:
    spec = _INPUTS.get(tensor.name)
    if spec is None or spec.name in seen:
        raise _refused(f"{place}.name", f"must be one of {', '.join(_INPUTS)}, each given once")
    if tensor.datatype != spec.datatype:
        raise _refused(f"{spec.name}.datatype", f"must be {spec.datatype}")
    if _shared(tensor):
        raise _refused(spec.name, "lies in shared memory, which is not served here; send it")
    shape = tensor.shape
    if len(shape) != 1 or shape[0] < 0 or (spec.size == ONE and shape[0] != ONE):
        wanted = "[1]" if spec.size == ONE else "[n], n the number of candidates"
        raise _refused(f"{spec.name}.shape", f"must be {wanted}")
    return spec


def _take_parameters(
    message: service_pb2.ModelInferRequest, wire: prediction_pb2.PredictClicksRequest
) -> None:
    given = message.parameters
    if "user_id" in given:
        wire.user.user_id = given["user_id"].string_param
    for name, target in (
        ("user_features", wire.user.features),
        ("context_features", wire.context_features),
    ):
        if name in given:
            for key, value in features_of(given[name].string_param, name).items():
                target[key].CopyFrom(value)
    if "priority" in given:
        priority = given["priority"]
        number = max(priority.uint64_param, priority.int64_param)
        if number >= FIRST_BULK_PRIORITY or priority.string_param in _BULK:
            wire.priority = prediction_pb2.PRIORITY_BULK


def _add_candidates(
    wire: prediction_pb2.PredictClicksRequest, tensors: Mapping[str, Sequence[bytes]]
) -> Mapping[int, ItemError]:
    """Add one candidate a title; return the errors of those that could not be read."""
    titles = tensors[TITLE.name]
    features = tensors.get(FEATURES.name) or [b""] * len(titles)
    ids = tensors.get(ITEM_ID.name)
    errors: dict[int, ItemError] = {}
    for index, title in enumerate(titles):
        item = wire.candidates.add()
        try:
            # Without ids of the caller's own, the place in the list tells the items apart.
            item.item_id = str(index) if ids is None else _text(ids[index], "item_id")
            item.title = _text(title, "title")
            if features[index]:
                for key, value in features_of(features[index], "features").items():
                    item.features[key].CopyFrom(value)
        except RequestInvalidError as error:
            errors[index] = ItemError(error.reason, f"candidates[{index}].{error}")
    return errors


def _text(raw: bytes, field: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise _refused(field, f"is no valid UTF-8 ({len(raw)} bytes)") from None


def _shared(
    tensor: service_pb2.ModelInferRequest.InferInputTensor
    | service_pb2.ModelInferRequest.InferRequestedOutputTensor,
) -> bool:
    return "shared_memory_region" in tensor.parameters


def _refused(field: str, what: str) -> RequestInvalidError:
    return RequestInvalidError(f"{field} {what}", metadata={"field": field})
