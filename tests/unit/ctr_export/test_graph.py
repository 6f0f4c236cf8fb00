"""Claims about the exported graph, for each family of models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest

from ctr_export.errors import ExportError
from ctr_export.first_token import keep_first_token_only
from ctr_export.graph import JointGraph, write_graph, write_unpadded_graph
from ctr_service.backend.base import FIRST_LENGTHS, INPUT_IDS, LENGTHS, LOGITS
from ctr_service.backend.onnx_session import OnnxSession
from ctr_service.backend.openvino_session import open_openvino_sessions
from ctr_service.backend.openvino_totals import TOKENS_STEP
from ctr_service.backend.rounded import ROWS_STEP
from ctr_service.backend.shapes import tensors_of
from ctr_service.bundle.tokens import pad_rows
from ctr_service.types import Row
from ctr_train.collate import RowCollator
from ctr_train.model import load_classifier, uses_token_types
from ctr_train.scorer import TorchScorer
from tests.support.openvino_variants import require_openvino
from tests.support.tiny_model import make_tiny_model, one_torch_thread

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TypeAlias

    from numpy.typing import NDArray
    from transformers import PreTrainedModel

    Floats = NDArray[np.float64]
    Writer: TypeAlias = Callable[[PreTrainedModel, Path], None]

KINDS = ("bert", "distilbert", "roberta", "xlm-roberta")
UNKNOWN_KIND = "electra"
"""A type whose last layer is left as it is."""
LONGEST = 120
ROUNDING = 1e-5


def _rows(count: int = 40, seed: int = 0) -> list[Row]:
    rng = np.random.default_rng(seed)
    lengths = [LONGEST, 5, *rng.integers(5, LONGEST, count - 2).tolist()]
    return [
        Row.of(rng.integers(5, 60, length).astype(np.int32), int(rng.integers(2, length - 1)))
        for length in lengths
    ]


class Exported:
    """A tiny model's graph, and PyTorch's logits of some rows."""

    def __init__(self, kind: str, folder: Path, write: Writer = write_graph) -> None:
        with one_torch_thread():
            make_tiny_model(folder / "model", kind=kind)
            model = load_classifier(folder / "model")
            collator = RowCollator(pad_id=0, token_types=uses_token_types(model.config))
            self.rows = _rows()
            self.reference = TorchScorer(model, collator).logits(self.rows)
            write(model, folder / "graph.onnx")
        self.path = folder / "graph.onnx"
        self.session = OnnxSession(self.path, threads=1)

    def score(self, rows: list[Row], bucket: int, pad_id: int = 0) -> Floats:
        """Run one batch."""
        outputs = self.session.run(tensors_of(pad_rows(rows, bucket, pad_id)))
        return np.asarray(outputs[LOGITS], dtype=np.float64)


WRITERS = {"padded": write_graph, "unpadded": write_unpadded_graph}
GRAPHS = [(kind, writer) for kind in KINDS for writer in WRITERS] + [(UNKNOWN_KIND, "padded")]


@pytest.fixture(scope="module", params=GRAPHS, ids="-".join)
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """One graph of each family, computing its padding and skipping it."""
    kind, writer = request.param
    return Exported(kind, tmp_path_factory.mktemp(kind), WRITERS[writer])


def test_one_batch_gives_pytorchs_logits(exported: Exported) -> None:
    """All rows in one batch, padded to the longest, get the logits of the PyTorch model."""
    assert exported.reference.std() > 0.1
    logits = exported.score(exported.rows, LONGEST)
    np.testing.assert_allclose(logits, exported.reference, atol=ROUNDING)


def test_single_rows_without_padding_give_the_same(exported: Exported) -> None:
    """Rows and length are both dynamic: one row of any length up to the longest works."""
    logits = [exported.score([row], row.length)[0] for row in exported.rows]
    np.testing.assert_allclose(logits, exported.reference, atol=ROUNDING)


def test_padding_never_influences_a_row(exported: Exported) -> None:
    """Whatever ids stand in the padded places, not one bit of a logit changes."""
    with_pad = exported.score(exported.rows, LONGEST, pad_id=0)
    with_words = exported.score(exported.rows, LONGEST, pad_id=17)
    np.testing.assert_array_equal(with_pad, with_words)


def test_a_row_does_not_know_its_place(exported: Exported) -> None:
    """Turning a batch round turns the logits round."""
    forward = exported.score(exported.rows, LONGEST)
    backward = exported.score(exported.rows[::-1], LONGEST)
    np.testing.assert_allclose(forward, backward[::-1], atol=ROUNDING)


def test_a_graph_that_skips_padding_gives_the_padded_ones_logits(tmp_path: Path) -> None:
    """Picking tokens moves numbers and computes none anew."""
    padded, unpadded = (
        Exported("bert", tmp_path / name, writer) for name, writer in WRITERS.items()
    )
    logits = padded.score(padded.rows, LONGEST)
    np.testing.assert_allclose(unpadded.score(padded.rows, LONGEST), logits, atol=ROUNDING)


def test_openvino_gives_the_same_logits_whatever_the_batchs_shape(tmp_path: Path) -> None:
    """Tokens, rows and length are rounded up; what is filled in reaches no row."""
    require_openvino()
    made = Exported("bert", tmp_path, write_unpadded_graph)
    (session,) = open_openvino_sessions(made.path, sessions=1, threads=1, precision="fp32")
    for end in range(2, len(made.rows) + 1):
        rows = made.rows[1:end]
        batch = tensors_of(pad_rows(rows, max(row.length for row in rows), 0))
        logits = np.asarray(session.run(batch)[LOGITS], dtype=np.float64)
        np.testing.assert_allclose(logits, made.reference[1:end], atol=ROUNDING)
        computed = session._request.get_output_tensor(0).shape[0]
        assert computed == -(-len(rows) // ROWS_STEP) * ROWS_STEP


@pytest.mark.parametrize("skips_padding", [True, False])
def test_openvino_rehearses_a_graph_that_skips_padding(
    tmp_path: Path, *, skips_padding: bool
) -> None:
    """Its batches run, and rows are scored as before; another graph has none."""
    require_openvino()
    writer = write_unpadded_graph if skips_padding else write_graph
    made = Exported("bert", tmp_path, writer)
    (session,) = open_openvino_sessions(made.path, sessions=1, threads=1, precision="fp32")
    batches = list(session.rehearsal((8, LONGEST), 4 * TOKENS_STEP))
    for tensors in batches:
        session.run(tensors)
    sums = {int(tensors[LENGTHS].sum()) for tensors in batches}
    assert sums >= ({16, 32, 48, 64} if skips_padding else set())
    assert bool(batches) is skips_padding
    batch = tensors_of(pad_rows(made.rows, LONGEST, 0))
    logits = np.asarray(session.run(batch)[LOGITS], dtype=np.float64)
    np.testing.assert_allclose(logits, made.reference, atol=ROUNDING)


def test_the_first_segment_matters_to_bert_alone(tmp_path: Path) -> None:
    """BERT reads where the first segment ends; RoBERTa takes the input and ignores it."""
    for kind, matters in (("bert", True), ("roberta", False)):
        made = Exported(kind, tmp_path / kind)
        moved = [Row.of(row.ids, 2) for row in made.rows]
        same = np.allclose(made.score(moved, LONGEST), made.reference, atol=ROUNDING)
        assert same is not matters


@pytest.mark.parametrize("kind", [*KINDS, UNKNOWN_KIND])
def test_the_last_layer_is_cut_where_it_is_known(kind: str, tmp_path: Path) -> None:
    """The families that we promise are cut to the first token; another type stays whole."""
    model = load_classifier(make_tiny_model(tmp_path, kind=kind))
    assert keep_first_token_only(model) is (kind != UNKNOWN_KIND)


def test_a_model_that_cannot_be_exported_is_refused_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exporter's own error becomes a sentence that names the model's type."""

    def fail(*_arguments: object) -> None:
        raise RuntimeError("unsupported operator")

    model = load_classifier(make_tiny_model(tmp_path))
    monkeypatch.setattr(JointGraph, "forward", fail)
    with pytest.raises(ExportError, match="a model of type bert cannot be exported"):
        write_graph(model, tmp_path / "graph.onnx")


