"""A bundle for the engine `scripted-timed`, whose capacity follows from its settings alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_bench.bound.rows import RowMaker, open_bundle
from ctr_bench.catalogue import find_catalogue
from ctr_bench.material import make_material
from ctr_service.bundle.bundle import load_bundle, write_manifest
from tests.support.tiny_bundle import make_tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path

CANDIDATES = 4
TITLES = ("red lamp", "oak shelf large", "drill", "blue outdoor speaker", "steel kettle set")


def make_timed_bundle(folder: Path) -> Path:
    """Write a bundle whose graph is said to skip its padding, so that own tokens alone count."""
    make_tiny_bundle(folder)
    manifest = load_bundle(folder).manifest
    engines = manifest.graphs["joint"]
    variant = engines["onnxruntime"]["fp32"].model_copy(update={"skips_padding": True})
    graphs = {"joint": {"onnxruntime": {"fp32": variant}}}
    write_manifest(folder, manifest.model_copy(update={"graphs": graphs}))
    return folder


def write_catalogue(folder: Path) -> Path:
    """Write titles, so that a test asks the same on every machine."""
    path = folder / "titles.csv"
    path.write_text("title\n" + "\n".join(TITLES) + "\n")
    return path


def timed_flags(bundle: Path, catalogue: Path, list_s: float) -> list[str]:
    """Return `--flag`s of a gateway with one slot, of which a list takes so long.

    So 1 / list_s lists a second are the most that it can do, and nearly what it does.
    """
    material = make_material(
        RowMaker(open_bundle(bundle)), find_catalogue(catalogue), CANDIDATES, seed=0
    )
    token_s = list_s / (material.pair_tokens * CANDIDATES)
    words = ("--engine", "scripted-timed", "--sessions", "1", "--scripted-run-s", "0")
    return [f"--flag={word}" for word in (*words, "--scripted-token-s", f"{token_s:.9f}")]
