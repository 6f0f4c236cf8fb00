"""What a bundle says of its trimmed vocabulary: how much went, and what that changed."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

FLOAT32_BYTES = 4


class TrimmingRecord(BaseModel):
    """A vocabulary cut to the word pieces of a log, and what the cut costs on held-out rows.

    AUCs are None where the rows are all clicked or all not.

    Attributes:
        checkpoint_weights_sha256: of the checkpoint that was trimmed; the manifest's digest is of
            the trimmed weights.
        least_count: a piece of several characters stayed if training rows use it so often.
        pieces_before, pieces_after: rows of the word embedding.
        saved_bytes_a_graph: by which each graph became smaller that holds float32 word vectors.
        saved_tokenizer_bytes: by which `tokenizer.json` became smaller.
        pairs: held-out test rows that were compared.
        changed_pairs: those that the trimmed tokenizer splits otherwise.
        max_abs_delta_probability: of the pairs that are not changed, float32 graph against
            float32 graph in the same batches.
        auc_before, auc_after: of all pairs.
        changed_auc_before, changed_auc_after: of the changed pairs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    checkpoint_weights_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    least_count: int = Field(ge=1)
    pieces_before: int = Field(ge=1)
    pieces_after: int = Field(ge=1)
    saved_bytes_a_graph: int = Field(ge=0)
    saved_tokenizer_bytes: int
    pairs: int = Field(ge=1)
    changed_pairs: int = Field(ge=0)
    max_abs_delta_probability: float = Field(ge=0)
    auc_before: float | None
    auc_after: float | None
    changed_auc_before: float | None
    changed_auc_after: float | None

    @property
    def changed_share(self) -> float:
        """Share of the pairs that the trimmed tokenizer splits otherwise."""
        return self.changed_pairs / self.pairs

    @property
    def auc_cost(self) -> float | None:
        """By how much the AUC of all pairs fell; below 0 it rose."""
        if self.auc_before is None or self.auc_after is None:
            return None
        return self.auc_before - self.auc_after

    def saved_bytes(self, float32_graphs: int, int8_graphs: int) -> int:
        """Return by how much a bundle became smaller.

        Args:
            float32_graphs: files that hold word vectors in float32: ONNX Runtime's, 8-bit ones too.
            int8_graphs: files that hold them in a byte each: NNCF's for OpenVINO.
        """
        graphs = float32_graphs + int8_graphs / FLOAT32_BYTES
        return round(graphs * self.saved_bytes_a_graph) + self.saved_tokenizer_bytes
