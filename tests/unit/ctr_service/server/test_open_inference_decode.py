"""ModelInfer's message -> a search: forms, shapes, parameters, and every refusal's sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tritonclient.grpc import service_pb2

from ctr.v1 import prediction_pb2
from ctr_service.bundle.template import Renderer
from ctr_service.errors import ModelNotFoundError, Reason, RequestInvalidError
from ctr_service.server.decode import Decoder
from ctr_service.server.open_inference_bytes import pack_bytes
from ctr_service.server.open_inference_decode import budget_ns, check_model, decode_infer
from ctr_service.server.open_inference_tensors import CLICK_PROBABILITY, OUTPUTS, STATUS
from ctr_service.types import Priority
from tests.support.tiny_bundle import TINY_SCHEMA, TINY_TEMPLATE

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ctr_service.server.open_inference_decode import Asked

CANARY = "canary-name"


def a_request(**tensors: list[bytes]) -> Any:  # noqa: ANN401 -- tritonclient has no types
    """A request in raw form; the query is "mug" unless told."""
    request = service_pb2.ModelInferRequest(model_name="tiny")
    for name, elements in {"query": [b"mug"], **tensors}.items():
        request.inputs.add(name=name, datatype="BYTES", shape=[len(elements)])
        request.raw_input_contents.append(pack_bytes(elements))
    return request


def decoded(request: Any) -> Asked:  # noqa: ANN401 -- tritonclient has no types
    """Decode with the tiny model's schema."""
    decoder = Decoder(Renderer(TINY_TEMPLATE, TINY_SCHEMA))
    return decode_infer(request, decoder, request_id="r", deadline_ns=7)


def test_tensors_become_candidates_in_order() -> None:
    """Without ids the place tells items apart; features keep their types."""
    asked = decoded(a_request(title=[b"a", b"b"], features=[b'{"price": 3, "tags": ["x"]}', b""]))
    first, second = asked.search.candidates
    assert (asked.search.query, asked.search.deadline_ns) == ("mug", 7)
    assert (first.item_id, first.title, dict(first.features)) == (
        "0",
        "a",
        {"price": 3, "tags": ("x",)},
    )
    assert (second.item_id, dict(second.features)) == ("1", {})
    assert asked.outputs == OUTPUTS


def test_ids_may_be_given() -> None:
    """Then they count as in ctr.v1: a repeated or broken one is that candidate's error."""
    asked = decoded(a_request(title=[b"a"] * 4, item_id=[b"x", b"x", b"\xff", b"1"]))
    errors = [c.error.reason if c.error else None for c in asked.search.candidates]
    assert errors == [None, Reason.DUPLICATE_ITEM_ID, Reason.MALFORMED_REQUEST, None]


def test_parameters_carry_what_tensors_cannot() -> None:
    """User, context, priority."""
    request = a_request(title=[b"a"])
    request.parameters["user_id"].string_param = "u1"
    request.parameters["user_features"].string_param = '{"segment": "new"}'
    request.parameters["context_features"].string_param = '{"hour": 8}'
    request.parameters["priority"].uint64_param = 2
    search = decoded(request).search
    assert (search.user_id, search.user_features) == ("u1", {"segment": "new"})
    assert search.context_features == {"hour": 8}
    assert search.priority is Priority.BULK


@pytest.mark.parametrize(
    ("field", "value", "priority"),
    [
        ("uint64_param", 1, Priority.INTERACTIVE),
        ("int64_param", 2, Priority.BULK),
        ("string_param", "bulk", Priority.BULK),
        ("string_param", "interactive", Priority.INTERACTIVE),
    ],
)
def test_priority_in_each_of_its_forms(field: str, value: object, priority: Priority) -> None:
    """Triton's number (1 is its highest) or a word."""
    request = a_request(title=[b"a"])
    setattr(request.parameters["priority"], field, value)
    assert decoded(request).search.priority is priority


