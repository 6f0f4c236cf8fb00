"""What is promised, and how its burn is asked for, by the file `k8s/alerts/slo.yaml`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml
from pydantic import BaseModel, Field, ValidationError

from ctr_monitor.around.questions import BUCKET, CALLS, FAILED
from ctr_monitor.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

NOT_SHED = CALLS.replace("}", ',rpc_status_code!="RESOURCE_EXHAUSTED"}')
DEFAULT_WINDOWS = ("5m", "1h", "6h", "3d")
DURATION = r"^\d{1,6}[smhdw]$"


class _Target(BaseModel):
    target_percent: float = Field(gt=0, lt=100)

    @property
    def budget(self) -> float:
        return (100.0 - self.target_percent) / 100.0


class _Latency(_Target):
    threshold_ms: float = Field(gt=0)


class _Objectives(BaseModel):
    availability: _Target | None = None
    latency: list[_Latency] = Field(default_factory=list)
    shed: _Target | None = None
    degraded: _Target | None = None


class _Window(BaseModel):
    long: str = Field(pattern=DURATION)
    short: str = Field(pattern=DURATION)


class _File(BaseModel):
    """What the monitor needs of `k8s/alerts/slo.yaml`; the rest is the generator's."""

    objectives: _Objectives
    burn: list[_Window] = Field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Objective:
    """One objective.

    Attributes:
        promql: the bad share over $R, for a job $J.
        budget: the share that may be bad; None where no file says so.
    """

    slo: str
    promql: str
    budget: float | None


@dataclass(frozen=True, slots=True)
class Objectives:
    """What is promised, and the windows over which it is looked at, shortest first."""

    objectives: tuple[Objective, ...]
    windows: tuple[str, ...]


def objectives_from(path: Path | None) -> Objectives:
    """Return the objectives of a file; without one, bad shares alone.

    Raises:
        SettingsError: the file is not there, or not of the form of `k8s/alerts/slo.yaml`.
    """
    if path is None:
        return Objectives(_objectives(_Objectives()), DEFAULT_WINDOWS)
    try:
        read = _File.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except OSError as error:
        raise SettingsError(f"--slo {path}: {error.strerror}") from None
    except yaml.YAMLError:
        raise SettingsError(f"--slo {path}: no YAML") from None
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"--slo {path}: {where}: {first['msg']}") from None
    windows = {w for window in read.burn for w in (window.long, window.short)}
    return Objectives(
        _objectives(read.objectives),
        tuple(sorted(windows, key=seconds_of)) or DEFAULT_WINDOWS,
    )


def _objectives(read: _Objectives) -> tuple[Objective, ...]:
    def share(bad: str, whole: str) -> str:
        return f"(sum(rate({bad}[$R])) or vector(0)) / (sum(rate({whole}[$R])) > 0)"

    def late(threshold_ms: float) -> str:
        good = BUCKET.replace("}", f',le=~"{threshold_ms:g}([.]0)?"}}')
        count = BUCKET.replace("_bucket", "_count")
        return f"1 - sum(rate({good}[$R])) / (sum(rate({count}[$R])) > 0)"

    return (
        Objective("availability", share(FAILED, NOT_SHED), _budget(read.availability)),
        *(
            Objective(
                f"latency, {target.threshold_ms:g} ms", late(target.threshold_ms), target.budget
            )
            for target in read.latency
        ),
        Objective(
            "shed",
            share('ctr_refusals_total{$J,reason="OVERLOADED"}', CALLS),
            _budget(read.shed),
        ),
        Objective(
            "degraded", share("ctr_degraded_answers_total{$J}", CALLS), _budget(read.degraded)
        ),
    )


def _budget(target: _Target | None) -> float | None:
    return None if target is None else target.budget


def seconds_of(window: str) -> int:
    """Return the length of a window such as 5m, 1h, 3d."""
    return int(window[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}[window[-1]]
