"""Claims about the check: what is written passes, and every change is named by its field."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2 as pb

from ctr_export.commands.triton_check import triton_check
from ctr_export.errors import ExportError, TritonConfigError
from ctr_export.triton.check import check_repositories
from ctr_export.triton.graph_io import read_graph_io
from ctr_export.triton.names import CPU, CUDA, CUDA_TENSORRT, TENSORRT
from ctr_service.bundle.bundle import load_bundle
from tests.support.tiny_bundle import make_tiny_bundle
from tests.support.triton_bundle import make_triton_bundle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Change = Callable[[pb.ModelConfig], object]

CUDA_OPTIONS = "optimization.execution_accelerators.gpu_execution_accelerator[cuda].parameters"
TRT = "optimization.execution_accelerators.gpu_execution_accelerator[tensorrt].parameters"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with its repositories, which no test changes."""
    return make_triton_bundle(tmp_path_factory.mktemp("bundle") / "tiny")


@pytest.fixture
def copy(bundle: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return shutil.copytree(bundle, tmp_path / "copy")


def _config(folder: Path, target: str) -> Path:
    return folder / "triton" / target / "ctr_joint" / "config.pbtxt"


def _change(folder: Path, target: str, change: Change) -> None:
    path = _config(folder, target)
    config = text_format.Parse(path.read_text(), pb.ModelConfig())
    change(config)
    path.write_text(text_format.MessageToString(config))


def _accelerator(config: pb.ModelConfig) -> pb.ModelOptimizationPolicy:
    return config.optimization.execution_accelerators.gpu_execution_accelerator[0]


def _set_option(key: str, value: str) -> Change:
    return lambda config: _accelerator(config).parameters.update({key: value})


def _policy(config: pb.ModelConfig) -> pb.ModelQueuePolicy:
    return config.dynamic_batching.default_queue_policy


CHANGES: tuple[tuple[str, str, Change], ...] = (
    (CPU, "name", lambda c: setattr(c, "name", "other")),
    (CPU, "backend", lambda c: setattr(c, "backend", "onnxruntime")),
    (CPU, "max_batch_size", lambda c: setattr(c, "max_batch_size", 4)),
    (CPU, "max_batch_size", lambda c: setattr(c, "max_batch_size", 0)),
    (CPU, "version_policy.specific.versions", lambda c: c.ClearField("version_policy")),
    (CPU, "input[lengths].data_type", lambda c: setattr(c.input[1], "data_type", pb.TYPE_INT64)),
    (CPU, "output[logits].data_type", lambda c: setattr(c.output[0], "data_type", pb.TYPE_FP16)),
    (CPU, "input[input_ids].dims", lambda c: c.input[0].dims.append(4)),
    (CPU, "input[input_ids].dims", lambda c: c.input[0].dims.__setitem__(0, 16)),
    (CPU, "input[lengths].dims", lambda c: c.input[1].dims.__setitem__(0, 2)),
    (CPU, "input[lengths].dims", lambda c: c.input[1].ClearField("reshape")),
    (CPU, "input[lengths].reshape.shape", lambda c: c.input[1].reshape.shape.append(1)),
    (CPU, "input[ids].name", lambda c: setattr(c.input[0], "name", "ids")),
    (CPU, "output", lambda c: c.ClearField("output")),
    (CPU, "dynamic_batching", lambda c: c.ClearField("dynamic_batching")),
    (
        CPU,
        "dynamic_batching.preferred_batch_size",
        lambda c: c.dynamic_batching.ClearField("preferred_batch_size"),
    ),
    (
        CPU,
        "dynamic_batching.max_queue_delay_microseconds",
        lambda c: setattr(c.dynamic_batching, "max_queue_delay_microseconds", 100),
    ),
    (
        CPU,
        "dynamic_batching.default_queue_policy.timeout_action",
        lambda c: setattr(_policy(c), "timeout_action", pb.ModelQueuePolicy.DELAY),
    ),
    (
        CPU,
        "dynamic_batching.default_queue_policy.default_timeout_microseconds",
        lambda c: setattr(_policy(c), "default_timeout_microseconds", 0),
    ),
    (
        CPU,
        "dynamic_batching.default_queue_policy.allow_timeout_override",
        lambda c: setattr(_policy(c), "allow_timeout_override", False),
    ),
    (
        CPU,
        "dynamic_batching.default_queue_policy.max_queue_size",
        lambda c: setattr(_policy(c), "max_queue_size", 0),
    ),
    (
        CPU,
        "dynamic_batching.priority_levels",
        lambda c: setattr(c.dynamic_batching, "priority_levels", 2),
    ),
    (CPU, "response_cache.enable", lambda c: setattr(c.response_cache, "enable", True)),
    (CPU, "parameters[ctr_graph_sha256]", lambda c: c.parameters.pop("ctr_graph_sha256")),
    (CPU, "parameters[ctr_threads]", lambda c: c.parameters.pop("ctr_threads")),
    (
        CPU,
        "parameters[ctr_model_version]",
        lambda c: setattr(c.parameters["ctr_model_version"], "string_value", "v0"),
    ),
    (CPU, "instance_group[0].count", lambda c: setattr(c.instance_group[0], "count", 5)),
    (CPU, "instance_group", lambda c: c.instance_group.add(count=1)),
    (
        CUDA,
        "instance_group[0].kind",
        lambda c: setattr(c.instance_group[0], "kind", pb.ModelInstanceGroup.KIND_CPU),
    ),
    (CPU, "model_warmup", lambda c: c.model_warmup.pop()),
    (CPU, "model_warmup[3x4]", lambda c: c.model_warmup.add(name="3x4", batch_size=3)),
    (CPU, "model_warmup[1x32].batch_size", lambda c: setattr(c.model_warmup[0], "batch_size", 2)),
    (
        CPU,
        "model_warmup[1x32].inputs[input_ids].dims",
        lambda c: c.model_warmup[0].inputs["input_ids"].dims.__setitem__(0, 31),
    ),
    (
        CPU,
        "model_warmup[1x32].inputs[lengths].data_type",
        lambda c: setattr(c.model_warmup[0].inputs["lengths"], "data_type", pb.TYPE_INT64),
    ),
    (
        CPU,
        "model_warmup[1x32].inputs[lengths].input_data_file",
        lambda c: setattr(c.model_warmup[0].inputs["lengths"], "input_data_file", "absent"),
    ),
    (
        CPU,
        "model_warmup[1x32].inputs[lengths]",
        lambda c: c.model_warmup[0].inputs.pop("lengths"),
    ),
    (CUDA, TRT.partition("[")[0], lambda c: c.ClearField("optimization")),
    (CUDA, f"{CUDA_OPTIONS}[use_tf32]", _set_option("use_tf32", "1")),
    (CUDA, f"{CUDA_OPTIONS}[gpu_mem_limit]", _set_option("gpu_mem_limit", "1")),
    (CUDA_TENSORRT, TRT.partition("[")[0], lambda c: setattr(_accelerator(c), "name", "cuda")),
    (CUDA_TENSORRT, f"{TRT}[precision_mode]", _set_option("precision_mode", "FP32")),
    (
        CUDA_TENSORRT,
        f"{TRT}[trt_layer_norm_fp32_fallback]",
        lambda c: _accelerator(c).parameters.pop("trt_layer_norm_fp32_fallback"),
    ),
    (
        CUDA_TENSORRT,
        f"{TRT}[trt_profile_min_shapes]",
        lambda c: _accelerator(c).parameters.pop("trt_profile_min_shapes"),
    ),
    (
        CUDA_TENSORRT,
        f"{TRT}[trt_profile_max_shapes]",
        _set_option("trt_profile_max_shapes", "input_ids:512x16,lengths:512,first_lengths:512"),
    ),
    (
        CUDA_TENSORRT,
        f"{TRT}[trt_profile_min_shapes]",
        _set_option("trt_profile_min_shapes", "input_ids:2x1,lengths:2,first_lengths:2"),
    ),
    (
        CUDA_TENSORRT,
        f"{TRT}[trt_profile_opt_shapes]",
        _set_option("trt_profile_opt_shapes", "input_ids:1x9999,lengths:1,first_lengths:1"),
    ),
    (
        CUDA_TENSORRT,
        f"{TRT}[trt_profile_opt_shapes]",
        _set_option("trt_profile_opt_shapes", "input_ids:axb"),
    ),
    (CUDA_TENSORRT, f"{TRT}[trt_fp16]", _set_option("trt_fp16", "1")),
    (TENSORRT, "default_model_filename", lambda c: c.ClearField("default_model_filename")),
    (TENSORRT, "instance_group[0].profile", lambda c: c.instance_group[0].profile.pop()),
    (TENSORRT, "optimization.cuda.graphs", lambda c: setattr(c.optimization.cuda, "graphs", False)),
    (
        TENSORRT,
        "optimization.cuda.graph_spec",
        lambda c: c.optimization.cuda.graph_spec.pop(),
    ),
    (
        TENSORRT,
        "optimization.cuda.graph_spec[0].graph_lower_bound",
        lambda c: setattr(c.optimization.cuda.graph_spec[0].graph_lower_bound, "batch_size", 1),
    ),
    (
        TENSORRT,
        "optimization.cuda.graph_spec[0].input",
        lambda c: c.optimization.cuda.graph_spec[0].input["lengths"].dim.append(1),
    ),
)


def _name(change: tuple[str, str, Change]) -> str:
    return f"{change[0]}-{change[1]}"


@pytest.mark.parametrize(("target", "field", "change"), CHANGES, ids=map(_name, CHANGES))
def test_a_changed_config_is_refused_by_the_fields_name(
    copy: Path, target: str, field: str, change: Change
) -> None:
    """Wrong type, dimensions, name, queue, digest, warm-up or profile: each is found alone."""
    manifest = load_bundle(copy).manifest
    _change(copy, target, change)
    with pytest.raises(TritonConfigError) as caught:
        check_repositories(copy, manifest)
    (path,) = caught.value.violations
    assert path == f"triton/{target}/ctr_joint/config.pbtxt"
    assert any(line.startswith(f"{field}: ") for line in caught.value.violations[path])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda shapes: shapes[1:], "1x32 is missing"),
        (lambda shapes: (*shapes, (3, 31)), "3x31 is no batch of the layout"),
        (lambda shapes: (*shapes, (999, 32)), "999x32 is no batch of the layout"),
    ],
)
def test_the_manifests_own_shapes_are_held_to_the_layout(
    bundle: Path,
    change: Callable[[tuple[tuple[int, int], ...]], tuple[tuple[int, int], ...]],
    sentence: str,
) -> None:
    """A manifest without a bucket's shapes would let its warm-up go unseen."""
    manifest = load_bundle(bundle).manifest
    target = manifest.triton[CPU]
    changed = target.model_copy(update={"shapes": change(target.shapes)})
    spoilt = manifest.model_copy(update={"triton": {**manifest.triton, CPU: changed}})
    with pytest.raises(TritonConfigError) as caught:
        check_repositories(bundle, spoilt)
    (found,) = caught.value.violations.values()
    assert f"manifest.triton[{CPU}].shapes: {sentence}" in "\n".join(found)


