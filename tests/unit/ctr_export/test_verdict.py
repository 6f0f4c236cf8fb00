"""Claims about the choice of the default."""

from __future__ import annotations

from pathlib import Path

from ctr_export.catalogue import (
    CATALOGUE,
    DYNAMIC,
    FUSED,
    OPENVINO_BF16,
    OPENVINO_STATIC,
    PLAIN,
    STATIC,
    TOKEN,
    UNPADDED,
)
from ctr_export.measure import Speed
from ctr_export.trials import Trial
from ctr_export.verdict import Verdict, choose_default, is_faster, too_slow


def _verdict(precision: str, speed: float, *failures: str, noise: float = 0.0) -> Verdict:
    return Verdict(
        CATALOGUE[precision], Path(precision), Speed(speed, noise), failures=tuple(failures)
    )


def _refusal(name: str, speed: float) -> str:
    return too_slow(Trial(CATALOGUE[name], Path(name), Speed(speed, 0)), Speed(100, 0))


def _chosen(*verdicts: Verdict) -> str:
    return choose_default(verdicts).candidate.name


def test_the_fastest_that_passes_is_the_default() -> None:
    """A faster graph that failed does not count."""
    fast = _verdict(DYNAMIC, 1200, "depends on its batch")
    assert _chosen(_verdict(PLAIN, 500), _verdict(TOKEN, 1100), fast) == TOKEN


def test_a_tie_goes_to_the_more_precise() -> None:
    """Within noise of each other, float32 beats 8 bits, however the coin fell."""
    assert _chosen(_verdict(PLAIN, 500), _verdict(TOKEN, 540)) == PLAIN
    assert _chosen(_verdict(PLAIN, 500), _verdict(TOKEN, 570, noise=0.2)) == PLAIN
    assert _chosen(_verdict(PLAIN, 500), _verdict(TOKEN, 570)) == TOKEN


def test_of_equal_precision_the_faster_one_is_chosen() -> None:
    """Nothing is given up for it, so the smallest difference counts."""
    assert _chosen(_verdict(FUSED, 505), _verdict(PLAIN, 500)) == FUSED
    assert _chosen(_verdict(PLAIN, 500), _verdict(UNPADDED, 505)) == UNPADDED
    assert _chosen(_verdict(PLAIN, 100), _verdict(STATIC, 505), _verdict(TOKEN, 500)) == STATIC


def test_engines_compete_and_a_tie_keeps_the_usual_one() -> None:
    """OpenVINO must be faster beyond noise than ONNX Runtime at the same number of bits."""
    ours = _verdict(STATIC, 1000)
    assert _chosen(ours, _verdict(OPENVINO_STATIC, 1050)) == STATIC
    assert _chosen(ours, _verdict(OPENVINO_STATIC, 1200)) == OPENVINO_STATIC
    assert _chosen(ours, _verdict(OPENVINO_BF16, 950)) == OPENVINO_BF16


def test_the_catalogue_goes_from_precise_to_coarse() -> None:
    """Its order decides ties, so it must not put 8 bits before 32."""
    bits = [candidate.bits for candidate in CATALOGUE.values()]
    assert bits == sorted(bits, reverse=True)


def test_a_slow_candidate_is_told_its_speed() -> None:
    """No faster than float32, beyond noise, a graph is not worth judging; else nothing is said."""
    assert _refusal(TOKEN, 108) == (
        "not faster than fp32 beyond noise, so not judged: 108 against 100 pairs/s"
    )
    assert not _refusal(TOKEN, 112)


def test_a_graph_as_precise_as_float32_need_only_be_faster() -> None:
    """It costs nothing but its file."""
    assert not _refusal(UNPADDED, 101)
    assert _refusal(UNPADDED, 99) == "not faster than fp32, so not judged: 99 against 100 pairs/s"


def test_faster_means_beyond_noise() -> None:
    """10 % is the least difference that counts, and the noise of either where it is more."""
    assert is_faster(Speed(112, 0), Speed(100, 0))
    assert not is_faster(Speed(108, 0), Speed(100, 0))
    assert not is_faster(Speed(112, 0), Speed(100, 0.15))
    assert not is_faster(Speed(112, 0.15), Speed(100, 0))
