"""Claims about the fused graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest

from ctr_export.fusion import fuse
from ctr_export.graph import write_graph
from ctr_export.int8 import MICROSOFT
from ctr_service.backend.base import LOGITS
from ctr_service.backend.onnx_session import OnnxSession
from ctr_service.backend.shapes import tensors_of
from ctr_service.bundle.tokens import pad_rows
from ctr_service.types import Row
from ctr_train.model import load_classifier
from tests.support.tiny_model import make_tiny_model

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("kind", ["bert", "distilbert", "roberta"])
def test_a_fused_graph_takes_and_gives_the_same(kind: str, tmp_path: Path) -> None:
    """Operators are fused, the signature stays whole, and logits differ by rounding only."""
    model = load_classifier(make_tiny_model(tmp_path / "model", kind=kind))
    write_graph(model, tmp_path / "plain.onnx")
    fuse(tmp_path / "plain.onnx", tmp_path / "fused.onnx", model.config)
    rng = np.random.default_rng(0)
    rows = [Row.of(rng.integers(5, 60, n).astype(np.int32), 3) for n in range(5, 60, 4)]
    tensors = tensors_of(pad_rows(rows, 64, 0))
    plain, fused = (
        np.asarray(OnnxSession(tmp_path / name, threads=1).run(tensors)[LOGITS])
        for name in ("plain.onnx", "fused.onnx")
    )
    np.testing.assert_allclose(fused, plain, atol=1e-5)
    nodes = onnx.load(str(tmp_path / "fused.onnx")).graph.node
    assert any(node.domain == MICROSOFT for node in nodes)
