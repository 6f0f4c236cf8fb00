"""`plan.json`, as far as the report reads it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AliasChoices, Field, model_validator
from pydantic_core import PydanticCustomError

from ctr_bench.report.artefacts import Read, Slo, Sweep


class Forecast(Read):
    """The loads to hold: steps, each from its time to the next one's."""

    peak_pairs_s: float = Field(ge=0)
    times_s: list[float] = Field(default_factory=list)
    pairs_s: list[float] = Field(default_factory=list)


class Policy(Read):
    """What to survive."""

    headroom: float = Field(gt=0, le=1)
    failures: int = Field(ge=0)
    surge: float = Field(ge=0)


class Sizing(Read):
    """How the number of replicas came about."""

    for_peak: int
    with_failures: int
    for_surge: int
    decided_by: str


class Cost(Read):
    """Money, in the price's currency: an hour of all replicas, and a million scores."""

    an_hour: float
    full: float
    fixed: float
    following: float


class Start(Read):
    """Cold starts: seconds to SERVING and to the first answer, one each."""

    serving_s: list[float]
    answer_s: list[float] = Field(default_factory=list)
    rss_bytes: float | None = None


class ReplicaRun(Read):
    """Replicas under load here, some of them killed on the way."""

    replicas: int
    killed: int
    p99_ms: float | None
    late: int
    failed: int
    requests: int
    held: bool
    valid: bool


class Verification(ReplicaRun):
    """Such a run, and whether it bore out what the plan claims."""

    claim: str
    true: bool


class CachePoint(Read):
    """Goodput with a share of the scores cached; p99 is endless where no rate held."""

    cached_share: float = Field(validation_alias=AliasChoices("cached_share", "hit_share"))
    pairs_s: float = Field(validation_alias=AliasChoices("pairs_s", "goodput_pairs_s"))
    p99_ms: float | None


class Usl(Read):
    """A fit of the Universal Scalability Law."""

    rate: float
    contention: float
    coherence: float
    numbers: list[float] = Field(min_length=1)
    throughputs: list[float]
    residuals: list[float]

    @property
    def columns(self) -> tuple[list[float], list[float], list[float]]:
        """Numbers, throughputs, residuals; of one length."""
        return self.numbers, self.throughputs, self.residuals

    @model_validator(mode="after")
    def _equally_long(self) -> Usl:
        if len(set(map(len, self.columns))) != 1:
            raise PydanticCustomError("length", "numbers, throughputs, residuals differ in length")
        return self


class Plan(Read):
    """`plan.json`; what was not measured, or not yet when it was stopped, is absent."""

    kind: Literal["plan"]
    slo: Slo
    forecast: Forecast
    policy: Policy
    partial: bool = False
    error: str = ""
    goodput_pairs_s: float | None = None
    goodput_given: bool = False
    replicas: int | None = None
    sizing: Sizing | None = None
    replicas_by_time: list[int] = Field(default_factory=list)
    cost_a_million: Cost | None = None
    autoscaling: dict[str, Any] = Field(default_factory=dict)
    start: Start | None = None
    sweep: Sweep | None = None
    queue: dict[str, Any] = Field(default_factory=dict)
    usl: Usl | None = None
    cache: list[CachePoint] = Field(default_factory=list)
    loss: ReplicaRun | None = None
    verification: list[Verification] = Field(default_factory=list)
    fingerprint: dict[str, Any] = Field(default_factory=dict)
