"""What the benches write, as far as the report reads it; further fields are kept and ignored."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError, model_validator

from ctr_bench.errors import BenchError

if TYPE_CHECKING:
    from pathlib import Path

MAX_JSON_BYTES = 64 * 2**20
"""No bench writes more; a larger file is something else."""

_LIMIT = re.compile(r"p(\d+(?:\.\d+)?)_ms")
_ReadT = TypeVar("_ReadT", bound="Read")


class Read(BaseModel):
    """Part of a file: immutable, and open to fields that a newer bench adds."""

    model_config = ConfigDict(frozen=True, extra="allow")


class Slo(Read):
    """The promise: a percentile of latency, and its limit.

    Written as `{"percentile": 99, "limit_ms": 100}` or, in a run, as `{"p99_ms": 100}`.
    """

    percentile: float = Field(ge=50, lt=100)
    limit_ms: float = Field(gt=0)

    @property
    def name(self) -> str:
        """Such as "p99"."""
        return f"p{self.percentile:g}"

    @model_validator(mode="before")
    @classmethod
    def _one_key(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        found = [(match[1], name) for name in value if (match := _LIMIT.fullmatch(str(name)))]
        if len(found) != 1:
            return value
        percent, name = found[0]
        return {"percentile": float(percent), "limit_ms": value[name]}


class RunFigures(Read):
    """Headline figures of a run.

    Attributes:
        p50_ms, p90_ms, p99_ms, p999_ms, max_ms: from the scheduled time; None or infinite where so
            many requests were not answered well that there is no such time.
        good_share: of all requests, those answered complete and undegraded, at whatever time.
        codes: requests by the name of their gRPC code.
    """

    requests: int = Field(ge=0)
    p50_ms: float | None
    p90_ms: float | None = None
    p99_ms: float | None
    p999_ms: float | None = None
    max_ms: float | None = None
    goodput_pairs_s: float | None
    goodput_requests_s: float | None = None
    good_share: float | None
    offered_pairs_s: float | None = None
    degraded_share: float | None = None
    codes: dict[str, int] = Field(default_factory=dict)
    send_lag_p99_ms: float | None = None
    generator_cpu_share: float | None = None


class Run(Read):
    """`run.json` of a run's folder.

    Attributes:
        valid: False where the generator was too late for the figures to mean anything.
        partial: True where the run was stopped before its end.
    """

    kind: Literal["run"]
    name: str
    started: datetime
    command: list[str] = Field(default_factory=list)
    target: str
    protocol: str
    loop: Literal["open", "closed"]
    arrivals: dict[str, Any] = Field(default_factory=dict)
    workload: dict[str, Any] = Field(default_factory=dict)
    offered_requests_s: float | None = None
    deadline_ms: float | None = None
    slo: Slo | None = None
    seconds: float = Field(ge=0)
    valid: bool
    invalid_reasons: list[str] = Field(default_factory=list)
    partial: bool
    figures: RunFigures
    server: dict[str, Any] = Field(default_factory=dict)
    fingerprint: dict[str, Any] = Field(default_factory=dict)


class Trial(Read):
    """One load of a sweep.

    Attributes:
        slo_percentile_ms: the percentile that the SLO is about, where it is not p99.
    """

    rate_requests_s: float = Field(gt=0, validation_alias=AliasChoices("rate_requests_s", "rate"))
    requests: int = Field(ge=0)
    p50_ms: float | None = None
    p99_ms: float | None
    slo_percentile_ms: float | None = None
    goodput_pairs_s: float | None
    offered_pairs_s: float | None = None
    good_share: float | None = None
    verdict: str
    valid: bool

    @property
    def slow_ms(self) -> float | None:
        """The percentile to hold against the SLO."""
        return self.p99_ms if self.slo_percentile_ms is None else self.slo_percentile_ms


class Knee(Read):
    """The highest rate that held; the rate is None where none did."""

    rate_requests_s: float | None = Field(
        default=None, validation_alias=AliasChoices("rate_requests_s", "requests_s")
    )
    goodput_pairs_s: float | None = None
    goodput_pairs_s_spread: tuple[float, float] | None = None
    p99_ms: float | None = None
    confirmed: bool = True


class Sweep(Read):
    """`sweep.json`, or the sweep in a plan."""

    slo: Slo
    trials: list[Trial]
    knee: Knee | None = None
    partial: bool = False
    error: str = ""
    fingerprint: dict[str, Any] = Field(default_factory=dict)

    @property
    def stopped(self) -> bool:
        """Whether it was stopped, rather than ended by what it found."""
        return self.partial and not self.error

    @property
    def held(self) -> Knee | None:
        """The knee; None where no rate held."""
        return self.knee if self.knee and self.knee.rate_requests_s else None


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        BenchError: the file is absent, too large or holds something else.
    """
    try:
        if (size := path.stat().st_size) > MAX_JSON_BYTES:
            raise BenchError(f"{path}: {size:,} bytes; a bench writes at most {MAX_JSON_BYTES:,}")
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise BenchError(f"{path}: there is no such file") from None
    except OSError as error:
        raise BenchError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BenchError(f"{path}: is not UTF-8 text, so it is no bench's JSON") from None
    except json.JSONDecodeError as error:
        raise BenchError(f"{path}: is not JSON: {error.msg} in line {error.lineno}") from None
    if not isinstance(content, dict):
        raise BenchError(f"{path}: holds no JSON object at its top")
    return content


def parsed(model: type[_ReadT], content: dict[str, Any], path: Path) -> _ReadT:
    """Return the content as a model.

    Raises:
        BenchError: a field is absent or malformed; the message names the file and the field.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first, *others = error.errors(include_input=False, include_url=False)
        field = ".".join(map(str, first["loc"])) or "top"
        more = f" ({len(others)} more fields are wrong)" if others else ""
        raise BenchError(f"{path}: field {field}: {first['msg']}{more}") from None
