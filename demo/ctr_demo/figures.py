"""The demo's figures: what was served, against the labels and, where there is one, the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctr_train.metrics import auc, auc_within_group, ece, log_loss, normalised_entropy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ctr_service.bundle.manifest import Manifest

    Floats = NDArray[np.float64]

NARROW_NUMBERS = ("avx512_vnni", "avx_vnni", "avx512_bf16", "amx_")
"""Instruction sets, as the manifest names them, that make 8-bit or bfloat16 graphs fast."""


@dataclass(frozen=True, slots=True)
class HeldOutRows:
    """Labels of the rows that were served, in serving order; every array is [rows].

    Attributes:
        target, weight: click rate and impressions.
        examined: P(examined) of the position that the row was shown at; None without positions.
        search: code of the search that a row belongs to.
        attraction: true P(click | examined); None unless the log was generated.
    """

    target: Floats
    weight: Floats
    examined: Floats | None
    search: NDArray[np.int64]
    attraction: Floats | None


def label_figures(rows: HeldOutRows, served: Floats, offline: Floats) -> dict[str, float]:
    """Return AUC (served, offline, within a search), log loss, ECE and normalised entropy.

    Where the log has positions, log loss, ECE and entropy compare clicks with
    examination[position] * P(click | examined): the clicks of the log were made under that bias.
    """
    clicked = served if rows.examined is None else served * rows.examined
    return {
        "auc_offline": auc(rows.target, offline, rows.weight),
        "auc_served": auc(rows.target, served, rows.weight),
        "auc_within_search": auc_within_group(rows.target, served, rows.weight, group=rows.search),
        "log_loss": log_loss(rows.target, clicked, rows.weight),
        "ece": ece(rows.target, clicked, rows.weight),
        "normalised_entropy": normalised_entropy(rows.target, clicked, rows.weight),
        "served_max_abs_dp": float(np.abs(served - offline).max()),
    }


def truth_figures(rows: HeldOutRows, served: Floats) -> dict[str, float]:
    """Return what only a generated log can tell: Bayes AUC, and the distance to the truth.

    The Bayes score is the true attraction: no model that does not see the position can do better.

    Raises:
        ValueError: the rows carry no true attraction.
    """
    if rows.attraction is None:
        raise ValueError("a log that was not generated has no true attraction")
    return {
        "auc_bayes": auc(rows.target, rows.attraction, rows.weight),
        "ece_to_truth": ece(rows.attraction, served, rows.weight),
    }


def engine_figures(manifest: Manifest) -> dict[str, float]:
    """Return what the exporter measured of the default graph against ONNX Runtime's float32.

    Nothing where the exporting CPU has neither 8-bit nor bfloat16 instructions: float32 may well be
    the fastest there.
    """
    choice = manifest.default
    if not any(flag in choice.cpu for flag in NARROW_NUMBERS):
        return {}
    chosen = manifest.variant(choice.graph, choice.engine, choice.precision)
    plain = manifest.variant(choice.graph, "onnxruntime", "fp32")
    return {
        "engine_speedup": chosen.pairs_per_second / plain.pairs_per_second,
        "engine_moved_max": chosen.parity.invariance_max,
    }


def latency_figures(latencies_ns: Sequence[int]) -> dict[str, float]:
    """Return p50 and p99 of whole searches in milliseconds."""
    p50, p99 = np.percentile(np.asarray(latencies_ns, dtype=np.float64) / 1e6, [50, 99])
    return {"p50_ms": float(p50), "p99_ms": float(p99)}
