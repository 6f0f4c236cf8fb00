"""OpenVINO variants for tiny bundles, and what tests need to run them."""

from __future__ import annotations

import functools
import importlib.util
import os
import sys
from typing import TYPE_CHECKING

import pytest

from ctr_service.backend import openvino_session
from ctr_service.backend.openvino_library import load_openvino, openvino_core
from ctr_service.backend.openvino_session import open_openvino_sessions
from ctr_service.bundle.bundle import load_bundle, write_manifest
from ctr_service.bundle.files import sha256_of
from ctr_service.bundle.manifest import JOINT_GRAPH, DefaultChoice

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ctr_service.backend.openvino_session import OpenVinoSession

IR_FILE = "graphs/joint.openvino.int8-static.xml"
WEIGHTS_FILE = "graphs/joint.openvino.int8-static.bin"


def require_openvino() -> None:
    """Skip where OpenVINO is not installed; fail where CI says that it must be."""
    if importlib.util.find_spec("openvino") is None:
        reason = "OpenVINO is not installed: pip install 'ctr-serve[openvino]'"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


def float32_sessions() -> Callable[..., Sequence[OpenVinoSession]]:
    """Return what opens graphs on OpenVINO at float32."""
    return functools.partial(open_openvino_sessions, precision="fp32")


def write_ir(graph: Path, target: Path) -> None:
    """Write an ONNX graph in OpenVINO's own format: `.xml`, and `.bin` beside it."""
    openvino = load_openvino()
    model = openvino_core().read_model(str(graph))
    openvino.save_model(model, str(target), compress_to_fp16=False)


def add_openvino(
    bundle: Path,
    precision: str,
    *,
    files: Sequence[str] = (),
    default: bool = False,
    pairs_per_second: float = 20_000.0,
) -> None:
    """Give a tiny bundle a variant on OpenVINO.

    Args:
        bundle: changed in place.
        precision: of the variant.
        files: inside the bundle, already written; none for the ONNX graph that is there.
        default: makes it the bundle's default.
        pairs_per_second: what it claims to do.
    """
    manifest = load_bundle(bundle).manifest
    onnx = manifest.variant(JOINT_GRAPH, "onnxruntime", "fp32")
    file, *extra = files or (onnx.file,)
    variant = onnx.model_copy(
        update={
            "file": file,
            "sha256": sha256_of(bundle / file),
            "extra_files": {name: sha256_of(bundle / name) for name in extra},
            "pairs_per_second": pairs_per_second,
        }
    )
    engines = manifest.graphs[JOINT_GRAPH]
    known = engines.get("openvino", {})
    graphs = {JOINT_GRAPH: engines | {"openvino": known | {precision: variant}}}
    choice = DefaultChoice(graph=JOINT_GRAPH, engine="openvino", precision=precision, cpu="tests")
    changes = {"graphs": graphs} | ({"default": choice} if default else {})
    write_manifest(bundle, manifest.model_copy(update=changes))


def without_openvino(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the library absent, as in a process that has not loaded it yet."""
    monkeypatch.setitem(sys.modules, "openvino", None)
    # The process's core is kept for good, so it is asked for anew.
    monkeypatch.setattr(openvino_session, "openvino_core", openvino_core.__wrapped__)
