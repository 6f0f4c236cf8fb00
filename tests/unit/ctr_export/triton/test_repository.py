"""Claims about the folder that Triton loads."""

from __future__ import annotations

import ast
import json
import shutil
import sys
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ctr_export.triton.names import CPU, CUDA, TENSORRT
from ctr_export.triton.repository import SERVED_CODE, add_repositories, link_or_copy
from ctr_export.triton.targets import target_specs
from ctr_export.triton.wire import pair_bytes, usual_pair_bytes
from ctr_service.backend.base import LOGITS
from ctr_service.backend.onnx_session import OnnxSession
from ctr_service.bundle.bundle import load_bundle, write_manifest
from ctr_service.bundle.manifest import Manifest
from ctr_service.errors import BundleError
from tests.support.openvino_variants import add_openvino
from tests.support.tiny_bundle import GRAPH_FILE, make_tiny_bundle
from tests.support.triton_bundle import make_triton_bundle

if TYPE_CHECKING:
    from pathlib import Path

MODEL = "triton/cpu/ctr_joint"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with its repositories, which no test changes."""
    return make_triton_bundle(tmp_path_factory.mktemp("bundle") / "tiny")


@pytest.fixture
def copy(bundle: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return shutil.copytree(bundle, tmp_path / "copy")


def test_a_repository_is_whole_and_costs_no_disk(bundle: Path) -> None:
    """The graph is a second name of the bundle's own file, not a pointer out of the folder."""
    for target in (CPU, CUDA):
        graph = bundle / "triton" / target / "ctr_joint/1/model.onnx"
        assert not graph.is_symlink()
        assert graph.samefile(bundle / GRAPH_FILE)


def test_triton_serves_onnx_runtimes_fastest_where_the_default_is_openvinos(
    tmp_path: Path,
) -> None:
    """Triton's backends do not read OpenVINO's graphs; GPU targets keep the float32 one."""
    folder = make_tiny_bundle(tmp_path / "bundle")
    add_openvino(folder, "bf16", default=True)
    manifest = load_bundle(folder).manifest
    engines = manifest.graphs["joint"]
    plain = engines["onnxruntime"]["fp32"]
    faster = {"int8-token": plain.model_copy(update={"pairs_per_second": 12_000.0})}
    onnx = engines["onnxruntime"] | faster
    manifest = manifest.model_copy(update={"graphs": {"joint": engines | {"onnxruntime": onnx}}})
    served = {spec.target: (spec.engine, spec.precision) for spec in target_specs(manifest)}
    assert served.pop(CPU) == ("onnxruntime", "int8-token")
    assert set(served.values()) == {("onnxruntime", "fp32")}
    # It can be written and passes its own check.
    assert add_repositories(folder, manifest).triton[CPU].precision == "int8-token"


def test_a_filesystem_without_links_gets_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The repository is as complete there, and takes the room."""

    def refuse(*_: object) -> None:
        raise OSError

    (tmp_path / "graph").write_bytes(b"graph")
    monkeypatch.setattr("os.link", refuse)
    link_or_copy(tmp_path / "graph", tmp_path / "second")
    assert (tmp_path / "second").read_bytes() == b"graph"
    assert not (tmp_path / "second").samefile(tmp_path / "graph")


def test_the_manifest_covers_every_file(bundle: Path) -> None:
    """Each file below triton/ has its digest, and there is none beside."""
    files = {p.relative_to(bundle).as_posix() for p in bundle.rglob("triton/**/*") if p.is_file()}
    targets = load_bundle(bundle).manifest.triton.values()
    assert files == {name for target in targets for name in target.files}


@pytest.mark.parametrize(
    "name", [f"{MODEL}/config.pbtxt", f"{MODEL}/1/model.py", f"{MODEL}/warmup/length_32"]
)
def test_a_changed_file_makes_the_bundle_unreadable(copy: Path, name: str) -> None:
    """The gateway would drive a Triton that is not what was exported."""
    with (copy / name).open("ab") as file:
        file.write(b" ")
    with pytest.raises(BundleError, match=name):
        load_bundle(copy)


def test_a_changed_copy_of_the_graph_is_found_beside_the_whole_one(copy: Path) -> None:
    """Copies are read each; only names of one file share its digest."""
    with (copy / MODEL / "1/model.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(BundleError, match="triton/cpu"):
        load_bundle(copy)


def test_a_target_must_name_a_graph_of_the_bundle(bundle: Path) -> None:
    """A manifest whose target serves nothing is refused when it is read."""
    content = load_bundle(bundle).manifest.model_dump(mode="json")
    content["triton"][CPU]["precision"] = "int4"
    with pytest.raises(ValueError, match=r"triton\.cpu names no graph"):
        Manifest.model_validate(content)


def test_a_target_must_hold_the_longest_row(bundle: Path) -> None:
    """A layout that is too short would fail at the first long row."""
    content = load_bundle(bundle).manifest.model_dump(mode="json")
    content["triton"][TENSORRT]["layout"]["buckets_tokens"] = [8]
    with pytest.raises(ValueError, match=r"triton.tensorrt: its largest bucket"):
        Manifest.model_validate(content)


def test_a_bundle_of_the_first_release_still_loads(copy: Path) -> None:
    """Its manifest knows no triton, and its folder holds none."""
    manifest = load_bundle(copy).manifest
    content = manifest.model_dump(mode="json")
    del content["triton"]
    shutil.rmtree(copy / "triton")
    write_manifest(copy, Manifest.model_validate(content))
    assert load_bundle(copy).manifest.triton == {}


def test_a_pair_costs_a_number_a_token_and_two(bundle: Path) -> None:
    """int32 ids and two lengths: less than a fifth of int64 ids, mask and types."""
    manifest = load_bundle(bundle).manifest
    inputs = manifest.variant("joint", "onnxruntime", "fp32").inputs
    assert pair_bytes(inputs, 48) == 4 * 48 + 8
    assert usual_pair_bytes(48) == 3 * 8 * 48


def test_the_served_code_imports_what_triton_has() -> None:
    """Nothing but numpy, ONNX Runtime, Triton's module and the standard library."""
    found = set()
    for node in ast.walk(ast.parse(SERVED_CODE.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module).partition(".")[0])
    foreign = found - sys.stdlib_module_names
    assert foreign == {"numpy", "onnxruntime", "triton_python_backend_utils"}


