"""A graph compiled by OpenVINO for this CPU, as it serves and as the exporter measures it."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

from ctr_service.backend.base import LENGTHS
from ctr_service.backend.openvino_library import openvino_core
from ctr_service.backend.openvino_totals import TOKENS_STEP, round_totals_up
from ctr_service.backend.rehearsal import rehearsal
from ctr_service.backend.rounded import rounded_up
from ctr_service.errors import BackendFailedError, BundleError, EngineUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    import openvino
    from numpy.typing import NDArray

DEVICE = "CPU"
BFLOAT16 = "bf16"
HINTS = {"fp32": "f32", "bf16": BFLOAT16, "int8-static": "f32", "int8-static-bf16": BFLOAT16}
"""Precision in the manifest -> OpenVINO's inference precision, of what is not quantized in the
graph. Given always: by itself OpenVINO takes bfloat16 where the CPU has it."""
CAPABILITY = "BF16"
KEPT_KERNELS = 1_000
"""Kernels kept of each kind for the shapes that were met, least recently used first out. It bounds
memory: every shape's take some 0.4 MB. 400 shapes fit without loss; OpenVINO's own 5,000 are no
faster (docs/decisions/0013). A shape that is new costs 1.5 to 6 ms more (docs/decisions/0029)."""


class Loaded(NamedTuple):
    """A compiled graph.

    Attributes:
        skips_padding: so that rows of no tokens cost next to nothing.
    """

    model: openvino.CompiledModel
    skips_padding: bool


class OpenVinoSession:
    """A graph compiled for one thread of the caller's. Blocking; `run` releases the GIL.

    Nothing is shared with other sessions. A compiled model keeps what it worked out for the last
    shapes, for every request on it: after a batch that failed half-way it answers the next one of
    the same shape with old numbers, or none. So a session that failed compiles its graph again.
    """

    def __init__(self, compile_graph: Callable[[], Loaded]) -> None:
        """Compile the graph.

        Args:
            compile_graph: called again after a failure.

        Raises:
            BundleError, EngineUnavailableError: as `compile_graph` says.
        """
        self._compile = compile_graph
        compiled, self._skips_padding = compile_graph()
        self._request = compiled.create_infer_request()
        # By its node: compiled, an input bears the names of the casts behind it that were dropped.
        self._inputs = {
            one.get_node().get_friendly_name(): (
                one.get_element_type().to_dtype(),
                len(one.get_partial_shape()),
            )
            for one in compiled.inputs
        }
        self.output_names: tuple[str, ...] = tuple(o.get_any_name() for o in compiled.outputs)

    def run(self, tensors: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
        """Run one batch and return output name -> array, first dimension rows.

        Raises:
            BackendFailedError: the batch is not what the graph takes, or the engine failed it.
        """
        rows = self._rows_of(tensors)
        # A shape that is new costs milliseconds: where padding is cheap, there are few.
        taken = rounded_up(tensors) if self._skips_padding else dict(tensors)
        try:
            self._request.infer(taken, share_inputs=True)
        except Exception as error:  # the native library raises RuntimeError and what pybind11 makes
            self._renew()
            raise BackendFailedError(f"OpenVINO failed: {type(error).__name__}") from error
        # Copied: the request writes its next outputs where these lie.
        outputs = {
            name: self._request.get_output_tensor(index).data.copy()
            for index, name in enumerate(self.output_names)
        }
        for name, array in outputs.items():
            if len(array) != len(taken[LENGTHS]):
                self._renew()
                raise BackendFailedError(
                    f"OpenVINO gave {len(array)} rows of {name} for {len(taken[LENGTHS])}"
                )
        return {name: array[:rows] for name, array in outputs.items()}

    def rehearsal(
        self, buckets_tokens: Sequence[int], max_batch_tokens: int
    ) -> Iterable[Mapping[str, NDArray[np.generic]]]:
        """Return a batch of each shape that rounding leaves: its kernels are made and kept then.

        A graph that computes its padding has too many shapes, and meets them as they come.
        """
        if not self._skips_padding:
            return ()
        return rehearsal(buckets_tokens, max_batch_tokens, TOKENS_STEP)

    def _rows_of(self, tensors: Mapping[str, NDArray[np.generic]]) -> int:
        """Return how many rows a batch has; refuse one that OpenVINO would not refuse.

        It takes the last batch's tensor where one is missing, casts other types, and answers a
        batch of unequal rows, and those of its shape that follow, with the last batch's numbers.
        """
        found = {name: (array.dtype, array.ndim) for name, array in tensors.items()}
        if found != self._inputs:
            raise BackendFailedError(f"the graph takes {self._inputs}, not {found}")
        counts = {len(array) for array in tensors.values()}
        if len(counts) != 1:
            raise BackendFailedError(f"the inputs have unequal rows: {sorted(counts)}")
        return counts.pop()

    def _renew(self) -> None:
        """Leave a model that failed: what it still holds must not reach the next batch."""
        self._request = self._compile().model.create_infer_request()


def open_openvino_sessions(
    path: Path, *, sessions: int, threads: int, precision: str
) -> list[OpenVinoSession]:
    """Compile a graph once a session. See `SessionsOpener`.

    Args:
        path: an ONNX graph or OpenVINO's own `.xml`, whose `.bin` lies beside it.
        sessions: that run side by side.
        threads: of each.
        precision: as the manifest names it.

    Raises:
        EngineUnavailableError: OpenVINO is not installed, this CPU has not the precision, or
            OpenVINO would run another one than was asked for.
        BundleError: the file is no graph that OpenVINO loads.
    """
    if precision not in HINTS:
        raise EngineUnavailableError(
            f"this release runs OpenVINO at {', '.join(HINTS)}, not {precision}"
        )
    core = openvino_core()
    _refuse_without_instructions(core, precision)
    compile_graph = functools.partial(_compile, core, path, threads=threads, hint=HINTS[precision])
    return [OpenVinoSession(compile_graph) for _ in range(sessions)]


def _compile(core: openvino.Core, path: Path, *, threads: int, hint: str) -> Loaded:
    try:
        model = core.read_model(str(path))
        skips_padding = round_totals_up(model)
        compiled = core.compile_model(model, DEVICE, _config(threads, hint))
    except Exception as error:  # the native library raises RuntimeError and what pybind11 makes
        raise BundleError(f"OpenVINO cannot load {path.name}: {_last_line(error)}") from error
    taken = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    if taken != hint:
        raise EngineUnavailableError(
            f"OpenVINO would run {path.name} at {taken} on this CPU, not at {hint}"
        )
    return Loaded(compiled, skips_padding)


def _config(threads: int, hint: str) -> dict[str, Any]:
    return {
        "INFERENCE_PRECISION_HINT": hint,
        "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": threads,
        # Pinned, all sessions, and those of every worker process, would sit on the same cores.
        "ENABLE_CPU_PINNING": False,
        # Scales from what a batch holds would make a row depend on its batch-mates.
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0,
        "CPU_RUNTIME_CACHE_CAPACITY": KEPT_KERNELS,
    }


def _refuse_without_instructions(core: openvino.Core, precision: str) -> None:
    """Refuse bfloat16 where it would be emulated, or quietly left."""
    if HINTS[precision] != BFLOAT16:
        return
    has = core.get_property(DEVICE, "OPTIMIZATION_CAPABILITIES")
    if CAPABILITY not in has:
        raise EngineUnavailableError(
            "this CPU has no bfloat16 instructions (AVX-512 BF16 or AMX), which "
            f"openvino/{precision} needs"
        )


def _last_line(error: Exception) -> str:
    """Return what went wrong; the lines before say where in OpenVINO's source."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
