"""Claims about token budgets and what is counted as unknown."""

from __future__ import annotations

import numpy as np
import pytest

from ctr_service.bundle.features import Entity, FeatureSchema, FeatureSpec, FeatureType
from ctr_service.bundle.template import SegmentName
from ctr_train.errors import TrainError
from ctr_train.tokenise import TokenCounts, count_tokens, fit_template, segment_names
from ctr_train.tokenizer_files import SpecialIds
from tests.support.tiny_model import make_tiny_tokenizer

TOKENIZER = make_tiny_tokenizer().backend_tokenizer
SPECIAL = SpecialIds(cls=2, sep=3, pad=0, unknown=1)
NAMES = (SegmentName.QUERY, SegmentName.TITLE, SegmentName.ITEM)


def _budgets(tokens: list[list[int]], max_positions: int = 512) -> list[int]:
    table = np.array(tokens)
    template = fit_template(
        NAMES,
        TokenCounts(table, np.zeros_like(table)),
        tokenizer=TOKENIZER,
        special=SPECIAL,
        max_positions=max_positions,
    )
    assert template.max_row_tokens <= max_positions
    return [segment.max_tokens for segment in template.segments]


def test_a_budget_holds_all_but_the_longest_half_percent() -> None:
    """One monster title in a thousand does not lengthen every row."""
    assert _budgets([[10, 30, 9]] * 999 + [[10, 120, 9]]) == [10, 30, 9]


def test_budgets_have_a_floor_and_a_ceiling() -> None:
    """Empty texts leave room for serving; endless ones stop at the segment's limit."""
    assert _budgets([[0, 0, 0]] * 10) == [8, 8, 8]
    assert _budgets([[500, 500, 500]] * 10) == [64, 128, 96]


def test_budgets_shrink_together_where_the_model_is_short() -> None:
    """A model of 128 positions gets rows of at most 128 tokens, longest segments cut most."""
    query, title, item = _budgets([[500, 500, 500]] * 10, max_positions=128)

    assert 8 < query < item < title


def test_a_model_without_room_is_refused() -> None:
    """The sentence names both sizes."""
    with pytest.raises(TrainError, match=r"reads 20 tokens a row; 3 segments need at least 8"):
        _budgets([[10, 10, 10]], max_positions=20)


def test_only_entities_with_features_get_a_segment() -> None:
    """A log without user features has no user segment."""
    spec = FeatureSpec(name="hour", entity=Entity.CONTEXT, type=FeatureType.NUMBER)

    assert segment_names(FeatureSchema(features=(spec,))) == (
        SegmentName.QUERY,
        SegmentName.TITLE,
        SegmentName.CONTEXT,
    )


def test_unknown_and_truncated_shares_count_tokens_and_texts() -> None:
    """Two of four tokens are unknown; of two texts that are not empty one is too long."""
    counts = count_tokens([("红 lamp", ""), ("", "红 red")], TOKENIZER, SPECIAL.unknown)
    template = fit_template(
        NAMES[:2], counts, tokenizer=TOKENIZER, special=SPECIAL, max_positions=64
    )
    longer = TokenCounts(counts.tokens * np.array([[9, 1]]), counts.unknown)

    assert counts.unknown_share == 0.5
    assert counts.truncated_share(template) == 0
    assert longer.truncated_share(template) == 0.5


def test_a_tokenizer_without_an_unknown_token_has_none_unknown() -> None:
    """Byte-level vocabularies spell everything."""
    assert count_tokens([("red lamp",)], TOKENIZER, None).unknown_share == 0
