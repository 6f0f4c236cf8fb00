"""The bundle's `triton/` folder: a model repository a target, each whole in itself.

Graphs are hard links to the bundle's own, so they cost no disk, and a repository that is mounted,
copied or uploaded alone is complete. A symbolic link would point out of the repository, and object
stores have none.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from ctr_export.triton import names
from ctr_export.triton.check import check_repositories
from ctr_export.triton.config import config_text, make_config
from ctr_export.triton.names import CPU, GPU_BATCH_TOKENS, TENSORRT, TRITON_FOLDER
from ctr_export.triton.targets import target_specs
from ctr_export.triton.warmup import write_warmup
from ctr_service.bundle.files import sha256_of
from ctr_service.bundle.manifest import TritonTarget

if TYPE_CHECKING:
    from ctr_export.triton.spec import TargetSpec
    from ctr_service.bundle.manifest import Manifest

SERVED_CODE = Path(__file__).with_name("served_model.py")
"""Copied as it is; never imported here, because Triton's own module is missing."""


def add_repositories(
    staged: Path, manifest: Manifest, *, gpu_batch_tokens: int = GPU_BATCH_TOKENS
) -> Manifest:
    """Write and check `triton/` in a staged bundle that holds its graphs.

    Args:
        staged: the bundle.
        manifest: what it will say of itself, but for `triton`.
        gpu_batch_tokens: most padded tokens of a batch on a GPU.

    Returns:
        The manifest with `triton`.

    Raises:
        TritonConfigError: a config does not fit its graph.
    """
    specs = target_specs(manifest, gpu_batch_tokens=gpu_batch_tokens)
    targets = {spec.target: _write_repository(staged, spec) for spec in specs}
    complete = manifest.model_copy(update={"triton": targets})
    check_repositories(staged, complete)
    return complete


def link_or_copy(source: Path | str, to: Path | str) -> None:
    """Make a second name of a file, or a copy where the filesystem knows no hard links."""
    try:
        os.link(source, to)
    except OSError:
        shutil.copyfile(source, to)


def folder_digests(bundle: Path, folder: str) -> dict[str, str]:
    """Return path inside the bundle -> sha256 of every file below one of its folders."""
    paths = sorted(path for path in (bundle / folder).rglob("*") if path.is_file())
    return {path.relative_to(bundle).as_posix(): sha256_of(path) for path in paths}


def _write_repository(staged: Path, spec: TargetSpec) -> TritonTarget:
    folder = f"{TRITON_FOLDER}/{spec.target}"
    model = staged / folder / spec.model
    version = model / names.VERSION
    version.mkdir(parents=True)
    (model / names.CONFIG_FILE).write_text(config_text(make_config(spec)), encoding="utf-8")
    write_warmup(model / names.WARMUP_FOLDER, spec)
    if spec.target != TENSORRT:  # its plan is built on the machine that has the GPU
        link_or_copy(staged / spec.variant.file, version / names.GRAPH_FILE)
    if spec.target == CPU:
        shutil.copyfile(SERVED_CODE, version / names.CODE_FILE)
    return TritonTarget(
        folder=folder,
        model=spec.model,
        graph=spec.graph,
        engine=spec.engine,
        precision=spec.precision,
        layout=spec.layout,
        shapes=spec.shapes,
        files=folder_digests(staged, folder),
    )
