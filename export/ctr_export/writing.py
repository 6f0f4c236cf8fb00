"""The bundle's files: the graphs that passed, the tokenizer, and what the manifest says."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_export.catalogue import CATALOGUE, IR_SUFFIX, WEIGHTS_SUFFIX
from ctr_export.fingerprint import model_version, tool_versions
from ctr_export.graph import INPUT_SPECS, OUTPUT_SPECS
from ctr_service.bundle.bundle import TOKENIZER_FILE
from ctr_service.bundle.files import sha256_of
from ctr_service.bundle.manifest import (
    JOINT_GRAPH,
    SCHEMA_VERSION,
    DefaultChoice,
    GraphVariant,
    Manifest,
    Rejected,
)
from ctr_service.cpu_name import cpu_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ctr_export.verdict import Verdict
    from ctr_service.bundle.manifest import Layout, MeasuredCost
    from ctr_train.checkpoint import Checkpoint, CheckpointInfo

GRAPHS_FOLDER = "graphs"


@dataclass(frozen=True, slots=True)
class Choice:
    """What was decided.

    Attributes:
        verdicts: on every candidate.
        default: the one that serves.
        layout: of the default.
        costs: candidate's name -> measured costs, for each candidate that passed.
        name, version: of the model; None for the checkpoint's own.
        created_unix_s: now, in seconds since 1970.
    """

    verdicts: Sequence[Verdict]
    default: Verdict
    layout: Layout
    costs: Mapping[str, tuple[MeasuredCost, ...]]
    name: str | None
    version: str | None
    created_unix_s: int


def write_files(staged: Path, checkpoint: Checkpoint, choice: Choice) -> Manifest:
    """Move the graphs that passed into the staged folder, copy the tokenizer.

    Returns the manifest, not yet written: a folder without it is no bundle to any command.
    """
    (staged / GRAPHS_FOLDER).mkdir()
    graphs: dict[str, dict[str, GraphVariant]] = {}
    for verdict in choice.verdicts:
        if verdict.passed:
            found = graphs.setdefault(verdict.candidate.engine, {})
            found[verdict.candidate.precision] = _place_graph(staged, verdict, choice)
    shutil.copyfile(checkpoint.tokenizer_path, staged / TOKENIZER_FILE)
    tokenizer_sha256 = sha256_of(staged / TOKENIZER_FILE)
    info = checkpoint.info
    return Manifest(
        schema_version=SCHEMA_VERSION,
        model_name=choice.name or info.model_name,
        model_version=choice.version or model_version(checkpoint, tokenizer_sha256),
        weights_sha256=checkpoint.weights_sha256,
        tokenizer_sha256=tokenizer_sha256,
        template=info.template,
        features=info.features,
        graphs={JOINT_GRAPH: graphs},
        rejected=tuple(_rejected(v) for v in choice.verdicts if not v.passed),
        default=DefaultChoice(
            graph=JOINT_GRAPH,
            engine=choice.default.candidate.engine,
            precision=choice.default.candidate.precision,
            cpu=cpu_name(),
        ),
        layout=choice.layout,
        base_rate=_base_rate(info, choice.default),
        target=info.target,
        metrics=info.metrics,
        tools=tool_versions(),
        trimming=info.trimming,
        created_unix_s=choice.created_unix_s,
    )


def _base_rate(info: CheckpointInfo, default: Verdict) -> float:
    """Return the training log's rate, or what is served on average where positions hide it.

    A list's mean P(click | examined) cannot be counted: few places of it were looked at.
    """
    if info.examination is None or default.calibration is None:
        return info.base_rate
    return default.calibration.mean_probability


def _place_graph(staged: Path, verdict: Verdict, choice: Choice) -> GraphVariant:
    if verdict.figures is None or verdict.calibration is None:
        raise ValueError("a candidate passed without figures or calibration")
    file, *extra = _place_files(staged, verdict)
    return GraphVariant(
        file=file,
        sha256=sha256_of(staged / file),
        extra_files={name: sha256_of(staged / name) for name in extra},
        size_bytes=sum((staged / name).stat().st_size for name in (file, *extra)),
        inputs=INPUT_SPECS,
        outputs=OUTPUT_SPECS,
        calibration=verdict.calibration.calibration,
        parity=verdict.figures,
        costs=choice.costs[verdict.candidate.name],
        pairs_per_second=verdict.pairs_per_second,
        skips_padding=verdict.skips_padding,
    )


def _place_files(staged: Path, verdict: Verdict) -> list[str]:
    """Move a graph's files into the staged folder, unless another candidate's run has.

    Returns:
        Their paths inside the bundle, the one that the engine is given first.
    """
    owner = CATALOGUE[verdict.candidate.file]
    stem = f"{GRAPHS_FOLDER}/{JOINT_GRAPH}.{owner.engine}.{owner.precision}"
    placed: list[str] = []
    suffixes = [verdict.path.suffix]
    if verdict.path.suffix == IR_SUFFIX:
        suffixes.append(WEIGHTS_SUFFIX)
    for suffix in suffixes:
        name = f"{stem}{suffix}"
        if not (staged / name).exists():
            verdict.path.with_suffix(suffix).rename(staged / name)
        placed.append(name)
    return placed


def _rejected(verdict: Verdict) -> Rejected:
    return Rejected(
        graph=JOINT_GRAPH,
        engine=verdict.candidate.engine,
        precision=verdict.candidate.precision,
        failures=verdict.failures,
        parity=verdict.figures,
        pairs_per_second=verdict.speed.pairs_per_second if verdict.speed else None,
    )
