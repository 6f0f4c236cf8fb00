"""How requests arrive, as a person writes it: `poisson`, `burst:every=10,length=1,times=4` ..."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ctr_bench import schedule
from ctr_bench.errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ctr_bench.schedule import Times

HELP = (
    "poisson (random, as independent users come), constant (evenly spaced), "
    "burst:every=S,length=S,times=X (Poisson at --rate, X times that in the last `length` seconds "
    "of each `every`), ramp:A..B (Poisson, evenly from A to B requests/s; no --rate), "
    "diurnal:period=S,low=SHARE (Poisson, a cosine of which --rate is the peak), "
    "replay:FILE[,speed=X] (a line a request, seconds), or replay[:speed=X] (the times in the "
    "log of --workload log:FILE)."
)
_PARAMETERS: Mapping[str, Mapping[str, float]] = {
    "poisson": {},
    "constant": {},
    "burst": {"every": 10.0, "length": 1.0, "times": 3.0},
    "diurnal": {"period": 60.0, "low": 0.3},
    "replay": {"speed": 1.0},
}
"""Kind -> its parameters with their defaults. `ramp` is written apart."""
KINDS = (*_PARAMETERS, "ramp")


@dataclass(frozen=True, slots=True)
class Arrivals:
    """A parsed way to arrive.

    Attributes:
        kind: one of KINDS.
        numbers: its parameters.
        file: recorded times of a replay; None with `kind` replay takes the request log's.
    """

    kind: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    file: Path | None = None

    @property
    def needs_rate(self) -> bool:
        """Whether `--rate` has a meaning."""
        return self.kind not in ("ramp", "replay")

    def times(
        self, *, rate: float, seconds: float, seed: int, recorded_s: Sequence[float] = ()
    ) -> Times:
        """Return when requests are due; see `ctr_bench.schedule`.

        Args:
            rate: requests a second, for the kinds that need one.
            seconds: the length; a replay is cut there, 0 is the whole.
            seed: of the draws.
            recorded_s: times of the request log, for a replay without a file.

        Raises:
            BenchError: there is no such schedule; says why.
        """
        numbers = self.numbers
        try:
            match self.kind:
                case "poisson":
                    return schedule.poisson(rate, max(1, round(rate * seconds)), seed)
                case "constant":
                    return schedule.constant(rate, max(1, round(rate * seconds)))
                case "burst":
                    return schedule.burst(
                        rate,
                        seconds,
                        seed,
                        every_s=numbers["every"],
                        length_s=numbers["length"],
                        factor=numbers["times"],
                    )
                case "ramp":
                    return schedule.ramp(numbers["first"], numbers["last"], seconds, seed)
                case "diurnal":
                    return schedule.diurnal(
                        rate, seconds, seed, period_s=numbers["period"], low=numbers["low"]
                    )
                case _:
                    return self._replayed(recorded_s, seconds)
        except ValueError as error:
            raise BenchError(f"--arrivals {self.kind}: {error}") from None

    def _replayed(self, recorded_s: Sequence[float], seconds: float) -> Times:
        times_s = recorded_s if self.file is None else read_times(self.file)
        if not len(times_s):
            raise BenchError(
                "--arrivals replay needs times: name a file (replay:FILE), or a request log "
                "(--workload log:FILE)"
            )
        times = schedule.replayed(times_s, speed=self.numbers["speed"])
        return times[times <= seconds * schedule.NS_PER_S] if seconds else times

    def as_json(self) -> dict[str, object]:
        """Return what a run's file says of it."""
        found: dict[str, object] = {"kind": self.kind, **self.numbers}
        return found if self.file is None else {**found, "file": self.file.name}


def parse_arrivals(text: str) -> Arrivals:
    """Read a way to arrive.

    Raises:
        BenchError: it is none; names the part that is wrong and what may stand there.
    """
    kind, _, rest = text.partition(":")
    if kind == "ramp":
        return _ramp(rest)
    if kind not in _PARAMETERS:
        raise BenchError(f"--arrivals {kind!r} is none of {', '.join(KINDS)}")
    numbers = dict(_PARAMETERS[kind])
    file: Path | None = None
    for part in filter(None, rest.split(",")):
        name, is_pair, value = part.partition("=")
        if kind == "replay" and not is_pair and file is None:
            file = Path(part)
            continue
        if name not in numbers:
            known = ", ".join(numbers) or "no parameters"
            raise BenchError(f"--arrivals {kind} has no parameter {name!r}; it has {known}")
        numbers[name] = _number(kind, name, value)
    return Arrivals(kind, numbers, file)


def _ramp(rest: str) -> Arrivals:
    first, dots, last = rest.partition("..")
    if not dots:
        raise BenchError("--arrivals ramp is written ramp:FIRST..LAST, in requests/s")
    return Arrivals(
        "ramp", {"first": _number("ramp", "first", first), "last": _number("ramp", "last", last)}
    )


def _number(kind: str, name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise BenchError(f"--arrivals {kind}: {name} must be a number") from None


def read_times(path: Path) -> Sequence[float]:
    """Read a file of times: a line a request, seconds; a first line that is no number is a title.

    Raises:
        BenchError: it cannot be read, or a line is no time; says which.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise BenchError(f"{path} cannot be read: {reason}") from None
    times_s: list[float] = []
    for number, line in enumerate(lines, start=1):
        try:
            time_s = float(line.split(",")[0])
        except ValueError:
            if number == 1:
                continue
            raise BenchError(f"{path}, line {number}: is no time in seconds") from None
        if not np.isfinite(time_s) or (times_s and time_s < times_s[-1]):
            raise BenchError(f"{path}, line {number}: times must be numbers that never fall")
        times_s.append(time_s)
    if not times_s:
        raise BenchError(f"{path} holds no times")
    return times_s
