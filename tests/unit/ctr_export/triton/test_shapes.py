"""Claims about the shapes that targets meet."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from ctr_export.triton.profiles import bucket_profiles, joint_profile
from ctr_export.triton.shapes import (
    GPU_WIDEST,
    doubling_shapes,
    end_shapes,
    full_rows,
    gpu_layout,
    most_rows,
    remote_layout,
)

LONGEST = st.integers(4, 512)
TOKENS = st.integers(1, 32_768)


@given(longest=LONGEST, tokens=TOKENS)
def test_buckets_rise_gently_to_the_longest_row(longest: int, tokens: int) -> None:
    """Multiples of 8 but the last, by a quarter or a step of 8 at most, from a 16th of the last."""
    buckets = gpu_layout(longest, max_batch_tokens=tokens).buckets_tokens
    assert buckets[-1] == longest
    assert all(bucket % 8 == 0 for bucket in buckets[:-1])
    assert all(b <= max(a * 1.25, a + 8) for a, b in itertools.pairwise(buckets))
    assert buckets[0] * GPU_WIDEST >= longest


@given(longest=LONGEST, tokens=TOKENS)
def test_every_shape_fits_the_budget(longest: int, tokens: int) -> None:
    """Each bucket is met with one row and with a full batch; none exceeds tokens or rows."""
    layout = gpu_layout(longest, max_batch_tokens=tokens)
    for shapes in (end_shapes(layout), doubling_shapes(layout)):
        assert len(set(shapes)) == len(shapes)
        for bucket in layout.buckets_tokens:
            assert {(1, bucket), (full_rows(layout, bucket), bucket)} <= set(shapes)
        assert all(rows * bucket <= layout.max_batch_tokens for rows, bucket in shapes)
        assert max(rows for rows, _ in shapes) == most_rows(layout)


@given(longest=LONGEST, tokens=TOKENS)
def test_profiles_hold_every_length_once(longest: int, tokens: int) -> None:
    """Each length from 1 to the longest row lies in one bucket's profile, with all its rows."""
    layout = gpu_layout(longest, max_batch_tokens=tokens)
    profiles = bucket_profiles(layout)
    assert len(profiles) == len(layout.buckets_tokens)
    lengths = [length for p in profiles for length in range(p.least[1], p.most[1] + 1)]
    assert lengths == list(range(1, longest + 1))
    for profile, bucket in zip(profiles, layout.buckets_tokens, strict=True):
        assert profile.most == profile.best == (full_rows(layout, bucket), bucket)


@given(longest=LONGEST, tokens=st.integers(1_024, 32_768))
def test_the_joint_profile_stays_near_the_budget(longest: int, tokens: int) -> None:
    """It holds every shape, and at most 16 times a batch's tokens."""
    layout = gpu_layout(longest, max_batch_tokens=tokens)
    profile = joint_profile(layout)
    assert profile.most == (most_rows(layout), longest)
    assert profile.most[0] * profile.most[1] <= GPU_WIDEST * layout.max_batch_tokens
    bounds = zip(profile.least, profile.best, profile.most, strict=True)
    assert all(low <= best <= high for low, best, high in bounds)


def test_batches_that_travel_are_larger() -> None:
    """Twice the tokens in the same buckets: more rows share the cost of the way."""
    here = gpu_layout(64, max_batch_tokens=208)
    there = remote_layout(here)
    assert there.max_batch_tokens == 2 * here.max_batch_tokens
    assert there.buckets_tokens == here.buckets_tokens
    assert most_rows(there) == 2 * most_rows(here)
