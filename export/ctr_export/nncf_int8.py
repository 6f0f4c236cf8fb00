"""8-bit integer products for OpenVINO, by its own quantizer, NNCF.

NNCF puts a FakeQuantize before products, with ranges seen on calibration rows, after channels were
evened out (SmoothQuant); OpenVINO's CPU plugin makes 8-bit kernels of them. Scales are fixed, so no
row depends on its batch. The same products are quantized as in `int8.py`: attention's, and the
head's, stay in float32. With the head in 8 bits logits moved by 1.6 instead of 0.2.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import warnings
from typing import TYPE_CHECKING

import onnx

from ctr_export.products import constant_products
from ctr_service.backend.openvino_library import load_openvino, openvino_core
from ctr_service.errors import EngineUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path
    from types import ModuleType

    import numpy as np
    import openvino
    from numpy.typing import NDArray

PRODUCT = "MatMul"


def quantize_for_openvino(
    source: Path,
    target: Path,
    rows: Iterable[Mapping[str, NDArray[np.generic]]],
    *,
    half_range: bool = False,
) -> None:
    """Write a quantized graph in OpenVINO's own format.

    Args:
        source: the float32 ONNX graph.
        target: the `.xml` to write; the weights go beside it, to a `.bin`.
        rows: calibration rows, one a batch and without padding, which would count as text.
        half_range: let weights use half of their range; see `saturation.py`.

    Raises:
        EngineUnavailableError: OpenVINO or NNCF is not installed.
    """
    library = load_openvino()
    items = [dict(row) for row in rows]
    model = openvino_core().read_model(str(source))
    with _hushed():
        nncf = _load_nncf()
        nncf.set_log_level(logging.ERROR)
        quantized = nncf.quantize(
            model,
            nncf.Dataset(items),
            model_type=nncf.ModelType.TRANSFORMER,
            subset_size=len(items),
            ignored_scope=nncf.IgnoredScope(names=_left_in_float32(source, model)),
            advanced_parameters=nncf.AdvancedQuantizationParameters(
                # It moved no logit for the better, and takes a third of the time.
                disable_bias_correction=True,
                overflow_fix=(nncf.OverflowFix.ENABLE if half_range else nncf.OverflowFix.DISABLE),
            ),
        )
    library.save_model(quantized, str(target), compress_to_fp16=False)


def _left_in_float32(source: Path, model: openvino.Model) -> list[str]:
    """Return the names of the products that are not quantized."""
    chosen = {node.name for node in constant_products(onnx.load(str(source)))}
    products = [op for op in model.get_ordered_ops() if op.get_type_name() == PRODUCT]
    return [op.get_friendly_name() for op in products if op.get_friendly_name() not in chosen]


def _load_nncf() -> ModuleType:
    try:
        return importlib.import_module("nncf")
    except ImportError as error:
        raise EngineUnavailableError(
            f"NNCF cannot be loaded ({error}): pip install 'ctr-serve[export]'"
        ) from error


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    """Keep NNCF's bars and remarks off stdout, where the report goes."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
