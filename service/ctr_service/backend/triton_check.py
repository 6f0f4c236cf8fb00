"""Does a Triton server serve this very graph of this very bundle? Pure, given its ModelConfig.

Every mismatch names the field, what Triton has, what the bundle has, and what to do. A score of
another model would look like any other, so nothing is sent before all of it fits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tritonclient.grpc import model_config_pb2

from ctr_service.backend.triton_wire import ModelWire, TensorWire

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ctr_service.bundle.manifest import TensorSpec

MODEL_PREFIX = "ctr_"
"""A graph's name in Triton is this and its name in the bundle: `ctr_joint`."""
MODEL_VERSION = "ctr_model_version"
GRAPH_SHA256 = "ctr_graph_sha256"
PRECISION = "ctr_precision"
ENGINE = "ctr_engine"
GRAPH = "ctr_graph"
TARGET = "ctr_target"
IDENTITY = (TARGET, GRAPH, MODEL_VERSION, GRAPH_SHA256, PRECISION, ENGINE)
"""Parameters of the config, as the exporter writes them; a test holds them to its names."""
REBUILD = (
    "export the bundle again with `ctr-export build` and let Triton load the `triton/` folder of "
    "the bundle that the gateway serves"
)
_DATATYPES = {"int32": "INT32", "int64": "INT64", "float16": "FP16", "float32": "FP32"}


@dataclass(frozen=True, slots=True)
class Expected:
    """What the bundle says of the graph.

    Attributes:
        graph: its name in the bundle.
        parameters: of the config, and what each must be.
        inputs, outputs: as the manifest has them.
        max_rows: the rows of the largest batch that the gateway will form.
    """

    graph: str
    parameters: Mapping[str, str]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    max_rows: int

    @property
    def model(self) -> str:
        """Its name in Triton."""
        return f"{MODEL_PREFIX}{self.graph}"


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One field in which Triton and the bundle differ."""

    field: str
    there: str
    here: str
    remedy: str = REBUILD

    def __str__(self) -> str:
        return f"{self.field}: Triton has {self.there}, the bundle {self.here}; {self.remedy}"


@dataclass(frozen=True, slots=True)
class Accepted:
    """A server that fits.

    Attributes:
        wire: what requests look like.
        instances: batches that it runs at once.
    """

    wire: ModelWire
    instances: int


def check_config(
    config: model_config_pb2.ModelConfig, versions: Sequence[str], expected: Expected
) -> Accepted | tuple[Mismatch, ...]:
    """Compare.

    Args:
        config: as the server runs it, its own additions included.
        versions: version numbers that are ready.
        expected: what the bundle says.
    """
    found = (
        *_identity(config, versions, expected),
        *_tensors("input", config.input, expected.inputs, config.max_batch_size > 0),
        *_tensors("output", config.output, expected.outputs, config.max_batch_size > 0),
        *_bounds(config, expected),
    )
    if found:
        return found
    batched = config.max_batch_size > 0
    wire = ModelWire(
        config.name,
        versions[0],
        tuple(_wire(spec, batched) for spec in expected.inputs),
        tuple(_wire(spec, batched) for spec in expected.outputs),
    )
    return Accepted(wire, instances_of(config))


def instances_of(config: model_config_pb2.ModelConfig) -> int:
    """Return how many batches the model runs at once: instances, on each GPU named."""
    counts = [int(g.count) * max(1, len(g.gpus)) for g in config.instance_group]
    return max(1, sum(counts))


def parameter(config: model_config_pb2.ModelConfig, name: str) -> str:
    """Return a parameter of the config; empty when it has none of the name."""
    return str(config.parameters[name].string_value) if name in config.parameters else ""


def _identity(
    config: model_config_pb2.ModelConfig, versions: Sequence[str], expected: Expected
) -> Iterator[Mismatch]:
    if config.name != expected.model:
        yield Mismatch("model name", repr(config.name), repr(expected.model))
    if len(versions) != 1:
        yield Mismatch(
            "versions",
            f"{len(versions)} ready ({', '.join(versions)})",
            "one",
            "leave one version folder in the model's folder, or set version_policy to it",
        )
    for name, value in expected.parameters.items():
        if (there := parameter(config, name)) != value:
            yield Mismatch(f"parameter {name}", there or "none", value)


def _tensors(
    kind: str,
    there: Sequence[model_config_pb2.ModelInput] | Sequence[model_config_pb2.ModelOutput],
    here: Sequence[TensorSpec],
    batched: bool,  # noqa: FBT001 -- private, and named where it is given
) -> Iterator[Mismatch]:
    by_name = {tensor.name: tensor for tensor in there}
    for extra in sorted(by_name.keys() - {spec.name for spec in here}):
        optional = kind == "output" or by_name[extra].optional
        if not optional:
            yield Mismatch(f"{kind} {extra}", "it", "none of the name")
    for spec in here:
        tensor = by_name.get(spec.name)
        if tensor is None:
            yield Mismatch(f"{kind} {spec.name}", "none of the name", "it")
            continue
        datatype = model_config_pb2.DataType.Name(tensor.data_type).removeprefix("TYPE_")
        if datatype != _DATATYPES[spec.dtype]:
            yield Mismatch(f"{kind} {spec.name} data_type", datatype, _DATATYPES[spec.dtype])
        dims, wanted = list(tensor.dims), _dims(spec, batched)
        if dims != wanted:
            yield Mismatch(f"{kind} {spec.name} dims", str(dims), str(wanted))


def _bounds(config: model_config_pb2.ModelConfig, expected: Expected) -> Iterator[Mismatch]:
    if 0 < config.max_batch_size < expected.max_rows:
        yield Mismatch(
            "max_batch_size",
            str(config.max_batch_size),
            f"batches of {expected.max_rows} rows",
            f"set max_batch_size to {expected.max_rows}: Triton refuses what is above it",
        )


def _dims(spec: TensorSpec, batched: bool) -> list[int]:  # noqa: FBT001 -- as above
    """Return the config's dims; a batched one leaves the rows out, and knows no tensor of none."""
    return (list(spec.shape[1:]) or [1]) if batched else list(spec.shape)


def _wire(spec: TensorSpec, batched: bool) -> TensorWire:  # noqa: FBT001 -- as above
    padded = batched and len(spec.shape) == 1
    return TensorWire(spec.name, _DATATYPES[spec.dtype], len(spec.shape), padded)
