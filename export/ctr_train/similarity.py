"""How alike query and title are to the base model itself, before it has seen a label.

The two texts are embedded apart (mean of the last hidden states, normalised: Reimers and Gurevych
2019, arXiv 1908.10084) and compared by their cosine, standardised within the query against all
titles of the log, so that a query that is close to everything is not close to anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from ctr_service.types import Row
from ctr_train.parallel import Workers
from ctr_train.precision import autocast

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from tokenizers import Tokenizer
    from transformers import PreTrainedModel

    from ctr_service.bundle.template import InputTemplate
    from ctr_train.collate import RowCollator

    Floats = NDArray[np.float32]

CHUNK_ROWS = 64
MAX_TEXT_TOKENS = 64
BACKGROUND_TITLES = 5_000
"""Titles that a query's mean and deviation are taken over; more change them by little."""
MIN_DEVIATION = 1e-6


class TextSimilarity:
    """Compares queries with titles by the embeddings of one encoder."""

    def __init__(
        self,
        encoder: PreTrainedModel,
        tokenizer: Tokenizer,
        template: InputTemplate,
        collator: RowCollator,
        precision: str,
    ) -> None:
        """Make a comparer.

        Args:
            encoder: gives `last_hidden_state`.
            tokenizer: of the encoder.
            template: its special token ids.
            collator: pads rows to tensors.
            precision: "fp32" or "bf16".
        """
        self._encoder = encoder
        self._tokenizer = tokenizer
        self._template = template
        self._collator = collator
        self._precision = precision

    def of_pairs(self, queries: Sequence[str], titles: Sequence[str]) -> Floats:
        """Return one standardised cosine a pair, float32 [pairs]; 0 is usual for the query."""
        query_names, query_of = np.unique(np.asarray(queries, dtype=object), return_inverse=True)
        title_names, title_of = np.unique(np.asarray(titles, dtype=object), return_inverse=True)
        query_vectors = self._embed(query_names.tolist())
        title_vectors = self._embed(title_names.tolist())
        step = max(1, len(title_vectors) // BACKGROUND_TITLES)
        background = query_vectors @ title_vectors[::step].T
        mean, deviation = background.mean(axis=1), background.std(axis=1)
        cosine = np.einsum("ij,ij->i", query_vectors[query_of], title_vectors[title_of])
        alike: Floats = (cosine - mean[query_of]) / np.maximum(deviation[query_of], MIN_DEVIATION)
        return alike

    def _embed(self, texts: list[str]) -> Floats:
        rows = self._rows(texts)
        device = next(self._encoder.parameters()).device
        vectors = np.empty((len(rows), int(self._encoder.config.hidden_size)), dtype=np.float32)
        order = np.argsort([row.length for row in rows], kind="stable")
        self._encoder.train(mode=False)

        def embed(start: int) -> None:
            chunk = order[start : start + CHUNK_ROWS]
            inputs = self._collator.inputs([rows[index] for index in chunk])
            moved = {name: tensor.to(device) for name, tensor in inputs.items()}
            # Both modes belong to the thread that enters them.
            with torch.inference_mode(), autocast(self._precision, device):
                states = self._encoder(**moved).last_hidden_state.float()
                mask = moved["attention_mask"][:, :, None]
                mean = (states * mask).sum(1) / mask.sum(1)
                vectors[chunk] = torch.nn.functional.normalize(mean, dim=1).cpu().numpy()

        Workers.for_device(device).map(embed, range(0, len(rows), CHUNK_ROWS))
        return vectors

    def _rows(self, texts: list[str]) -> list[Row]:
        encodings = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        first, last = [self._template.cls_id], [self._template.sep_id]
        ids = [first + encoding.ids[:MAX_TEXT_TOKENS] + last for encoding in encodings]
        return [Row(np.array(row, dtype=np.int32), len(row)) for row in ids]
