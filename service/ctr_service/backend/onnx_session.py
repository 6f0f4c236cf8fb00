"""One ONNX Runtime session, as it serves and as the exporter measures it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import onnxruntime as ort

from ctr_service.errors import BackendFailedError, BundleError, EngineUnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    Providers: TypeAlias = Sequence[str | tuple[str, Mapping[str, str]]]
    """Execution providers in order, with options or without."""

CPU_PROVIDER = "CPUExecutionProvider"
CUDA_PROVIDERS: Providers = (("CUDAExecutionProvider", {"use_tf32": "0"}), CPU_PROVIDER)
"""Real float32, as Triton's target has it: TF32 would move probabilities by thousandths."""


class OnnxSession:
    """A graph loaded by ONNX Runtime. Blocking; `run` releases the GIL and is thread-safe."""

    def __init__(self, path: Path, *, threads: int, providers: Providers = (CPU_PROVIDER,)) -> None:
        """Load a graph.

        Args:
            path: the `.onnx` file.
            threads: intra-op threads.
            providers: execution providers in order; the first must really be used.

        Raises:
            BundleError: the file is no graph that this runtime loads.
            EngineUnavailableError: the runtime fell back from the provider asked for (it does so
                silently).
        """
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # A spinning thread burns the core that the next batch, or a neighbour, needs.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            self._session = ort.InferenceSession(str(path), options, providers=list(providers))
        except Exception as error:  # the native library raises bare Exception subclasses
            raise BundleError(f"ONNX Runtime cannot load {path.name}: {error}") from error
        wanted = providers[0] if isinstance(providers[0], str) else providers[0][0]
        if self._session.get_providers()[0] != wanted:
            raise EngineUnavailableError(
                f"ONNX Runtime fell back from {wanted} to {self._session.get_providers()[0]}: it "
                "needs the extra gpu instead of onnxruntime, a driver, and CUDA's libraries "
                "(docs/gpu.md)"
            )
        self.output_names: tuple[str, ...] = tuple(o.name for o in self._session.get_outputs())

    def run(self, tensors: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
        """Run one batch and return output name -> array.

        Raises:
            BackendFailedError: the engine refused or failed the batch.
        """
        try:
            outputs = self._session.run(self.output_names, dict(tensors))
        except Exception as error:  # the native library raises bare Exception subclasses
            raise BackendFailedError(f"ONNX Runtime failed: {type(error).__name__}") from error
        return dict(zip(self.output_names, outputs, strict=True))

    def rehearsal(
        self,
        buckets_tokens: Sequence[int],  # noqa: ARG002 -- the protocol's signature
        max_batch_tokens: int,  # noqa: ARG002 -- the protocol's signature
    ) -> tuple[Mapping[str, NDArray[np.generic]], ...]:
        """Return none: ONNX Runtime works nothing out for a shape (docs/decisions/0029)."""
        return ()


def open_onnx_sessions(
    path: Path, *, sessions: int, threads: int, providers: Providers = (CPU_PROVIDER,)
) -> list[OnnxSession]:
    """Load a graph once a session. Implements `SessionsOpener`.

    Raises:
        BundleError: the file is no graph that this runtime loads, or the first provider is missing.
    """
    return [OnnxSession(path, threads=threads, providers=providers) for _ in range(sessions)]