class _Tensor:
    def __init__(self, name: str, values: np.ndarray[Any, Any]) -> None:
        self.name, self._values = name, values

    def as_numpy(self) -> np.ndarray[Any, Any]:
        return self._values


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401 -- a module
    """The served code, beside a stand-in for Triton's module."""
    utils = ModuleType("triton_python_backend_utils")
    utils.Tensor = _Tensor  # type: ignore[attr-defined]  # -- a module made for the test
    utils.InferenceResponse = lambda tensors: tensors  # type: ignore[attr-defined]  # -- the same
    utils.TritonModelException = RuntimeError  # type: ignore[attr-defined]  # -- the same
    utils.get_input_tensor_by_name = lambda request, name: _Tensor(name, request[name])  # type: ignore[attr-defined]  # -- the same
    monkeypatch.setitem(sys.modules, "triton_python_backend_utils", utils)
    space: dict[str, Any] = {}
    exec(compile(SERVED_CODE.read_text(), str(SERVED_CODE), "exec"), space)  # noqa: S102 -- our own file, as Triton runs it
    return SimpleNamespace(**space)


def _args(bundle: Path, digest: str) -> dict[str, str]:
    parameters = {"ctr_graph_sha256": digest, "ctr_threads": "1"}
    config = {"parameters": {key: {"string_value": v} for key, v in parameters.items()}}
    return {
        "model_config": json.dumps(config),
        "model_repository": str(bundle / MODEL),
        "model_version": "1",
    }


def _request(rows: int, rng: np.random.Generator) -> dict[str, np.ndarray[Any, Any]]:
    return {
        "input_ids": rng.integers(4, 40, (rows, 32)).astype(np.int32),
        "lengths": rng.integers(4, 32, (rows, 1)).astype(np.int32),
        "first_lengths": np.full((rows, 1), 2, np.int32),
    }


def test_the_served_code_gives_the_graphs_logits(bundle: Path, served: Any) -> None:  # noqa: ANN401 -- a module
    """Requests of one call run as one batch, and each gets the logits of its own rows."""
    digest = load_bundle(bundle).manifest.variant("joint", "onnxruntime", "fp32").sha256
    model = served.TritonPythonModel()
    model.initialize(_args(bundle, digest))
    rng = np.random.default_rng(0)
    requests = [_request(rows, rng) for rows in (3, 1, 2)]
    session = OnnxSession(bundle / GRAPH_FILE, threads=1)
    for request, (answer,) in zip(requests, model.execute(requests), strict=True):
        flat = {n: a if n == "input_ids" else a.ravel() for n, a in request.items()}
        np.testing.assert_array_equal(answer.as_numpy(), session.run(flat)[LOGITS])


def test_the_served_code_refuses_another_graph(bundle: Path, served: Any) -> None:  # noqa: ANN401 -- a module
    """A graph that does not match the config's digest is not loaded."""
    with pytest.raises(RuntimeError, match="does not match ctr_graph_sha256"):
        served.TritonPythonModel().initialize(_args(bundle, "0" * 64))
