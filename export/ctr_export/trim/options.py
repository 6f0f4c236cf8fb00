"""What the user of `ctr-export build --trim-vocabulary` may choose. Light: `--help` shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LEAST_COUNT = 1


@dataclass(frozen=True, slots=True)
class TrimOptions:
    """Options of one trimming.

    Attributes:
        log: the click log of the fit; its training rows say which word pieces are used.
        least_count: a piece of several characters stays if training rows use it so often.
    """

    log: Path
    least_count: int = LEAST_COUNT
