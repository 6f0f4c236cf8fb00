"""How often the training rows of a log, and the words of the template, use each word piece."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ctr_service.bundle.features import FeatureType
from ctr_service.bundle.tokens import load_tokenizer
from ctr_train.training_rows import read_training_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from tokenizers import Tokenizer

    from ctr_service.bundle.features import FeatureSchema, FeatureSpec
    from ctr_train.checkpoint import Checkpoint


def count_log(checkpoint: Checkpoint, log: Path, say: Callable[[str], None]) -> Counter[int]:
    """Return id -> uses in the training rows of `log`. A text in many rows counts as often.

    Texts count whole, also beyond their token budget.

    Raises:
        TrainError: the log cannot be read, split or rendered as the checkpoint says.
    """
    rows = read_training_rows(checkpoint, log)
    if not rows.same_log:
        say("note: this is not the log of the fit; the words of its training side are kept")
    texts = (text for segments in rows.segments for text in segments)
    return count_pieces(texts, load_tokenizer(checkpoint.tokenizer_path))


def count_pieces(texts: Iterable[str], tokenizer: Tokenizer) -> Counter[int]:
    """Return id -> uses in `texts`. A text that comes again is tokenised once."""
    times = Counter(texts)
    encodings = tokenizer.encode_batch_fast(list(times), add_special_tokens=False)
    uses: Counter[int] = Counter()
    for count, encoding in zip(times.values(), encodings, strict=True):
        for number in encoding.ids:
            uses[number] += count
    return uses


def template_pieces(schema: FeatureSchema, tokenizer: Tokenizer) -> set[int]:
    """Return the ids of what a row may hold whatever the log holds.

    Each feature's name, its word for a missing value or its default, and the numbers of its
    buckets: a bucket that no training row fell into must still read as it would have.
    """
    texts = [text for spec in schema.features for text in _texts(spec)]
    return set(count_pieces(texts, tokenizer))


def _texts(spec: FeatureSpec) -> Iterator[str]:
    yield spec.label
    yield spec.missing_token
    yield spec.render(None)
    if spec.type is FeatureType.NUMBER and spec.edges:
        yield from (f"{spec.label} {bucket}" for bucket in range(len(spec.edges) + 1))
