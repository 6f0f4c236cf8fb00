"""Checkpoint -> ONNX graph with the signature that the gateway serves.

Inputs `input_ids` int32 [rows, length], `lengths` int32 [rows], `first_lengths` int32 [rows];
output `logits` float32 [rows]. Mask and token types are built inside, so a caller cannot get them
wrong and one matrix crosses the border instead of three. RoBERTa's positions are counted inside
too, by its own code, as in training.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import onnx
import torch
from torch import nn

from ctr_export.errors import ExportError
from ctr_export.first_token import keep_first_token_only
from ctr_export.unpadded import UnpaddedGraph
from ctr_service.backend.base import FIRST_LENGTHS, INPUT_IDS, LENGTHS, LOGITS
from ctr_service.bundle.manifest import TensorSpec
from ctr_train.model import uses_token_types

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import PreTrainedConfig, PreTrainedModel

OPSET = 18
"""Holds LayerNormalization (17) as one node and ReduceMax with axes as input (18)."""

INPUT_SPECS = (
    TensorSpec(name=INPUT_IDS, dtype="int32", shape=(-1, -1)),
    TensorSpec(name=LENGTHS, dtype="int32", shape=(-1,)),
    TensorSpec(name=FIRST_LENGTHS, dtype="int32", shape=(-1,)),
)
OUTPUT_SPECS = (TensorSpec(name=LOGITS, dtype="float32", shape=(-1,)),)

ROWS, LENGTH = "rows", "length"
DYNAMIC_AXES = {
    INPUT_IDS: {0: ROWS, 1: LENGTH},
    LENGTHS: {0: ROWS},
    FIRST_LENGTHS: {0: ROWS},
    LOGITS: {0: ROWS},
}


MASKED = -1e4
"""Added to the attention score of padding: its softmax is an exact zero in float32, as with the
lowest float32. That one is infinite in FP16, and a row of nothing but padding then gives NaN."""


class JointGraph(nn.Module):
    """A classifier with one logit behind the graph's signature."""

    def __init__(self, model: PreTrainedModel) -> None:
        """Wrap a model, which must be in evaluation mode with eager attention.

        Args:
            model: its last layer is replaced in place by one for the first token only.
        """
        super().__init__()
        keep_first_token_only(model)
        self.model = model
        self._token_types = uses_token_types(model.config)

    def forward(
        self, input_ids: torch.Tensor, lengths: torch.Tensor, first_lengths: torch.Tensor
    ) -> torch.Tensor:
        """Return one logit a row, float32 [rows].

        Args:
            input_ids: int32 [rows, length], padded on the right.
            lengths: int32 [rows], real tokens of each row.
            first_lengths: int32 [rows], tokens up to and including the first `[SEP]`.
        """
        at = torch.arange(input_ids.shape[1], dtype=torch.int32, device=input_ids.device)[None]
        real = at < lengths[:, None]
        arguments = {
            "input_ids": input_ids,
            # Broadcasts over heads and queries; an exact zero after softmax where it is padding.
            "attention_mask": torch.where(real, 0.0, MASKED)[:, None, None, :],
        }
        if self._token_types:
            second = (at >= first_lengths[:, None]) & real
            arguments["token_type_ids"] = second.to(torch.int32)
        logits: torch.Tensor = self.model(**arguments).logits
        return logits[:, 0]


ROBERTA_LIKE = frozenset({"roberta", "xlm-roberta", "camembert"})
"""Model types that count positions from behind the padding id."""


def write_graph(model: PreTrainedModel, path: Path) -> None:
    """Export a classifier; its last layer is replaced in place.

    Raises:
        ExportError: the model's type cannot be exported.
    """
    model.set_attn_implementation("eager")  # plain MatMul and Softmax, which the engine knows best
    _export(JointGraph(model), model.config, path)


def write_unpadded_graph(model: PreTrainedModel, path: Path) -> None:
    """Export a classifier as a graph that skips its padding; its layers are replaced in place.

    Args:
        model: of a kind that `layers.layers_of` knows.
        path: the file to write.

    Raises:
        ExportError: the model's type cannot be exported.
    """
    model.set_attn_implementation("eager")
    config = model.config
    first_position = config.pad_token_id + 1 if config.model_type in ROBERTA_LIKE else 0
    graph = UnpaddedGraph(
        model,
        masked=MASKED,
        token_types=uses_token_types(config),
        first_position=first_position,
    )
    _export(graph, config, path)


def _export(module: nn.Module, config: PreTrainedConfig, path: Path) -> None:
    """Write a module's graph.

    TorchScript's exporter and not torch.export's: both gave the same numbers and speed for MiniLM,
    in 5 s and in 32 s. The former will be removed from torch one day; torch is pinned.

    Raises:
        ExportError: the model's type cannot be exported.
    """
    graph = module.train(mode=False)
    # Sizes that stand nowhere else in a model, so that none is taken for a constant.
    ids = torch.full((3, 11), 5, dtype=torch.int32)
    lengths = torch.tensor([11, 7, 5], dtype=torch.int32)
    first_lengths = torch.tensor([4, 3, 2], dtype=torch.int32)
    try:
        with torch.inference_mode(), warnings.catch_warnings():
            _hush_exporter()
            torch.onnx.export(
                graph,
                (ids, lengths, first_lengths),
                str(path),
                dynamo=False,
                opset_version=OPSET,
                input_names=[INPUT_IDS, LENGTHS, FIRST_LENGTHS],
                output_names=[LOGITS],
                dynamic_axes=DYNAMIC_AXES,
            )
        _finish(path)
    except (torch.onnx.errors.OnnxExporterError, RuntimeError, TypeError, ValueError) as error:
        raise ExportError(
            f"a model of type {config.model_type} cannot be exported "
            f"({type(error).__name__}: {error}); BERT, DistilBERT, RoBERTa and XLM-R can"
        ) from error


def _hush_exporter() -> None:
    """Silence what the exporter says of itself on every run."""
    for message in ("You are using the legacy TorchScript", "The feature will be removed"):
        # Known, see write_graph: torch is pinned in pyproject.
        warnings.filterwarnings("ignore", message=message, category=DeprecationWarning)


def complete_inputs(model: onnx.ModelProto) -> None:
    """Give a graph back an input that tools drop because nothing reads it.

    That is `first_lengths`, for a model without token types. The gateway sends it to every graph.
    """
    if all(value.name != FIRST_LENGTHS for value in model.graph.input):
        model.graph.input.append(
            onnx.helper.make_tensor_value_info(FIRST_LENGTHS, onnx.TensorProto.INT32, [ROWS])
        )


def _finish(path: Path) -> None:
    """Complete the signature, then check form and that both dimensions stayed dynamic."""
    model = onnx.load(str(path))
    complete_inputs(model)
    onnx.save(model, str(path))
    onnx.checker.check_model(model)
    dims = {
        value.name: [dim.dim_param for dim in value.type.tensor_type.shape.dim]
        for value in (*model.graph.input, *model.graph.output)
    }
    expected = {name: list(axes.values()) for name, axes in DYNAMIC_AXES.items()}
    if dims != expected:
        raise ExportError(f"the exported graph has inputs and outputs {dims}, not {expected}")
