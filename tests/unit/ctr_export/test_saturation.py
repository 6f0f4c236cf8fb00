"""Claims of `ctr_export.saturation`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ctr_export.products import quantize_weight
from ctr_export.saturation import HALF_RANGE, WHOLE_RANGE, weight_limit

if TYPE_CHECKING:
    from pathlib import Path

LARGEST_ACTIVATION, LARGEST_INT16 = 255, 2**15 - 1


@pytest.mark.parametrize(
    ("flags", "limit"),
    [
        ("sse4_2 avx avx2 fma", HALF_RANGE),
        ("avx2 avx512f", HALF_RANGE),
        ("avx2 avx512f avx512_vnni", WHOLE_RANGE),
        ("avx2 avx_vnni", WHOLE_RANGE),
        ("fp asimd", WHOLE_RANGE),
    ],
)
def test_weights_keep_half_their_range_where_sums_saturate(
    tmp_path: Path, flags: str, limit: int
) -> None:
    """On x86 without VNNI; a processor of another kind has no such instruction."""
    info = tmp_path / "cpuinfo"
    info.write_text(f"processor : 0\nmodel name : any\nflags\t\t: {flags}\n", encoding="utf-8")
    assert weight_limit(info) == limit


def test_a_machine_that_says_nothing_is_not_restricted(tmp_path: Path) -> None:
    """Without the file nothing is known to saturate."""
    assert weight_limit(tmp_path / "absent") == WHOLE_RANGE


def test_two_products_of_half_the_range_fit_in_16_bits() -> None:
    """That is all the instruction asks; the whole range does not fit."""
    assert 2 * LARGEST_ACTIVATION * HALF_RANGE <= LARGEST_INT16 < 2 * LARGEST_ACTIVATION * 127


def test_a_limit_bounds_the_integers_and_scales_the_rest() -> None:
    """The largest weight of a column takes the limit itself."""
    weight = np.array([[1.0, -0.5], [-2.0, 0.25]], dtype=np.float32)
    rounded, scale = quantize_weight(weight, HALF_RANGE)
    assert np.abs(rounded).max(axis=0).tolist() == [HALF_RANGE, HALF_RANGE]
    np.testing.assert_allclose(rounded * scale, weight, atol=2 / HALF_RANGE / 2)
