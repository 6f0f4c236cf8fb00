"""A cluster to rehearse in: the real manifests, the real gateway, tiny bundles, a scripted engine."""

from __future__ import annotations

import contextlib
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ctr_rehearsal.kubelet.images import Image
from ctr_rehearsal.world import World, WorldPlan, running_world
from tests.support.tiny_bundle import make_tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[2]
ZEROS = "0" * 64
GATEWAY, MODEL = (f"registry.example/{name}@sha256:{ZEROS}" for name in ("ctr-serve-gateway", "ctr-model"))
GATEWAY_2 = f"registry.example/ctr-serve-gateway@sha256:{'2' * 64}"
MODEL_2 = f"registry.example/ctr-model@sha256:{'2' * 64}"
TAMPERED = f"registry.example/ctr-model@sha256:{'7' * 64}"
CRASHING = f"registry.example/ctr-serve-gateway@sha256:{'8' * 64}"
COLD = f"registry.example/ctr-serve-gateway@sha256:{'9' * 64}"
SLOW = f"registry.example/ctr-serve-gateway@sha256:{'5' * 64}"
ABSENT = f"registry.example/ctr-model@sha256:{'4' * 64}"


def gateway_image(folder: Path, module: str, **variables: str) -> Image:
    """Return an image whose `ctr-service` is `python -m module`."""
    folder.mkdir(parents=True)
    program = folder / "ctr-service"
    settings = "".join(f"export {name}={value}\n" for name, value in variables.items())
    program.write_text(
        f'#!/bin/sh\nexport PYTHONPATH="{ROOT}"\n{settings}exec "{sys.executable}" -m {module} "$@"\n'
    )
    program.chmod(0o755)
    return Image(programs=folder)


def images(folder: Path) -> dict[str, Image]:
    """Return what is in the registry: two releases, two models, and broken ones of each."""
    timed = "tests.support.timed_gateway"
    first, second = (
        make_tiny_bundle(folder / version / "bundle", seed=seed, version=version)
        for seed, version in enumerate(("t1", "t2"))
    )
    tampered = folder / "tampered" / "bundle"
    shutil.copytree(second, tampered)
    graph = next((tampered / "graphs").iterdir())
    graph.write_bytes(graph.read_bytes()[:-1] + b"\0")
    return {
        GATEWAY: gateway_image(folder / "gateway-1", timed),
        GATEWAY_2: gateway_image(folder / "gateway-2", timed),
        CRASHING: gateway_image(folder / "crashing", "tests.support.no_such_module"),
        COLD: gateway_image(folder / "cold", timed, REHEARSAL_WARM_UP="fails"),
        SLOW: gateway_image(folder / "slow", timed, REHEARSAL_TOKEN_S="0.002"),
        MODEL: Image(files={"/bundle": first}),
        MODEL_2: Image(files={"/bundle": second}),
        TAMPERED: Image(files={"/bundle": tampered}),
    }


@contextlib.contextmanager
def rehearsing(folder: Path, more: Mapping[str, Image] | None = None, **plan: float) -> Iterator[World]:
    """Run a cluster with these images, nothing rolled out yet."""
    known = {**images(folder / "images"), **(more or {})}
    with running_world(WorldPlan(folder / "world", known, **plan)) as world:
        yield world
