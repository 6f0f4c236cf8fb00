"""What the images are built from: small, and enough to build the whole wheel."""

from __future__ import annotations

import fnmatch
import shutil
import subprocess
import sys
import tomllib
import zipfile
from typing import TYPE_CHECKING

from tests.support.images import EXTRAS, ROOT, dockerfile

if TYPE_CHECKING:
    from pathlib import Path

MOST_BYTES = 6_000_000
PACKAGES = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"][
    "targets"
]["wheel"]["packages"]


def tracked() -> list[str]:
    """Every file that a checkout has."""
    result = subprocess.run(
        ["/usr/bin/env", "git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [name for name in result.stdout.splitlines() if (ROOT / name).is_file()]


def in_context(name: str) -> bool:
    """Whether .dockerignore lets a file through: the last line that fits it, or a folder above."""
    let_in = True
    parts = name.split("/")
    above = ["/".join(parts[: count + 1]) for count in range(len(parts))]
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!")
        if not line or line.startswith("#"):
            continue
        # Each part is matched apart, since a star does not cross a slash; `**/` is any folder.
        fits = [pattern.removeprefix("**/")] if pattern.startswith("**/") else [pattern]
        candidates = parts if pattern.startswith("**/") else above
        if any(_fits(one, fits[0]) for one in candidates):
            let_in = line.startswith("!")
    return let_in


def _fits(name: str, pattern: str) -> bool:
    names, patterns = name.split("/"), pattern.split("/")
    return len(names) == len(patterns) and all(map(fnmatch.fnmatchcase, names, patterns))


def test_only_what_is_built_is_sent() -> None:
    """The context is small and holds no test, document, manifest, build, history or environment."""
    sent = [name for name in tracked() if in_context(name)]
    tops = {name.split("/")[0] for name in sent}
    assert tops == {"pyproject.toml", "README.md", "proto", "service", "export", "bench", "k8s"}
    assert {"/".join(name.split("/")[:2]) for name in sent if name.startswith("k8s/")} == {
        "k8s/ctr_alerts",
        "k8s/ctr_k8s",
        "k8s/images",
    }
    assert sum((ROOT / name).stat().st_size for name in sent) < MOST_BYTES
    # What the Dockerfiles copy is there, and is no stray file of one machine.
    copied = {
        value.split()[0]
        for image in EXTRAS
        for stage in dockerfile(image).stages
        for value in stage.values("COPY")
        if not value.startswith(("--from", ". "))
    }
    assert copied <= set(sent)
    for stray in (".git/config", ".venv/bin/python", "build/demo/bundle/manifest.json", "secret"):
        assert not in_context(stray)
    assert not in_context("service/ctr_service/__pycache__/app.cpython-311.pyc")


def test_the_wheel_of_the_context_is_whole(tmp_path: Path) -> None:
    """Built from the context alone, as the Dockerfiles do, it holds every file of our packages."""
    source = tmp_path / "src"
    for name in filter(in_context, tracked()):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, source / name)
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"),
            *("--no-build-isolation", "--wheel-dir", str(tmp_path), str(source)),
        ],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    wanted = {
        name.split("/", 1)[1]
        for name in tracked()
        if any(name.startswith(f"{package}/") for package in PACKAGES)
    }
    assert wanted <= held
    assert {name for name in held if ".dist-info/" not in name} == wanted
