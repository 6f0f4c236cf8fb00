"""Tiny BERT-type model folders with random weights, made in code, for tests of training."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import AutoConfig, AutoModelForSequenceClassification, PreTrainedTokenizerFast

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from transformers import PreTrainedConfig

PAD, UNK, CLS, SEP, MASK = SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
SPREAD = 0.2
"""Deviation of the weights: at BERT's own 0.02 two random layers say the same of every text."""
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
PUNCTUATION = "|,.-'\"()/%&:;!?"
WORDS = (
    *("red", "blue", "green", "large", "small", "steel", "wooden", "garden", "kitchen"),
    *("lamp", "chair", "table", "shelf", "drill", "hammer", "outdoor", "unknown", "brand"),
    *("price", "segment", "new", "frequent", "hour", "tags", "acme", "globex", "initech"),
)


@contextlib.contextmanager
def one_torch_thread() -> Iterator[None]:
    """Run torch on one thread inside the block."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def make_tiny_tokenizer(words: Sequence[str] = WORDS) -> PreTrainedTokenizerFast:
    """Return an uncased WordPiece tokenizer that knows `words` and can spell any ASCII word."""
    pieces = [*SPECIAL_TOKENS, *PUNCTUATION, *LETTERS, *(f"##{letter}" for letter in LETTERS)]
    vocabulary = {piece: index for index, piece in enumerate([*pieces, *dict.fromkeys(words)])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token=UNK))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(CLS, vocabulary[CLS]), (SEP, vocabulary[SEP])],
    )
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]  # -- transformers leaves it untyped
        tokenizer_object=tokenizer,
        pad_token=PAD,
        unk_token=UNK,
        cls_token=CLS,
        sep_token=SEP,
        mask_token=MASK,
    )


def tiny_config(
    kind: str, vocab_size: int, max_positions: int = 128, *, layers: int = 2
) -> PreTrainedConfig:
    """Return a config of a few layers x 32 for "bert", "distilbert", "roberta" or "xlm-roberta"."""
    feed_forward = "hidden_dim" if kind == "distilbert" else "intermediate_size"
    token_types = {} if kind == "distilbert" else {"type_vocab_size": 2 if kind == "bert" else 1}
    return AutoConfig.for_model(
        kind,
        vocab_size=vocab_size,
        num_hidden_layers=layers,
        hidden_size=32,
        num_attention_heads=2,
        max_position_embeddings=max_positions,
        initializer_range=SPREAD,
        pad_token_id=0,
        num_labels=1,
        **{feed_forward: 64},
        **token_types,
    )


def make_tiny_model(
    folder: Path,
    *,
    kind: str = "bert",
    seed: int = 0,
    words: Sequence[str] = WORDS,
    layers: int = 2,
) -> Path:
    """Write a model folder with its tokenizer, as `--base-model` takes it; return the folder."""
    tokenizer = make_tiny_tokenizer(words)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        config = tiny_config(kind, len(tokenizer), layers=layers)
        model = AutoModelForSequenceClassification.from_config(config)  # type: ignore[no-untyped-call]  # -- transformers leaves it untyped
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
