"""A complete bundle around a tiny hand-made graph, for tests of the gateway without torch.

The graph has the real signature. Its logit is the mean over a row's tokens of a fixed value per
token id, the second part of the row counting double: so it depends on every token and on
`first_lengths`, and on nothing beyond `lengths`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from ctr_service.backend.base import FIRST_LENGTHS, INPUT_IDS, LENGTHS, LOGITS
from ctr_service.bundle.bundle import TOKENIZER_FILE, write_manifest
from ctr_service.bundle.calibration import PlattCalibration
from ctr_service.bundle.features import Entity, FeatureSchema, FeatureSpec, FeatureType
from ctr_service.bundle.files import sha256_of, staged_directory
from ctr_service.bundle.manifest import (
    JOINT_GRAPH,
    DefaultChoice,
    GraphVariant,
    Layout,
    Manifest,
    MeasuredCost,
    ParityFigures,
    TensorSpec,
)
from ctr_service.bundle.template import InputTemplate, Segment, SegmentName

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789|,.-"
GRAPH_FILE = "graphs/joint.onnxruntime.fp32.onnx"

TINY_SCHEMA = FeatureSchema(
    features=(
        FeatureSpec(
            name="price", entity=Entity.ITEM, type=FeatureType.NUMBER, edges=(10.0, 50.0, 200.0)
        ),
        FeatureSpec(name="brand", entity=Entity.ITEM, type=FeatureType.TEXT),
        FeatureSpec(name="tags", entity=Entity.ITEM, type=FeatureType.TEXTS),
        FeatureSpec(name="segment", entity=Entity.USER, type=FeatureType.TEXT, default="new"),
        FeatureSpec(name="hour", entity=Entity.CONTEXT, type=FeatureType.NUMBER),
    )
)

TINY_TEMPLATE = InputTemplate(
    segments=(
        Segment(name=SegmentName.QUERY, max_tokens=24),
        Segment(name=SegmentName.TITLE, max_tokens=40),
        Segment(name=SegmentName.ITEM, max_tokens=40),
        Segment(name=SegmentName.USER, max_tokens=10),
        Segment(name=SegmentName.CONTEXT, max_tokens=10),
    ),
    cls_id=2,
    sep_id=3,
    pad_id=0,
    separator_ids=(4 + ALPHABET.index("|"),),
)


def make_tiny_tokenizer() -> Tokenizer:
    """Return a WordPiece tokenizer whose pieces are single characters."""
    pieces = [*SPECIAL_TOKENS, *ALPHABET, *(f"##{character}" for character in ALPHABET)]
    vocabulary = {piece: index for index, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocab=vocabulary, unk_token="[UNK]"))  # noqa: S106 -- a token of text, no secret
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def make_tiny_graph(path: Path, vocabulary_size: int, seed: int = 0) -> None:
    """Write the tiny joint graph; see the module's docstring for its formula."""
    values = np.random.default_rng(seed).normal(0, 2, vocabulary_size).astype(np.float32)
    constants: dict[str, NDArray[np.generic]] = {
        "values": values,
        "zero": np.array(0, np.int64),
        "one": np.array(1, np.int64),
        "one_f": np.array(1, np.float32),
        "axis_1": np.array([1], np.int64),
        "length_index": np.array([1], np.int64),
    }
    nodes = [
        helper.make_node("Gather", ["values", INPUT_IDS], ["token_values"]),
        helper.make_node("Shape", [INPUT_IDS], ["shape"]),
        helper.make_node("Gather", ["shape", "one"], ["length"]),
        helper.make_node("Range", ["zero", "length", "one"], ["places_64"]),
        helper.make_node("Cast", ["places_64"], ["places"], to=TensorProto.INT32),
        helper.make_node("Unsqueeze", [LENGTHS, "axis_1"], ["lengths_column"]),
        helper.make_node("Unsqueeze", [FIRST_LENGTHS, "axis_1"], ["first_column"]),
        helper.make_node("Less", ["places", "lengths_column"], ["is_token"]),
        helper.make_node("Less", ["places", "first_column"], ["is_first"]),
        helper.make_node("Not", ["is_first"], ["is_second"]),
        helper.make_node("Cast", ["is_token"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Cast", ["is_second"], ["second"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["second", "one_f"], ["weight"]),
        helper.make_node("Mul", ["weight", "mask"], ["masked_weight"]),
        helper.make_node("Mul", ["token_values", "masked_weight"], ["weighted"]),
        helper.make_node("ReduceSum", ["weighted", "axis_1"], ["total"], keepdims=0),
        helper.make_node("Cast", [LENGTHS], ["lengths_f"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["total", "lengths_f"], [LOGITS]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny_joint",
        [
            helper.make_tensor_value_info(INPUT_IDS, TensorProto.INT32, ["rows", "length"]),
            helper.make_tensor_value_info(LENGTHS, TensorProto.INT32, ["rows"]),
            helper.make_tensor_value_info(FIRST_LENGTHS, TensorProto.INT32, ["rows"]),
        ],
        [helper.make_tensor_value_info(LOGITS, TensorProto.FLOAT, ["rows"])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10, producer_name="tests"
    )
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(path))


def make_tiny_bundle(folder: Path, *, seed: int = 0, version: str = "t1") -> Path:
    """Write a complete, valid bundle to `folder` and return it."""
    with staged_directory(folder) as staged:
        tokenizer = make_tiny_tokenizer()
        tokenizer.save(str(staged / TOKENIZER_FILE))
        make_tiny_graph(staged / GRAPH_FILE, tokenizer.get_vocab_size(), seed)
        write_manifest(staged, _manifest(staged, version))
    return folder


def _manifest(staged: Path, version: str) -> Manifest:
    graph = staged / GRAPH_FILE
    variant = GraphVariant(
        file=GRAPH_FILE,
        sha256=sha256_of(graph),
        size_bytes=graph.stat().st_size,
        inputs=(
            TensorSpec(name=INPUT_IDS, dtype="int32", shape=(-1, -1)),
            TensorSpec(name=LENGTHS, dtype="int32", shape=(-1,)),
            TensorSpec(name=FIRST_LENGTHS, dtype="int32", shape=(-1,)),
        ),
        outputs=(TensorSpec(name=LOGITS, dtype="float32", shape=(-1,)),),
        calibration=PlattCalibration(slope=0.8, intercept=-1.0),
        parity=ParityFigures(
            pairs=0,
            max_abs_delta_logit=0.0,
            max_abs_delta_probability=0.0,
            p99_abs_delta_probability=0.0,
            auc=None,
            auc_delta=None,
            ece=None,
            ece_delta=None,
            rank_correlation=None,
            invariance_max=0.0,
            invariance_p99=0.0,
        ),
        costs=(
            MeasuredCost(bucket_tokens=32, rows=8, seconds=1e-4),
            MeasuredCost(bucket_tokens=64, rows=8, seconds=2e-4),
            MeasuredCost(bucket_tokens=128, rows=8, seconds=4e-4),
        ),
        pairs_per_second=10_000.0,
    )
    return Manifest(
        schema_version=1,
        model_name="tiny",
        model_version=version,
        weights_sha256=sha256_of(graph),
        tokenizer_sha256=sha256_of(staged / TOKENIZER_FILE),
        template=TINY_TEMPLATE,
        features=TINY_SCHEMA,
        graphs={JOINT_GRAPH: {"onnxruntime": {"fp32": variant}}},
        default=DefaultChoice(
            graph=JOINT_GRAPH, engine="onnxruntime", precision="fp32", cpu="tests"
        ),
        layout=Layout(
            buckets_tokens=(32, 64, 96, 128, 160),
            max_batch_tokens=1024,
            sessions=2,
            threads_a_session=1,
        ),
        base_rate=0.25,
        target="P(click | examined), of a hand-made graph",
        metrics={},
        tools={},
    )
