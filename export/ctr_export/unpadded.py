"""A graph that computes nothing for padding but attention, behind the same signature.

Real tokens of all rows are picked from [rows, length] and lie behind one another, [1, tokens].
Every linear map, norm and activation works on those. Only attention needs rows: its queries, keys
and values are spread to [rows, length] for it, and its output is picked again. What lies in the
place of padding there is some real token's, finite, and masked to an exact zero. So a row of 10
tokens in a batch with one of 45 costs a little more than alone, where a padded graph computes 45
(after "packing" in variable-length attention, as in ByteTransformer, Zhai et al. 2022, arXiv
2210.03052).

Picking and spreading move memory: on rows of equal length it is the slower graph, by about 5 % in
float32 and 1 % in 8 bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from ctr_export.layers import LayerParts, attend, layers_of, parts_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Places:
    """Where the batch's tokens lie; filled by the graph for its layers as it runs.

    Attributes:
        rows, length: of the padded batch.
        picked: int64 [tokens], the place of each real token in the flat padded batch.
        spread: int32 [rows * length], the real token that stands in each padded place.
        firsts: int32 [rows], the first token of each row.
        mask: float32 [rows, 1, 1, length], added to attention's scores.
    """

    rows: Any
    length: Any
    picked: torch.Tensor
    spread: torch.Tensor
    firsts: torch.Tensor
    mask: torch.Tensor

    def fill(self, real: torch.Tensor, lengths: torch.Tensor, masked: float) -> None:
        """Work the places out.

        Args:
            real: bool [rows, length], which places are no padding.
            lengths: int32 [rows].
            masked: what is added to the scores of padding.
        """
        flat = real.reshape(-1)
        self.rows, self.length = real.shape
        self.picked = flat.nonzero()[:, 0]
        # In int32 throughout: OpenVINO names an input by the cast that follows it.
        counted = torch.cumsum(flat.to(torch.int32), 0, dtype=torch.int32)
        self.spread = (counted - 1).clamp(min=0)
        firsts = torch.cumsum(lengths, 0, dtype=torch.int32) - lengths
        # A last row of no tokens at all would begin behind the end.
        self.firsts = torch.minimum(firsts, counted[-1:] - 1)
        self.mask = torch.where(real, 0.0, masked)[:, None, None, :]

    def pick(self, padded: torch.Tensor) -> torch.Tensor:
        """[rows, length, ...] -> [1, tokens, ...]."""
        return padded.flatten(0, 1).index_select(0, self.picked)[None]

    def spread_out(self, tokens: torch.Tensor) -> torch.Tensor:
        """[1, tokens, hidden] -> [rows, length, hidden]."""
        spread = tokens.index_select(1, self.spread)
        return spread.view(self.rows, self.length, tokens.shape[-1])

    def first_of_each(self, tokens: torch.Tensor) -> torch.Tensor:
        """[1, tokens, hidden] -> [1, rows, hidden]."""
        return tokens.index_select(1, self.firsts)


class _Wrapped(nn.Module):
    """Holds a Transformer layer, its parts, and where the batch's tokens lie."""

    def __init__(self, layer: nn.Module, parts: LayerParts, places: Places) -> None:
        super().__init__()
        self.layer = layer
        self._parts = parts
        self._places = places


class UnpaddedLayer(_Wrapped):
    """Wraps a Transformer layer: [1, tokens, hidden] -> the same."""

    def forward(
        self, hidden_states: torch.Tensor, *_args: object, **_kwargs: object
    ) -> torch.Tensor:
        """Run the layer."""
        maps, places = self._parts.projections(), self._places
        attended = attend(
            maps,
            places.spread_out(maps.query(hidden_states)),
            places.spread_out(maps.key(hidden_states)),
            places.spread_out(maps.value(hidden_states)),
            places.mask,
        )
        return self._parts.finish(places.pick(attended), hidden_states)


class UnpaddedLastLayer(_Wrapped):
    """Wraps the last layer: [1, tokens, hidden] -> [rows, 1, hidden], each row's first token.

    See `first_token.py`: a classifier's head reads nothing else.
    """

    def forward(
        self, hidden_states: torch.Tensor, *_args: object, **_kwargs: object
    ) -> torch.Tensor:
        """Run the layer."""
        maps, places = self._parts.projections(), self._places
        first = places.first_of_each(hidden_states)
        attended = attend(
            maps,
            maps.query(first).transpose(0, 1),
            places.spread_out(maps.key(hidden_states)),
            places.spread_out(maps.value(hidden_states)),
            places.mask,
        )
        return self._parts.finish(attended.transpose(0, 1), first).transpose(0, 1)


class UnpaddedGraph(nn.Module):
    """A classifier with one logit behind the graph's signature; see `graph.JointGraph`."""

    def __init__(
        self,
        model: PreTrainedModel,
        *,
        masked: float,
        token_types: bool,
        first_position: int,
    ) -> None:
        """Wrap a model, which must be in evaluation mode; its layers are replaced in place.

        Args:
            model: of a kind that `layers_of` knows.
            masked: what is added to the scores of padding.
            token_types: whether the model takes them.
            first_position: position id of a row's first token.
        """
        super().__init__()
        layers = layers_of(model)
        if layers is None:
            raise ValueError(f"a model of type {model.config.model_type} has no known layers")
        self._places = Places()
        for index, layer in enumerate(layers):
            kind = UnpaddedLastLayer if index == len(layers) - 1 else UnpaddedLayer
            layers[index] = kind(layer, parts_of(model, layer), self._places)
        self.model = model
        self._masked = masked
        self._token_types = token_types
        self._first_position = first_position

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
        places = self._places
        places.fill(real, lengths, self._masked)
        arguments = {
            "input_ids": places.pick(input_ids),
            "position_ids": places.pick((at + self._first_position).expand(real.shape)),
            # The layers mask by themselves; four dimensions pass through the model untouched.
            "attention_mask": places.mask,
        }
        if self._token_types:
            second = (at >= first_lengths[:, None]) & real
            arguments["token_type_ids"] = places.pick(second.to(torch.int32))
        logits: torch.Tensor = self.model(**arguments).logits
        return logits[:, 0]