def test_named_outputs_come_in_the_order_asked() -> None:
    """Only those, as the protocol says."""
    request = a_request(title=[b"a"])
    request.outputs.add(name="status")
    request.outputs.add(name="click_probability")
    assert decoded(request).outputs == (STATUS, CLICK_PROBABILITY)


def _spoilt(change: Callable[[Any], object]) -> Callable[[], Any]:
    def make() -> Any:  # noqa: ANN401 -- tritonclient has no types
        request = a_request(title=[b"a"])
        change(request)
        return request

    return make


REFUSALS: list[tuple[Callable[[], Any], str]] = [
    (lambda: a_request(title=[]), "candidates is empty"),
    (lambda: a_request(title=[b"a"] * 1001), "1001"),
    (lambda: a_request(title=[b"a"], features=[b"{}"] * 2), "features has 2 elements for 1"),
    (lambda: a_request(title=[b"a"], **{CANARY: [b"x"]}), "inputs[2].name must be one of"),
    (lambda: a_request(query=[b"\xff"], title=[b"a"]), "query is no valid UTF-8"),
    (lambda: a_request(query=[b"q" * 257], title=[b"a"]), "query has 257 characters"),
    (_spoilt(lambda r: r.inputs.add(name="title", datatype="BYTES", shape=[1])), "holds 2 tensors"),
    (_spoilt(lambda r: r.raw_input_contents.pop()), "holds 1 tensors for 2 inputs"),
    (_spoilt(lambda r: r.ClearField("raw_input_contents")), "query has 0 elements"),
    (_spoilt(lambda r: setattr(r.inputs[1], "datatype", "FP32")), "title.datatype must be BYTES"),
    (_spoilt(lambda r: r.inputs[1].shape.append(1)), "title.shape must be [n]"),
    (_spoilt(lambda r: r.inputs[1].shape.__setitem__(0, -1)), "title.shape must be [n]"),
    (_spoilt(lambda r: r.inputs[1].shape.__setitem__(0, 9)), "title has 1 elements"),
    (_spoilt(lambda r: r.outputs.add(name=CANARY)), "outputs[0].name must be one of"),
    (
        _spoilt(lambda r: r.inputs[1].parameters["shared_memory_region"].MergeFromString(b"")),
        "shared memory",
    ),
    (
        _spoilt(
            lambda r: r.outputs.add(name="status").parameters["classification"].MergeFromString(b"")
        ),
        "classification",
    ),
    (
        _spoilt(lambda r: setattr(r.parameters["user_features"], "string_param", CANARY)),
        "user_features is no JSON object",
    ),
]


@pytest.mark.parametrize(("make", "part"), REFUSALS)
def test_a_broken_rule_is_a_sentence_without_the_callers_text(
    make: Callable[[], Any], part: str
) -> None:
    """The field and the rule; an unknown name is the caller's own text, so it is not repeated."""
    with pytest.raises(RequestInvalidError) as caught:
        decoded(make())
    assert part in str(caught.value)
    assert CANARY not in f"{caught.value}{caught.value.metadata}"


def test_the_timeout_parameter_only_shortens() -> None:
    """Microseconds; none, or a longer one, leaves the call's own budget."""
    request = a_request(title=[b"a"])
    assert budget_ns(request, 5_000_000) == 5_000_000
    request.parameters["timeout"].int64_param = 2_000
    assert budget_ns(request, 5_000_000) == 2_000_000
    assert budget_ns(request, 1_000_000) == 1_000_000


@pytest.mark.parametrize(("name", "version"), [("other", ""), ("tiny", "other")])
def test_another_model_is_not_found(name: str, version: str) -> None:
    """Named is what serves, not what was asked for."""
    served = prediction_pb2.GetModelResponse(name="tiny", version="t1")
    check_model("", "", served)
    check_model("tiny", "t1", served)
    with pytest.raises(ModelNotFoundError, match="tiny, version t1") as caught:
        check_model(name, version, served)
    assert "other" not in str(caught.value).replace("another", "")
