"""What the benches write, as far as the report reads it; further fields are kept and ignored."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from ctr_bench.errors import BenchError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

MAX_JSON_BYTES = 64 * 2**20
"""No bench writes more; a larger file is something else."""

_LIMIT = re.compile(r"p\d+(\.\d+)?_ms")
_ReadT = TypeVar("_ReadT", bound="Read")


class Read(BaseModel):
    """Part of a file: immutable, and open to fields that a newer bench adds."""

    model_config = ConfigDict(frozen=True, extra="allow")


class Slo(Read):
    """The promise: a percentile of latency and its limit, as `{"p99_ms": 100}`."""

    @property
    def name(self) -> str:
        """Such as "p99"."""
        return next(iter(self._limits()))

    @property
    def limit_ms(self) -> float:
        """Above 0."""
        return self._limits()[self.name]

    @model_validator(mode="after")
    def _has_one(self) -> Self:
        if len(self._limits()) != 1:
            raise PydanticCustomError("slo", "must hold one limit above 0, such as p99_ms")
        return self

    def _limits(self) -> dict[str, float]:
        return {
            name.removesuffix("_ms"): float(value)
            for name, value in (self.model_extra or {}).items()
            if _LIMIT.fullmatch(name) and isinstance(value, int | float) and value > 0
        }


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
    """One rate of a sweep."""

    rate_requests_s: float = Field(gt=0)
    requests: int = Field(ge=0)
    p50_ms: float | None = None
    p99_ms: float | None
    goodput_pairs_s: float | None
    offered_pairs_s: float | None = None
    good_share: float | None = None
    verdict: str
    valid: bool


class Knee(Read):
    """The highest rate that held; all None where none did."""

    rate_requests_s: float | None = None
    goodput_pairs_s: float | None = None
    p99_ms: float | None = None


class Sweep(Read):
    """`sweep.json`."""

    kind: Literal["sweep"]
    slo: Slo
    trials: list[Trial]
    knee: Knee | None = None
    fingerprint: dict[str, Any] = Field(default_factory=dict)

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