def test_no_constant_of_a_graph_overflows_fp16(exported: Exported) -> None:
    """A GPU that computes in FP16 meets no infinity that the graph brought along."""
    nodes = onnx.load(str(exported.path)).graph
    tensors = [*nodes.initializer]
    tensors += [a.t for node in nodes.node for a in node.attribute if a.name == "value"]
    floats = [t for t in tensors if t.data_type == onnx.TensorProto.FLOAT]
    assert floats
    for tensor in floats:
        with np.errstate(over="ignore"):
            halved = onnx.numpy_helper.to_array(tensor).astype(np.float16)
        assert np.isfinite(halved).all(), tensor.name


def test_a_row_of_nothing_but_padding_gives_a_number(exported: Exported) -> None:
    """Even with length 0 it has a logit, and its neighbours keep theirs."""
    alone = pad_rows(exported.rows[:3], LONGEST, 0)
    tensors = {name: np.concatenate([a, a[:1]]) for name, a in tensors_of(alone).items()}
    for name in (INPUT_IDS, LENGTHS, FIRST_LENGTHS):
        tensors[name][-1] = 0
    logits = np.asarray(exported.session.run(tensors)[LOGITS], dtype=np.float64)
    assert np.isfinite(logits).all()
    np.testing.assert_allclose(logits[:3], exported.reference[:3], atol=ROUNDING)
