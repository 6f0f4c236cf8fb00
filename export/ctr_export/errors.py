"""What can go wrong in an export.

    build       raises ExportError       (options, held-out rows or model do not fit)
                raises GateFailedError   (no graph may be served; nothing was written)
    triton      raises TritonConfigError (a config does not fit its graph or the bundle)
    tensorrt    raises MachineError      (this machine cannot build or run a plan)
                raises PlanRefusedError  (a plan was built, and is not what may be served)
    checkpoint  raises ctr_train.errors.CheckpointError
    inspect, triton-check  raise ctr_service.errors.BundleError

A command turns each into one sentence on stderr and exit code 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class ExportError(Exception):
    """Base of every exporter error."""


class GateFailedError(ExportError):
    """The gate refused what must pass, so no bundle was written.

    Attributes:
        failures: candidate name -> what failed, a sentence each.
    """

    def __init__(self, message: str, failures: Mapping[str, Sequence[str]]) -> None:
        self.failures = {name: tuple(sentences) for name, sentences in failures.items()}
        lines = [f"- {name}: {sentence}" for name, own in failures.items() for sentence in own]
        super().__init__("\n".join((message, *lines)))


class TritonConfigError(ExportError):
    """A config of a Triton model repository is not what its graph and its manifest are.

    Attributes:
        violations: the config's path -> each field that is wrong, with a sentence.
    """

    def __init__(self, violations: Mapping[str, Iterable[object]]) -> None:
        self.violations = {path: tuple(map(str, found)) for path, found in violations.items()}
        lines = [f"- {path}: {one}" for path, found in self.violations.items() for one in found]
        super().__init__("\n".join(("Triton must not load this bundle; export it again:", *lines)))


class MachineError(ExportError):
    """This machine lacks what a TensorRT plan needs; the sentence says what to install or free."""


class PlanRefusedError(ExportError):
    """A plan fails the parity gate, or was built for another GPU, TensorRT or graph."""
