"""Claims about rounded totals: a multiple of the step is computed, and nothing else changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ctr_service.backend.openvino_library import load_openvino, openvino_core
from ctr_service.backend.openvino_totals import TOKENS_STEP, round_totals_up
from tests.support.openvino_variants import require_openvino
from tests.support.tiny_bundle import make_tiny_graph

if TYPE_CHECKING:
    from pathlib import Path

    import openvino
    from numpy.typing import NDArray


def picking() -> openvino.Model:
    """A graph that gives the places of what is not zero: bool [length] -> int64 [1, places]."""
    require_openvino()
    library = load_openvino()
    real = library.opset13.parameter([-1], np.bool_, name="real")
    return library.Model([library.opset13.non_zero(real, "i64")], [real], "picking")


def places(compiled: openvino.CompiledModel, real: NDArray[np.bool_]) -> list[int]:
    """Run it."""
    found: list[int] = compiled([real])[0][0].tolist()
    return found


@pytest.mark.parametrize("step", [1, 8, TOKENS_STEP])
def test_places_are_followed_by_zeros_up_to_the_next_multiple(step: int) -> None:
    """Whatever the number of tokens, also none and a multiple: the real ones come first."""
    model = picking()
    assert round_totals_up(model, step)
    compiled = openvino_core().compile_model(model, "CPU")
    for tokens in range(3 * TOKENS_STEP + 1):
        real = np.arange(100) >= 100 - tokens
        rounded = -(-tokens // step) * step
        expected = [*range(100 - tokens, 100), *[0] * (rounded - tokens)]
        assert places(compiled, real) == expected


def test_a_graph_that_computes_its_padding_stays_as_it_is(tmp_path: Path) -> None:
    """It picks no tokens, so there is nothing to round."""
    require_openvino()
    make_tiny_graph(tmp_path / "tiny.onnx", 200)
    model = openvino_core().read_model(str(tmp_path / "tiny.onnx"))
    before = [op.get_friendly_name() for op in model.get_ordered_ops()]
    assert not round_totals_up(model)
    assert [op.get_friendly_name() for op in model.get_ordered_ops()] == before
