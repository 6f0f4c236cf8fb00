"""The parts of a Transformer layer that the exporter computes in its own way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import nn

if TYPE_CHECKING:
    from transformers import PreTrainedModel

BERT_LIKE = frozenset({"bert", "roberta", "xlm-roberta", "camembert"})
"""Model types that share BERT's layer, whose heads read the first token."""
DISTILBERT = "distilbert"


class Projections(NamedTuple):
    """The linear maps of self-attention, and its shape."""

    query: nn.Module
    key: nn.Module
    value: nn.Module
    heads: int
    head_size: int
    scaling: float


class LayerParts:
    """One layer of a known kind, by its parts."""

    def __init__(self, layer: nn.Module, *, distilbert: bool) -> None:
        """Take the layer; `distilbert` says which of the two kinds it is of."""
        # Of Transformers, whose layers share no type that names their parts.
        self._layer: Any = layer
        self._distilbert = distilbert

    def projections(self) -> Projections:
        """Return the maps of its attention."""
        if self._distilbert:
            own = self._layer.attention
            maps, heads = (own.q_lin, own.k_lin, own.v_lin), own.n_heads
        else:
            own = self._layer.attention.self
            maps, heads = (own.query, own.key, own.value), own.num_attention_heads
        return Projections(*maps, heads, own.attention_head_size, own.scaling)

    def finish(self, attended: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
        """Return the layer's output: projection, feed-forward and both norms.

        Args:
            attended: [..., hidden], what attention gave.
            states: of the same shape, what the layer was given for the same tokens.
        """
        layer = self._layer
        if self._distilbert:
            middle = layer.sa_layer_norm(layer.attention.out_lin(attended) + states)
            output: torch.Tensor = layer.output_layer_norm(layer.ffn(middle) + middle)
        else:
            output = layer.feed_forward_chunk(layer.attention.output(attended, states))
        return output


def attend(
    maps: Projections,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor,
) -> torch.Tensor:
    """Return the attention's output, [rows, queries, hidden].

    Args:
        maps: of the layer; its linear maps were applied already.
        query: [rows, queries, hidden].
        key: [rows, length, hidden].
        value: [rows, length, hidden].
        mask: [rows, 1, 1, length], added to the scores.
    """

    def by_head(states: torch.Tensor) -> torch.Tensor:
        shape = (-1, states.shape[1], maps.heads, maps.head_size)
        return states.view(*shape).transpose(1, 2)

    scores = torch.matmul(by_head(query), by_head(key).transpose(2, 3)) * maps.scaling + mask
    context = torch.matmul(scores.softmax(dim=-1), by_head(value))
    return context.transpose(1, 2).reshape(-1, query.shape[1], maps.heads * maps.head_size)


def layers_of(model: PreTrainedModel) -> nn.ModuleList | None:
    """Return a model's layers, to be replaced in place; None where its kind is not known.

    The gate compares an exported graph with the untouched model, so a wrong guess cannot pass.
    """
    kind = model.config.model_type
    encoder: Any = model.base_model
    if kind == DISTILBERT:
        layers: nn.ModuleList = encoder.transformer.layer
    elif kind in BERT_LIKE:
        layers = encoder.encoder.layer
    else:
        return None
    return layers


def parts_of(model: PreTrainedModel, layer: nn.Module) -> LayerParts:
    """Return a layer of `layers_of(model)` by its parts."""
    return LayerParts(layer, distilbert=model.config.model_type == DISTILBERT)
