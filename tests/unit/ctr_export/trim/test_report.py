"""Claims about the table of a trimming."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_export.trim.report import bundle_bytes

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_of_two_names_counts_once(tmp_path: Path) -> None:
    """Triton's repositories are hard links to the bundle's graphs."""
    (tmp_path / "graphs").mkdir()
    graph = tmp_path / "graphs" / "a.onnx"
    graph.write_bytes(b"x" * 1000)
    (tmp_path / "link.onnx").hardlink_to(graph)
    (tmp_path / "tokenizer.json").write_bytes(b"y" * 24)
    assert bundle_bytes(tmp_path) == 1024
