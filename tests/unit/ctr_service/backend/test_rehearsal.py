"""Claims about the batches that are run before serving: serving's shapes are among theirs."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ctr_service.backend.base import FIRST_LENGTHS, INPUT_IDS, LENGTHS
from ctr_service.backend.rehearsal import MOST_TOTALS, rehearsal
from ctr_service.backend.rounded import rounded_up
from tests.support.rows import make_row, padded

BUCKETS, MAX_TOKENS, STEP = (8, 20, 46), 400, 16


def sums(max_tokens: int = MAX_TOKENS) -> list[int]:
    """The tokens of each batch."""
    return [int(b[LENGTHS].sum()) for b in rehearsal(BUCKETS, max_tokens, STEP)]


def rounded_shapes() -> set[tuple[int, ...]]:
    """Rows and length of each batch as the engine gets it."""
    return {rounded_up(b)[INPUT_IDS].shape for b in rehearsal(BUCKETS, MAX_TOKENS, STEP)}


@given(st.lists(st.integers(3, BUCKETS[-1]), min_size=1, max_size=16), st.integers(0, 2))
def test_a_usual_batch_has_a_sum_and_a_shape_of_the_rehearsal(
    lengths: list[int], more: int
) -> None:
    """Whatever its rows' lengths, padded to the longest or a little further."""
    while sum(lengths) > MAX_TOKENS:
        lengths.pop()
    rng = np.random.default_rng(0)
    bucket = min(max(lengths) + more, BUCKETS[-1])
    served = rounded_up(padded([make_row(rng, length) for length in lengths], bucket))
    assert served[INPUT_IDS].shape in rounded_shapes()
    assert -(-sum(lengths) // STEP) * STEP in sums()


def test_every_batch_is_one_that_the_graph_takes() -> None:
    """Lengths of 1 to the padded length, which is no longer than the longest bucket; int32."""
    for batch in rehearsal(BUCKETS, MAX_TOKENS, STEP):
        rows, length = batch[INPUT_IDS].shape
        assert length <= BUCKETS[-1]
        assert batch[LENGTHS].min() >= 1
        assert batch[LENGTHS].max() == length
        assert np.less_equal(batch[FIRST_LENGTHS], batch[LENGTHS]).all()
        assert {name: (a.dtype.name, len(a)) for name, a in batch.items()} == dict.fromkeys(
            (INPUT_IDS, LENGTHS, FIRST_LENGTHS), ("int32", rows)
        )


def test_a_large_budget_does_not_make_a_long_start() -> None:
    """The smaller batches alone are run then: some 130,000 tokens, not half a billion."""
    found = sums(100_000)
    assert set(range(STEP, (MOST_TOTALS + 1) * STEP, STEP)) <= set(found)
    assert sum(found) < MOST_TOTALS**2 * STEP
