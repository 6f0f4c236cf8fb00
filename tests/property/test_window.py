"""Claims of `ctr_service.batcher.window`: how wide packing looks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctr_service.batcher.window import riding_tokens, window_tokens

TOKENS = st.integers(0, 100_000)


@pytest.mark.parametrize(
    ("waiting", "riding"),
    [(0, 0), (100, 25), (400, 100), (3_200, 800), (1_000_000, 800)],
)
def test_a_batch_is_filled_from_a_quarter_of_what_waits(waiting: int, riding: float) -> None:
    """With batches of 100 tokens: never more than 8 batches' worth."""
    assert riding_tokens(waiting, 100) == riding


@given(waiting=TOKENS, more=TOKENS, batch=st.integers(1, 1_000))
def test_it_grows_with_the_queue(waiting: int, more: int, batch: int) -> None:
    """More that waits never makes it smaller, and it is never more than waits."""
    assert riding_tokens(waiting, batch) <= riding_tokens(waiting + more, batch)
    assert 0 <= riding_tokens(waiting, batch) <= waiting


@given(waiting=TOKENS, batch=st.integers(1, 1_000), overhead=st.floats(0, 1_000))
def test_a_costly_start_widens_it(waiting: int, batch: int, overhead: float) -> None:
    """It holds ten starts' worth of tokens, or eight batches where those are less."""
    window = window_tokens(waiting, batch, overhead)
    assert window >= int(min(10 * overhead, 8 * batch))
    assert window <= max(riding_tokens(waiting, batch), 10 * overhead)
