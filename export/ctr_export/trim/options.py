"""What the user of `ctr-export build --trim-vocabulary` may choose. Light: `--help` shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LEAST_COUNT = 1
AUC_DROP = 0.01
"""Five times what a reduced precision may cost: who trims asked for words to be read otherwise."""


@dataclass(frozen=True, slots=True)
class TrimOptions:
    """Options of one trimming.

    Attributes:
        log: the click log of the fit; its training rows say which word pieces are used.
        least_count: a piece of several characters stays if training rows use it so often.
        auc_drop: most that the AUC of held-out pairs may fall by it.
    """

    log: Path
    least_count: int = LEAST_COUNT
    auc_drop: float = AUC_DROP
