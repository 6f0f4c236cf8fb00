"""Operators of a BERT layer fused into ONNX Runtime's own, by its Transformers optimizer."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from onnxruntime.transformers import optimizer

from ctr_export.graph import complete_inputs

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import PreTrainedConfig


def fuse(source: Path, target: Path, config: PreTrainedConfig) -> None:
    """Write the fused float32 graph; all three model families share BERT's patterns.

    Args:
        source: the plain graph.
        target: the file to write.
        config: tells heads and hidden size; DistilBERT's other names are mapped by Transformers.
    """
    log = logging.getLogger("onnxruntime.transformers")
    level = log.level
    log.setLevel(logging.ERROR)  # it reports each pattern that it looked for
    try:
        fused = optimizer.optimize_model(
            str(source),
            model_type="bert",
            num_heads=int(config.num_attention_heads),
            hidden_size=int(config.hidden_size),
            opt_level=0,
            use_gpu=False,
        )
        complete_inputs(fused.model)
        fused.save_model_to_file(str(target))
    finally:
        log.setLevel(level)
