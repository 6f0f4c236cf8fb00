"""Every span of the gateway: name, kind, parent, links, attributes. Nothing else names one.

A served call has one server span and up to five children, none per candidate. A batch serves rows
of several calls, so it is the root of a trace of its own and links to the calls' server spans.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

SCOPE = "ctr_service"
"""The instrumentation scope of all spans."""
SERVICE = "ctr-service"
"""`service.name`, unless OTEL_SERVICE_NAME or OTEL_RESOURCE_ATTRIBUTES says otherwise."""


class SpanKind(enum.Enum):
    """The kinds of OpenTelemetry that we use."""

    SERVER = "server"
    INTERNAL = "internal"


class Type(enum.Enum):
    """The types of attributes that we use."""

    STRING = "string"
    INT = "int"
    BOOLEAN = "boolean"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of a span or of the resource. None holds what a caller sent."""

    name: str
    type: Type
    meaning: str


@dataclass(frozen=True, slots=True)
class Span:
    """One span.

    Attributes:
        parents: names of the spans that may be its parent; a server span's is the caller's, or it
            is a root.
        links: names of the spans that it links to.
        attributes: what it may carry.
    """

    name: str
    kind: SpanKind
    meaning: str
    parents: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    attributes: tuple[Attribute, ...] = ()


RPC_SYSTEM = Attribute("rpc.system.name", Type.STRING, "Always `grpc`.")
RPC_METHOD = Attribute("rpc.method", Type.STRING, "Full name of the method, as in the span's name.")
RPC_STATUS = Attribute("rpc.status_code", Type.STRING, "Name of the gRPC code that ended the call.")
ERROR_TYPE = Attribute(
    "error.type",
    Type.STRING,
    "The same code, where the fault is the server's and the status ERROR.",
)
REASON = Attribute("ctr.reason", Type.STRING, "ErrorReason of a call that was refused or failed.")
CANDIDATES = Attribute("ctr.candidates", Type.INT, "Length of the list, once it is decoded.")
DEGRADED = Attribute(
    "ctr.degraded", Type.BOOLEAN, "Whether an item of the answer fell back; absent without answer."
)
MODEL_VERSION = Attribute("ctr.model.version", Type.STRING, "Version of the model that serves.")
GRAPH = Attribute("ctr.graph", Type.STRING, "Graph, engine and precision that serve.")
CALLER = Attribute("ctr.caller", Type.STRING, "Name of the caller in the tokens file, if there.")
SHED = Attribute("ctr.shed", Type.BOOLEAN, "True where the call was refused for want of room.")
BATCHES = Attribute("ctr.batches", Type.INT, "Batches that rows of the call were in.")
ROWS = Attribute("ctr.batch.rows", Type.INT, "Rows of the batch.")
TOKENS = Attribute("ctr.batch.tokens", Type.INT, "Tokens of its rows, padding left out.")
BUCKET_TOKENS = Attribute("ctr.batch.bucket_tokens", Type.INT, "Length that rows were padded to.")
FAILED_ROWS = Attribute("ctr.batch.failed_rows", Type.INT, "Rows that it left without a score.")
BACKEND = Attribute(
    "ctr.backend", Type.STRING, "Engine that ran it, `triton` for servers elsewhere."
)

PREDICTION, OPEN_INFERENCE = "ctr.v1.PredictionService", "inference.GRPCInferenceService"
_CALL = (
    *(RPC_SYSTEM, RPC_METHOD, RPC_STATUS, ERROR_TYPE, REASON, CALLER, SHED),
    *(MODEL_VERSION, GRAPH),
)
_LIST = (*_CALL, CANDIDATES, DEGRADED)


def _server(service: str, method: str, meaning: str, *, scores: bool = False) -> Span:
    attributes = _LIST if scores else _CALL
    return Span(f"{service}/{method}", SpanKind.SERVER, meaning, attributes=attributes)


PREDICT_CLICKS = _server(PREDICTION, "PredictClicks", "One list scored over ctr.v1.", scores=True)
GET_MODEL = _server(PREDICTION, "GetModel", "The model described over ctr.v1.")
MODEL_INFER = _server(
    OPEN_INFERENCE, "ModelInfer", "One list scored over Open Inference.", scores=True
)
DESCRIBING = tuple(
    _server(OPEN_INFERENCE, method, "Server or model described over Open Inference.")
    for method in ("ServerMetadata", "ModelMetadata", "ModelConfig", "ModelStatistics")
)
_LISTS = (PREDICT_CLICKS.name, MODEL_INFER.name)


def _stage(name: str, meaning: str, *attributes: Attribute) -> Span:
    return Span(name, SpanKind.INTERNAL, meaning, _LISTS, attributes=attributes)


FEATURES = _stage("ctr.features", "Features fetched, rows rendered as text.")
TOKENISING = _stage(
    "ctr.tokens", "Caches asked, texts turned into tokens, rows admitted to the queue."
)
QUEUE = _stage("ctr.queue", "From there to the begin of the first batch with a row of the call.")
COMPUTE = _stage("ctr.compute", "From there to the end of the last such batch.", BATCHES)
ANSWER = _stage("ctr.answer", "From the last score to the answer's bytes.")
BATCH = Span(
    "ctr.batch",
    SpanKind.INTERNAL,
    "One run of the engine.",
    links=_LISTS,
    attributes=(ROWS, TOKENS, BUCKET_TOKENS, FAILED_ROWS, BACKEND),
)
SERVER_SPANS = (PREDICT_CLICKS, GET_MODEL, MODEL_INFER, *DESCRIBING)
SPANS = (*SERVER_SPANS, FEATURES, TOKENISING, QUEUE, COMPUTE, ANSWER, BATCH)
"""All of the above."""

RESOURCE = (
    Attribute("service.name", Type.STRING, f"`{SERVICE}`, unless OTEL_SERVICE_NAME is set."),
    Attribute("service.version", Type.STRING, "Release of the gateway."),
    Attribute(
        "service.instance.id", Type.STRING, "Address of gRPC, and the worker's number if it is one."
    ),
)
"""What every span's resource says, beside what OTEL_RESOURCE_ATTRIBUTES adds."""