def test_what_is_written_passes(bundle: Path) -> None:
    """All four targets of an untouched bundle fit, by the command too."""
    result = CliRunner().invoke(triton_check, [str(bundle)])
    assert result.exit_code == 0, result.output
    for target in (CPU, CUDA, CUDA_TENSORRT, TENSORRT):
        assert f"\n{target}: ctr_joint fits" in f"\n{result.stdout}"
    assert "its plan is not built yet" in result.stdout


def test_the_targets_come_as_json(bundle: Path) -> None:
    """Machines read what the manifest says."""
    result = CliRunner().invoke(triton_check, [str(bundle), "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)[CPU]["folder"] == "triton/cpu"


@pytest.mark.parametrize("text", ["input {", "no_such_field: 1", "max_batch_size: many"])
def test_a_config_that_triton_could_not_parse_is_refused(copy: Path, text: str) -> None:
    """Triton's own message does the reading, so an unknown field is an error."""
    manifest = load_bundle(copy).manifest
    _config(copy, CPU).write_text(text)
    with pytest.raises(TritonConfigError, match="Triton could not read it"):
        check_repositories(copy, manifest)


@pytest.mark.parametrize("name", ["model.onnx", "model.py"])
def test_a_missing_file_of_the_version_is_named(copy: Path, name: str) -> None:
    """Graph and code must lie in the version's folder."""
    manifest = load_bundle(copy).manifest
    (copy / "triton/cpu/ctr_joint/1" / name).unlink()
    with pytest.raises(TritonConfigError, match=re.escape(f"1/{name}: it is missing")):
        check_repositories(copy, manifest)


def test_a_plan_that_nobody_recorded_is_refused(copy: Path) -> None:
    """A plan built by hand has no GPU, no version and no gate behind it."""
    manifest = load_bundle(copy).manifest
    (copy / "triton/tensorrt/ctr_joint/1/model.plan").write_bytes(b"plan")
    with pytest.raises(TritonConfigError, match="the manifest does not know of it"):
        check_repositories(copy, manifest)


def test_a_changed_config_fails_the_digests_first(copy: Path) -> None:
    """The command refuses a bundle that somebody edited, valid or not."""
    _change(copy, CPU, lambda config: setattr(config, "max_batch_size", 32))
    result = CliRunner().invoke(triton_check, [str(copy)])
    assert result.exit_code == 1
    assert "triton/cpu/ctr_joint/config.pbtxt does not match the manifest" in result.stderr


def test_a_bundle_without_repositories_says_what_to_do(tmp_path: Path) -> None:
    """An older release's bundle is valid, and has nothing for Triton."""
    folder = make_tiny_bundle(tmp_path / "old")
    result = CliRunner().invoke(triton_check, [str(folder)])
    assert result.exit_code == 1
    assert "export it again" in result.stderr


def test_a_file_that_is_no_graph_is_named(tmp_path: Path) -> None:
    """Reading a graph's signature fails with the file's name."""
    path = tmp_path / "model.onnx"
    path.write_bytes(b"no graph")
    with pytest.raises(ExportError, match=r"model\.onnx is no ONNX graph"):
        read_graph_io(path)
