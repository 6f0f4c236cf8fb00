"""What a config says of its engine: instances, TensorRT's profiles, CUDA graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tritonclient.grpc import model_config_pb2 as pb

from ctr_export.triton.names import CPU, CUDA, CUDA_TENSORRT, PLAN_FILE, TENSORRT, THREADS
from ctr_export.triton.profiles import bucket_profiles, input_shapes
from ctr_export.triton.violation import Violation, is_not

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ctr_service.bundle.manifest import TritonTarget

ACCELERATOR = "optimization.execution_accelerators.gpu_execution_accelerator"
ACCELERATORS = {CUDA: "cuda", CUDA_TENSORRT: "tensorrt"}
FIXED_OPTIONS: dict[str, dict[str, str]] = {
    CUDA: {"use_tf32": "0"},
    CUDA_TENSORRT: {
        "precision_mode": "FP16",
        "trt_layer_norm_fp32_fallback": "1",
        "trt_engine_cache_enable": "1",
        "trt_timing_cache_enable": "1",
    },
}
GIVEN_OPTIONS = ("max_workspace_size_bytes", "trt_engine_cache_path", "trt_timing_cache_path")
PROFILE_OPTIONS = ("trt_profile_min_shapes", "trt_profile_opt_shapes", "trt_profile_max_shapes")
"""Triton's onnxruntime backend knows these keys, and refuses to load a model with one it does not
know."""


def check_engine(name: str, config: pb.ModelConfig, target: TritonTarget) -> Iterator[Violation]:
    """Yield what does not fit the target's layout.

    Args:
        name: the target's.
        config: parsed.
        target: the manifest's word.
    """
    yield from _check_instances(name, config, target)
    if name in ACCELERATORS:
        yield from _check_accelerator(name, config, target)
    if name == TENSORRT:
        yield from _check_plan(config, target)


def _check_instances(
    name: str, config: pb.ModelConfig, target: TritonTarget
) -> Iterator[Violation]:
    if len(config.instance_group) != 1:
        yield Violation("instance_group", is_not(len(config.instance_group), "one group"))
        return
    group = config.instance_group[0]
    kind = group.KIND_CPU if name == CPU else group.KIND_GPU
    if group.kind != kind:
        found, wanted = (pb.ModelInstanceGroup.Kind.Name(k) for k in (group.kind, kind))
        yield Violation("instance_group[0].kind", is_not(found, wanted))
    if group.count != target.layout.sessions:
        wanted = f"{target.layout.sessions}, the layout's sessions"
        yield Violation("instance_group[0].count", is_not(group.count, wanted))
    threads = str(target.layout.threads_a_session)
    if name == CPU and config.parameters[THREADS].string_value != threads:
        found = config.parameters[THREADS].string_value or "missing"
        yield Violation(f"parameters[{THREADS}]", is_not(found, threads))


def _check_accelerator(
    name: str, config: pb.ModelConfig, target: TritonTarget
) -> Iterator[Violation]:
    accelerators = config.optimization.execution_accelerators.gpu_execution_accelerator
    found = [one.name for one in accelerators]
    if found != [ACCELERATORS[name]]:
        yield Violation(ACCELERATOR, is_not(found, f"{ACCELERATORS[name]} alone"))
        return
    options = accelerators[0].parameters
    where = f"{ACCELERATOR}[{ACCELERATORS[name]}].parameters"
    fixed = FIXED_OPTIONS[name]
    given = (*GIVEN_OPTIONS, *PROFILE_OPTIONS) if name == CUDA_TENSORRT else ()
    for key, value in fixed.items():
        if options.get(key) != value:
            yield Violation(f"{where}[{key}]", is_not(options.get(key, "missing"), value))
    for key in given:
        if not options.get(key):
            yield Violation(f"{where}[{key}]", "it is missing")
    for key in options.keys() - {*fixed, *given}:
        yield Violation(f"{where}[{key}]", "it is not one of the keys that are known to load")
    if given and all(options.get(key) for key in PROFILE_OPTIONS):
        yield from _check_bounds(where, options, target)


def _check_bounds(
    where: str, options: Mapping[str, str], target: TritonTarget
) -> Iterator[Violation]:
    bounds: dict[str, dict[str, tuple[int, ...]]] = {}
    for key in PROFILE_OPTIONS:
        shapes = parse_shapes(options[key])
        if shapes is None or shapes.keys() != input_shapes((1, 1)).keys():
            yield Violation(f"{where}[{key}]", f"it is {options[key]}, and must name every input")
            return
        bounds[key] = shapes
    least, best, most = (bounds[key] for key in PROFILE_OPTIONS)
    wanted = [input_shapes(at) for at in target.shapes]
    for name in least:
        if not _inside(best[name], least[name], most[name]):
            yield Violation(f"{where}[{PROFILE_OPTIONS[1]}]", f"{name} is outside the other two")
        for shape in (batch[name] for batch in wanted):
            at = "x".join(map(str, shape))
            if not _inside(shape, (0,) * len(shape), most[name]):
                yield Violation(f"{where}[{PROFILE_OPTIONS[2]}]", f"{name} {at} does not fit")
                break
            if not _inside(shape, least[name], most[name]):
                yield Violation(f"{where}[{PROFILE_OPTIONS[0]}]", f"{name} {at} does not fit")
                break


def parse_shapes(text: str) -> dict[str, tuple[int, ...]] | None:
    """Read `name:8x24,other:8`; None if it is not of this form."""
    shapes = {}
    for part in text.split(","):
        name, _, sizes = part.partition(":")
        if not all(size.isdecimal() for size in sizes.split("x")) or name in shapes:
            return None
        shapes[name] = tuple(int(size) for size in sizes.split("x"))
    return shapes


def _inside(shape: tuple[int, ...], least: tuple[int, ...], most: tuple[int, ...]) -> bool:
    return len(shape) == len(least) == len(most) and all(
        low <= size <= high for low, size, high in zip(least, shape, most, strict=True)
    )


def _check_plan(config: pb.ModelConfig, target: TritonTarget) -> Iterator[Violation]:
    if config.default_model_filename != PLAN_FILE:
        found = config.default_model_filename or "missing"
        yield Violation("default_model_filename", is_not(found, PLAN_FILE))
    profiles = list(config.instance_group[0].profile) if config.instance_group else []
    wanted = [str(index) for index in range(len(bucket_profiles(target.layout)))]
    if profiles != wanted:
        reason = f"{wanted}, one a bucket"
        yield Violation("instance_group[0].profile", is_not(profiles, reason))
    cuda = config.optimization.cuda
    if not cuda.graphs:
        yield Violation("optimization.cuda.graphs", is_not("false", "true"))
    found_shapes = set()
    for index, spec in enumerate(cuda.graph_spec):
        where = f"optimization.cuda.graph_spec[{index}]"
        if spec.HasField("graph_lower_bound"):
            yield Violation(
                f"{where}.graph_lower_bound", "inexact matches hand back rows that were never sent"
            )
        ids, *_ = input_shapes((1, 1))
        at = (spec.batch_size, *spec.input[ids].dim)
        given = {name: (spec.batch_size, *shape.dim) for name, shape in spec.input.items()}
        if len(at) != 2 or given != input_shapes(at):  # noqa: PLR2004 -- rows and length
            yield Violation(f"{where}.input", f"it is {given}, which is no shape of this graph")
        found_shapes.add(at)
    for at in sorted(set(target.shapes) ^ found_shapes):
        state = "is missing" if at in target.shapes else "is no shape that is warmed up"
        yield Violation("optimization.cuda.graph_spec", f"{'x'.join(map(str, at))} {state}")
