"""The demo's steps: what is run, on what, into which file."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from ctr_demo.steps import Step

CANDIDATES = (
    "fp32",
    "fp32-unpadded",
    "int8-static",
    "openvino/int8-static",
    "openvino/int8-static-bf16",
)
"""What may win. All that `ctr-export build` tries by itself take a minute more, and a first run
shall end within ten: the others were never fastest, or never passed."""
OFFLINE_PACKAGES = ("ctr_train", "ctr_service.bundle", "ctr_service.backend")


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """What the demo works on.

    Attributes:
        out: where everything is written.
        data: the user's own log, or None to generate one.
        group: the column whose rows stay in one split; None for the default.
        base_model: a checkpoint folder to start from; None for the MiniLM weights.
        seed: of the split, the training and the generated log.
        searches: how many held-out searches are scored over gRPC.
    """

    out: Path
    data: Path | None
    group: str | None
    base_model: Path | None
    seed: int
    searches: int

    @property
    def log(self) -> Path:
        """The click log."""
        return self.data or self.out / "log.csv"

    @property
    def checkpoint(self) -> Path:
        """The fine-tuned model."""
        return self.out / "checkpoint"

    @property
    def bundle(self) -> Path:
        """What the gateway serves."""
        return self.out / "bundle"

    @property
    def scores(self) -> Path:
        """The bundle's scores of the held-out rows, computed in process."""
        return self.out / "offline.parquet"

    @property
    def group_column(self) -> str:
        """The group column with its default."""
        return self.group or "query"


def steps_of(plan: DemoPlan) -> list[Step]:
    """Return the offline steps in order."""
    steps = [_fit(plan), _export(plan), _evaluate(plan)]
    return steps if plan.data else [_generate(plan), *steps]


def _generate(plan: DemoPlan) -> Step:
    return Step(
        name="generate",
        command=_command("ctr-train", "generate", "--out", plan.log, "--seed", plan.seed),
        inputs=(),
        packages=("ctr_train.generate", "ctr_train.commands.generate"),
        output=plan.log,
    )


def _fit(plan: DemoPlan) -> Step:
    options: list[object] = ["--out", plan.checkpoint, "--seed", plan.seed]
    if plan.data is None:
        # Enough for the generated log, and it keeps a cold demo within ten minutes.
        options += ["--epochs", 1, "--lr", 7e-5, "--eval-rows", 12_500]
    if plan.group:
        options += ["--group", plan.group]
    if plan.base_model:
        options += ["--base-model", plan.base_model]
    return Step(
        name="fit",
        command=_command("ctr-train", "fit", plan.log, *options),
        inputs=(plan.log, *([plan.base_model] if plan.base_model else [])),
        packages=OFFLINE_PACKAGES,
        output=plan.checkpoint,
    )


def _export(plan: DemoPlan) -> Step:
    return Step(
        name="export",
        command=_command(
            *("ctr-export", "build", plan.checkpoint, "--out", plan.bundle),
            *("--candidates", ",".join(CANDIDATES)),
        ),
        inputs=(plan.checkpoint,),
        packages=("ctr_export", *OFFLINE_PACKAGES),
        output=plan.bundle,
    )


def _evaluate(plan: DemoPlan) -> Step:
    options: list[object] = ["--bundle", plan.bundle, "--scores-out", plan.scores]
    if plan.group:
        options += ["--group", plan.group]
    return Step(
        name="evaluate",
        command=_command("ctr-train", "evaluate", plan.log, *options),
        inputs=(plan.log, plan.bundle),
        packages=OFFLINE_PACKAGES,
        output=plan.scores,
    )


def _command(program: str, *arguments: object) -> tuple[str, ...]:
    """Return an argument vector with the program that lies beside this interpreter."""
    return (str(Path(sys.executable).parent / program), *map(str, arguments))
