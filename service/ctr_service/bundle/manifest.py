"""`manifest.json`: everything that a bundle says about itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ctr_service.bundle.calibration import Calibration
from ctr_service.bundle.features import FeatureSchema
from ctr_service.bundle.template import InputTemplate
from ctr_service.bundle.trimming import TrimmingRecord

if TYPE_CHECKING:
    from typing import Self

SCHEMA_VERSION = 1
JOINT_GRAPH = "joint"
"""The graph that reads query, user and item together. Split encoders will stand beside it."""

Sha256 = Field(pattern=r"^[0-9a-f]{64}$")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class TensorSpec(_Frozen):
    """One input or output of a graph. -1 in `shape` is a dynamic dimension."""

    name: str
    dtype: Literal["int32", "int64", "float32", "float16"]
    shape: tuple[int, ...]


class MeasuredCost(_Frozen):
    """Median seconds of one run of `rows` rows padded to `bucket_tokens`, one session thread."""

    bucket_tokens: int = Field(ge=1)
    rows: int = Field(ge=1)
    seconds: float = Field(gt=0)


class ParityFigures(_Frozen):
    """A graph against the PyTorch checkpoint and against itself; see `ctr_export.gate`."""

    pairs: int
    max_abs_delta_logit: float
    max_abs_delta_probability: float
    p99_abs_delta_probability: float
    auc: float | None
    auc_delta: float | None
    ece: float | None
    ece_delta: float | None
    rank_correlation: float | None
    invariance_max: float
    invariance_p99: float


class GraphVariant(_Frozen):
    """One graph for one engine at one precision, in a file of the bundle.

    Attributes:
        file: path inside the bundle; variants that run the same graph share it.
        extra_files: path inside the bundle -> sha256, of what the engine reads beside `file`.
        size_bytes: of all of them.
        calibration: belongs to the logits of this very variant.
        pairs_per_second: measured at the log's length mix by the sessions that serve.
        skips_padding: whether padding costs attention alone, so that rows of any lengths may share
            a batch.
    """

    file: str
    sha256: str = Sha256
    extra_files: dict[str, Annotated[str, Sha256]] = Field(default_factory=dict)
    size_bytes: int = Field(ge=1)
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    calibration: Calibration
    parity: ParityFigures
    costs: tuple[MeasuredCost, ...]
    pairs_per_second: float = Field(gt=0)
    skips_padding: bool = False


class Rejected(_Frozen):
    """A candidate that failed the gate: its figures stay, its file does not."""

    graph: str
    engine: str
    precision: str
    failures: tuple[str, ...]
    parity: ParityFigures | None
    pairs_per_second: float | None


class DefaultChoice(_Frozen):
    """Which variant serves unless the operator says otherwise, and where that was measured."""

    graph: str
    engine: str
    precision: str
    cpu: str


class Layout(_Frozen):
    """The batch layout measured best on the exporting machine."""

    buckets_tokens: tuple[int, ...] = Field(min_length=1)
    max_batch_tokens: int = Field(ge=1)
    sessions: int = Field(ge=1)
    threads_a_session: int = Field(ge=1)

    @model_validator(mode="after")
    def _rising(self) -> Self:
        buckets = self.buckets_tokens
        if list(buckets) != sorted(set(buckets)):
            raise ValueError("buckets_tokens must rise strictly")
        if self.max_batch_tokens < buckets[-1]:
            raise ValueError("max_batch_tokens must hold one row of the largest bucket")
        return self


class PlanRecord(_Frozen):
    """What built a TensorRT plan. It runs on this GPU and this TensorRT, and nowhere else.

    Attributes:
        graph_sha256: of the ONNX graph that it was built from.
        profiles: optimization profiles in it, one a bucket.
        max_abs_delta_probability: worst change against the float32 graph on held-out rows.
        p99_abs_delta_probability: the 99th percentile of it.
        pairs: held-out rows that it was judged on.
    """

    graph_sha256: str = Sha256
    gpu: str
    compute_capability: str
    driver_version: str
    tensorrt_version: str
    build_seconds: float = Field(ge=0)
    profiles: int = Field(ge=1)
    pairs: int = Field(ge=1)
    max_abs_delta_probability: float = Field(ge=0)
    p99_abs_delta_probability: float = Field(ge=0)


class TritonTarget(_Frozen):
    """One model repository under `triton/`, for one kind of Triton.

    Attributes:
        folder: path inside the bundle; what `tritonserver --model-repository` is given.
        model: the model's name in it.
        graph, engine, precision: the variant that it serves, or that a plan is built from.
        layout: what the gateway must pad to and pack, so that it meets warmed shapes only.
        shapes: (rows, bucket) of every warm-up sample.
        files: path inside the bundle -> sha256, of every file in the folder.
        plan: who built the TensorRT plan; None where there is none, or none yet.
    """

    folder: str
    model: str
    graph: str
    engine: str
    precision: str
    layout: Layout
    shapes: tuple[tuple[int, int], ...]
    files: dict[str, Annotated[str, Sha256]]
    plan: PlanRecord | None = None


class Manifest(_Frozen):
    """The bundle's table of contents.

    Attributes:
        weights_sha256: of the checkpoint's `model.safetensors`; where the vocabulary was trimmed,
            of the trimmed one.
        tokenizer_sha256: of the bundle's `tokenizer.json`.
        graphs: graph name -> engine -> precision -> variant.
        base_rate: click rate of the training log, with a position model the mean
            P(click | examined) of a list; the last fallback.
        target: what the probability means, for people.
        metrics: offline figures of the checkpoint, as `ctr-train` wrote them.
        tools: versions of what made the bundle.
        triton: target -> its model repository; empty in bundles of the first release.
        trimming: what `--trim-vocabulary` left and what it changed; None where it was not asked.
        created_unix_s: when it was built; None in bundles of releases before it was noted.
    """

    schema_version: Literal[1]
    model_name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")
    model_version: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")
    weights_sha256: str = Sha256
    tokenizer_sha256: str = Sha256
    template: InputTemplate
    features: FeatureSchema
    graphs: dict[str, dict[str, dict[str, GraphVariant]]]
    rejected: tuple[Rejected, ...] = ()
    default: DefaultChoice
    layout: Layout
    base_rate: float = Field(ge=0, le=1)
    target: str
    metrics: dict[str, float]
    tools: dict[str, str]
    triton: dict[str, TritonTarget] = Field(default_factory=dict)
    trimming: TrimmingRecord | None = None
    created_unix_s: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _default_exists(self) -> Self:
        try:
            self.variant(self.default.graph, self.default.engine, self.default.precision)
        except KeyError as error:
            raise ValueError(f"the default choice names no graph of the bundle: {error}") from error
        if self.layout.buckets_tokens[-1] < self.template.max_row_tokens:
            raise ValueError("the largest bucket must hold the template's longest row")
        return self

    @model_validator(mode="after")
    def _triton_serves_what_is_here(self) -> Self:
        for name, target in self.triton.items():
            try:
                self.variant(target.graph, target.engine, target.precision)
            except KeyError as error:
                raise ValueError(f"triton.{name} names no graph of the bundle: {error}") from error
            if target.layout.buckets_tokens[-1] < self.template.max_row_tokens:
                raise ValueError(f"triton.{name}: its largest bucket must hold the longest row")
        return self

    def variant(self, graph: str, engine: str, precision: str) -> GraphVariant:
        """Return one variant.

        Raises:
            KeyError: the bundle has no such graph.
        """
        return self.graphs[graph][engine][precision]
