"""The latency that callers are promised: "p99=100ms"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_bench.errors import BenchError
from ctr_bench.verdict import Claim

if TYPE_CHECKING:
    from typing import Self

_FORM = re.compile(r"p(?P<percent>\d{2}(?:\.\d+)?)=(?P<limit>\d+(?:\.\d+)?)(?P<unit>ms|s)")
_MS = {"ms": 1.0, "s": 1_000.0}
LEAST_PERCENT = 50.0


@dataclass(frozen=True, slots=True)
class Slo:
    """A percentile of latency and its limit.

    Attributes:
        limit_ms: above 0.
        percent: of all requests, a failed one being endless; 50 to below 100.
    """

    limit_ms: float
    percent: float = 99.0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "p99=100ms", "p99.9=0.5s".

        Raises:
            BenchError: it is not of this form, or out of range.
        """
        found = _FORM.fullmatch(text.strip())
        if found is None:
            raise BenchError(f"--slo must be like p99=100ms or p99.9=0.5s, not {text!r}")
        percent = float(found["percent"])
        limit_ms = float(found["limit"]) * _MS[found["unit"]]
        if percent < LEAST_PERCENT or limit_ms <= 0:
            raise BenchError(f"--slo takes p50 to p99.99 and a limit above 0, not {text!r}")
        return cls(limit_ms, percent)

    @property
    def claim(self) -> Claim:
        """What must be true of a rate that keeps it."""
        return Claim(late_share=round(1 - self.percent / 100, 9))

    @property
    def name(self) -> str:
        """Such as "p99"."""
        return f"p{self.percent:g}"

    def as_json(self) -> dict[str, object]:
        """Return it as results hold it."""
        return {"percentile": self.percent, "limit_ms": self.limit_ms, "text": str(self)}

    def __str__(self) -> str:
        return f"{self.name} <= {self.limit_ms:g} ms"
