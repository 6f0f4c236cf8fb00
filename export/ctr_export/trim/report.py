"""A trimmed vocabulary as a table for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from ctr_export.catalogue import IR_SUFFIX

if TYPE_CHECKING:
    from pathlib import Path

    from ctr_service.bundle.manifest import Manifest
    from ctr_service.bundle.trimming import TrimmingRecord


def trimming_table(record: TrimmingRecord, manifest: Manifest, folder: Path) -> Table:
    """Return what trimming left, saved and changed, a fact a row.

    Args:
        record: the manifest's own.
        manifest: of the bundle; says how many graphs there are.
        folder: the bundle's; says how large it is.
    """
    table = Table(
        title="Vocabulary trimmed to the log", title_justify="left", show_header=False, box=None
    )
    table.add_column(style="bold")
    table.add_column()
    for name, text in _facts(record, manifest, folder).items():
        table.add_row(name, text)
    return table


def bundle_bytes(folder: Path) -> int:
    """Return what a folder's files take, a file of several names once."""
    statuses = [path.stat() for path in folder.rglob("*") if path.is_file()]
    return sum({(one.st_dev, one.st_ino): one.st_size for one in statuses}.values())


def graph_files(manifest: Manifest) -> tuple[int, int]:
    """Return how many files hold word vectors in float32, and how many in a byte each.

    Variants that run the same graph share its file. OpenVINO's own are NNCF's 8-bit ones.
    """
    files = {
        variant.file
        for engines in manifest.graphs.values()
        for variants in engines.values()
        for variant in variants.values()
    }
    int8 = sum(file.endswith(IR_SUFFIX) for file in files)
    return len(files) - int8, int8


def _facts(record: TrimmingRecord, manifest: Manifest, folder: Path) -> dict[str, str]:
    size, (float32, int8) = bundle_bytes(folder), graph_files(manifest)
    saved = record.saved_bytes(float32, int8)
    same = record.pairs - record.changed_pairs
    return {
        "word pieces": f"{record.pieces_after:,} of {record.pieces_before:,} "
        f"({record.pieces_after / record.pieces_before:.1%}): single characters, and what the "
        f"training rows use at least {record.least_count} x",
        "bytes of the bundle": f"{size:,}, without trimming {size + saved:,}: saved {saved:,} "
        f"({saved / (size + saved):.1%}), {record.saved_bytes_a_graph:,} in each of {float32} "
        f"graph(s), a quarter of it in each of {int8} with 8-bit word vectors, and "
        f"{record.saved_tokenizer_bytes:,} in the tokenizer",
        "pairs with the same pieces": f"{same:,} of {record.pairs:,}; max |Δ p| "
        f"{record.max_abs_delta_probability:.2g} (float32, same batches)",
        "pairs split otherwise": f"{record.changed_pairs:,} ({record.changed_share:.2%}), "
        f"AUC {_moved(record.changed_auc_before, record.changed_auc_after)}",
        "AUC of all pairs": _moved(record.auc_before, record.auc_after),
    }


def _moved(before: float | None, after: float | None) -> str:
    if before is None or after is None:
        return "not known: all of them clicked, or none"
    return f"{before:.4f} -> {after:.4f}, cost {before - after:.4f}"
