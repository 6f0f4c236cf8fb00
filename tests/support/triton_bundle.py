"""The tiny bundle with its Triton repositories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_export.triton.repository import add_repositories
from ctr_service.bundle.bundle import load_bundle, write_manifest
from tests.support.tiny_bundle import make_tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path


def make_triton_bundle(folder: Path) -> Path:
    """Write a complete tiny bundle with `triton/` to `folder` and return it."""
    make_tiny_bundle(folder)
    write_manifest(folder, add_repositories(folder, load_bundle(folder).manifest))
    return folder
