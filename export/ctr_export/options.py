"""What the user of `ctr-export build` may choose. Light: `--help` shows the defaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ctr_export.catalogue import CATALOGUE
from ctr_export.gate import GateLimits
from ctr_export.triton.names import GPU_BATCH_TOKENS

if TYPE_CHECKING:
    from ctr_export.trim.options import TrimOptions


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """Options of one build.

    Attributes:
        candidates: names of those to try.
        pairs: most held-out test rows that candidates are judged on.
        calibration_pairs: most validation rows that calibrations are fitted on.
        limits: the gate's.
        judge_slow: judge candidates that are no faster than the plain graph, too.
        cores: cores to measure for.
        gpu_batch_tokens: most padded tokens of a batch of Triton's GPU targets.
        name, version: of the model; None for the checkpoint's own.
        seed: of samples, folds and shuffles.
        trim: how the vocabulary is trimmed first; None for not at all.
    """

    candidates: tuple[str, ...] = tuple(CATALOGUE)
    pairs: int = 2_000
    calibration_pairs: int = 10_000
    limits: GateLimits = field(default_factory=GateLimits)
    judge_slow: bool = False
    cores: int = 1
    gpu_batch_tokens: int = GPU_BATCH_TOKENS
    name: str | None = None
    version: str | None = None
    seed: int = 0
    trim: TrimOptions | None = None
