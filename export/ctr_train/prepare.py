"""From a checked log to tokenised rows: schema, template, vocabulary, and what was found odd."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_service.bundle.template import Renderer
from ctr_service.bundle.token_cache import TokenCache
from ctr_service.bundle.tokens import RowBuilder, load_tokenizer
from ctr_train.checkpoint import TOKENIZER_FILE
from ctr_train.rendering import render_log
from ctr_train.schema import infer_schema
from ctr_train.tokenise import (
    TRUNCATED_WARNING_SHARE,
    UNKNOWN_WARNING_SHARE,
    count_tokens,
    fit_template,
    segment_names,
    wide_template,
)
from ctr_train.tokenizer_files import take_tokenizer
from ctr_train.vocabulary import extend_tokenizer, is_wordpiece, missing_pieces

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

    from ctr_service.bundle.features import FeatureSchema
    from ctr_service.bundle.template import InputTemplate, Segments
    from ctr_service.types import Row
    from ctr_train.click_log import ClickLog
    from ctr_train.progress import Reporter
    from ctr_train.tokenise import TokenCounts

CACHE_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Prepared:
    """A log as the model will see it.

    Attributes:
        schema, template: what serving needs to render and tokenise alike.
        tokenizer_folder: holds the `tokenizer.json` that serves.
        new_vocabulary_size: of an extended vocabulary; None when it stayed.
        figures: shares of unknown tokens and truncated texts in the training split.
    """

    schema: FeatureSchema
    template: InputTemplate
    tokenizer_folder: Path
    new_vocabulary_size: int | None
    figures: dict[str, float]

    def segments(self, log: ClickLog) -> list[Segments]:
        """Render rows as the gateway renders them."""
        return render_log(log, Renderer(self.template, self.schema))

    def rows(self, segments: list[Segments]) -> list[Row]:
        """Tokenise rendered rows as the gateway tokenises them."""
        tokenizer = load_tokenizer(self.tokenizer_folder / TOKENIZER_FILE)
        return RowBuilder(tokenizer, self.template, TokenCache(CACHE_BYTES)).build(segments).rows


class Preparer:
    """Decides schema, vocabulary and token budgets from the training split."""

    def __init__(self, base_model: Path, folder: Path, reporter: Reporter) -> None:
        """Make a preparer.

        Args:
            base_model: a model folder with its tokenizer.
            folder: where the tokenizer that serves is written.
            reporter: told what was found.
        """
        self._special = take_tokenizer(base_model, folder)
        self._folder = folder
        self._reporter = reporter

    def prepare(
        self,
        log: ClickLog,
        train: NDArray[np.int64],
        *,
        max_positions: int,
        extend_vocabulary: bool,
    ) -> Prepared:
        """Look at the training split and fix what the model will read.

        Args:
            log: the whole log.
            train: row numbers of the training split.
            max_positions: the longest row that the model takes, in tokens.
            extend_vocabulary: add the log's own characters when too many tokens are unknown.

        Raises:
            TrainError: the model has too few positions for the segments.
        """
        part = log.take(train)
        schema = infer_schema(part)
        names = segment_names(schema)
        segments = render_log(part, Renderer(wide_template(names, self._special), schema))
        counts = self._count(segments)
        size = None
        before = counts.unknown_share
        if before > UNKNOWN_WARNING_SHARE:
            size = self._extend(segments, before) if extend_vocabulary else None
            counts = self._count(segments) if size else counts
        template = fit_template(
            names,
            counts,
            tokenizer=self._tokenizer(),
            special=self._special,
            max_positions=max_positions,
        )
        truncated = counts.truncated_share(template)
        self._report(counts, truncated)
        figures = {
            "unknown_token_share": counts.unknown_share,
            "unknown_token_share_before": before,
            "truncated_text_share": truncated,
            "mean_row_tokens": float(counts.tokens.sum(axis=1).mean()),
        }
        return Prepared(schema, template, self._folder, size, figures)

    def _tokenizer(self) -> Tokenizer:
        return load_tokenizer(self._folder / TOKENIZER_FILE)

    def _count(self, segments: list[Segments]) -> TokenCounts:
        return count_tokens(segments, self._tokenizer(), self._special.unknown)

    def _extend(self, segments: list[Segments], share: float) -> int | None:
        path = self._folder / TOKENIZER_FILE
        if not is_wordpiece(path):
            return None
        pieces = missing_pieces((text for row in segments for text in row), self._tokenizer())
        if not pieces:
            return None
        self._reporter.warn(
            f"{share:.1%} of the log's tokens are unknown to the base model's vocabulary; "
            f"{len(pieces):,} of the log's own characters are added to it. A base model of the "
            "log's language would do better (--base-model)"
        )
        return extend_tokenizer(path, pieces)

    def _report(self, counts: TokenCounts, truncated: float) -> None:
        unknown = counts.unknown_share
        self._reporter.say(
            f"{counts.tokens.sum(axis=1).mean():.1f} tokens a row; {unknown:.2%} of the tokens are "
            f"unknown, {truncated:.2%} of the texts are truncated"
        )
        if unknown > UNKNOWN_WARNING_SHARE:
            self._reporter.warn(
                f"{unknown:.1%} of the tokens are unknown to the vocabulary, so texts look alike; "
                "give a base model of the log's language (--base-model)"
            )
        if truncated > TRUNCATED_WARNING_SHARE:
            self._reporter.warn(
                f"{truncated:.1%} of the texts exceed their token budget and lose their end"
            )
