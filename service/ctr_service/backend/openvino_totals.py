"""Rounds up how many tokens a graph that skips its padding computes, for OpenVINO.

OpenVINO makes kernels for each size of matrix that it meets. Where the tokens of all rows lie
behind one another, that size is their number: nearly every batch has another one, and a new one
costs 3 to 6 ms of a batch of 15 (docs/decisions/0029). Rounded up to sixteens there are some fifty,
which are met within seconds and kept. What is filled in is a token of the batch once more: its
numbers are finite, and nothing reads them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctr_service.backend.openvino_library import load_openvino

if TYPE_CHECKING:
    import openvino

TOKENS_STEP = 16
"""Wastes 8 tokens a batch on average, of some 400."""


def round_totals_up(model: openvino.Model, step: int = TOKENS_STEP) -> bool:
    """Let the graph pick a multiple of `step` tokens; say whether it picks tokens at all.

    Args:
        model: changed in place. Tokens are picked by their places, which are what `NonZero` finds;
            a graph that computes its padding has none.
        step: at least 1.
    """
    found = [node for node in model.get_ops() if node.get_type_name() == "NonZero"]
    for node in found:
        places = node.output(0)
        readers = places.get_target_inputs()
        rounded = _with_more(places, step)
        for reader in readers:
            reader.replace_source_output(rounded)
    return bool(found)


def _with_more(places: openvino.Output, step: int) -> openvino.Output:
    """Return places [dimensions, tokens] and as many zeros as the next multiple of `step` lacks."""
    ops = load_openvino().opset13
    kind = places.get_element_type()
    dimensions, tokens = (
        ops.gather(ops.shape_of(places, kind), np.array([at]), np.array(0)) for at in (0, 1)
    )
    by = ops.constant(np.array([step]), dtype=kind)
    missing = ops.floor_mod(ops.subtract(by, ops.floor_mod(tokens, by)), by)
    zeros = ops.broadcast(ops.constant(0, dtype=kind), ops.concat([dimensions, missing], axis=0))
    return ops.concat([places, zeros], axis=1).output(0)
