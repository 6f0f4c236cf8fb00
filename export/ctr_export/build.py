"""Checkpoint -> bundle: export, try, judge, choose, and only then write."""

from __future__ import annotations

import functools
import shutil
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ctr_export.catalogue import PLAIN, UNPADDED, choose_candidates, without_unpadded
from ctr_export.chunks import timed_chunks
from ctr_export.errors import GateFailedError
from ctr_export.graph import write_graph, write_unpadded_graph
from ctr_export.judge import Evidence, Judge
from ctr_export.layers import layers_of
from ctr_export.layout import (
    candidate_layouts,
    choose_layout,
    comparing_layout,
    layout_chunks,
    measure_layouts,
    open_pool,
)
from ctr_export.making import Material
from ctr_export.measure import measure_costs
from ctr_export.reference import reference_logits
from ctr_export.samples import read_sample, spread_by_length
from ctr_export.saturation import weight_limit
from ctr_export.target import check_label, check_target
from ctr_export.trials import make_trials, time_trials
from ctr_export.triton.repository import add_repositories
from ctr_export.verdict import Verdict, choose_default, too_slow
from ctr_export.writing import Choice, write_files
from ctr_service.bundle.bundle import write_manifest
from ctr_service.bundle.files import staged_directory
from ctr_train.checkpoint import load_checkpoint
from ctr_train.model import load_classifier

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from transformers import PreTrainedModel

    from ctr_export.layout import TriedLayout
    from ctr_export.options import BuildOptions
    from ctr_export.samples import Sample
    from ctr_export.trials import Trial
    from ctr_service.bundle.manifest import Layout, Manifest, MeasuredCost
    from ctr_service.clock import Clock
    from ctr_service.types import Row
    from ctr_train.checkpoint import Checkpoint

WORK_FOLDER = "work"
TIMED_PAIRS = 128
RANGE_ROWS = 128


@dataclass(frozen=True, slots=True)
class Built:
    """A finished export, for the report."""

    manifest: Manifest
    verdicts: Sequence[Verdict]
    layouts: Sequence[TriedLayout]


class Builder:
    """Runs one export. One instance for one build."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        options: BuildOptions,
        *,
        clock: Clock,
        say: Callable[[str], None],
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        """Take what the build needs.

        Args:
            checkpoint: verified.
            options: the user's.
            clock: for measurements.
            say: told at each step, for people.
            wall_s: seconds since 1970, for the manifest.
        """
        self._wall_s = wall_s
        self._checkpoint = checkpoint
        self._options = options
        self._say = say
        self._open = functools.partial(open_pool, clock=clock)
        self._pad_id = checkpoint.info.template.pad_id
        self._longest = checkpoint.info.template.max_row_tokens

    def run(self, staged: Path) -> Built:
        """Fill the staged folder, the manifest last.

        Raises:
            ExportError: rows or model do not fit.
            GateFailedError: the plain float32 graph failed.
        """
        work = staged / WORK_FOLDER
        work.mkdir()
        model = load_classifier(self._checkpoint.folder)
        evidence = self._gather(model)
        lengths = evidence.test.lengths
        usual = comparing_layout(lengths, self._checkpoint.info.template, cores=self._options.cores)
        timed = [evidence.test.rows[i] for i in spread_by_length(lengths, TIMED_PAIRS)]
        trials = self._try(model, evidence.validation, timed, usual, work)
        verdicts = self._judge(trials, evidence, usual)
        default = choose_default(verdicts)
        self._say(f"choosing the layout for {default.candidate.name}")
        layouts = candidate_layouts(
            lengths,
            self._longest,
            cores=self._options.cores,
            skips_padding=default.skips_padding,
        )
        open_default = functools.partial(self._open, default.candidate, default.path)
        tried = measure_layouts(timed, layouts, open_default, pad_id=self._pad_id)
        layout = choose_layout(tried)
        choice = Choice(
            verdicts,
            default,
            layout,
            self._costs(verdicts, layout),
            self._options.name,
            self._options.version,
            round(self._wall_s()),
        )
        self._say("writing the bundle")
        manifest = add_repositories(
            staged,
            write_files(staged, self._checkpoint, choice),
            gpu_batch_tokens=self._options.gpu_batch_tokens,
        )
        shutil.rmtree(work)
        write_manifest(staged, manifest)
        return Built(manifest, verdicts, tried)

    def _gather(self, model: PreTrainedModel) -> Evidence:
        options = self._options
        test = read_sample(self._checkpoint, "test", most=options.pairs, seed=options.seed)
        validation = read_sample(
            self._checkpoint, "validation", most=options.calibration_pairs, seed=options.seed
        )
        self._say(f"checking the logits of {len(test):,} held-out pairs with PyTorch")
        reference = reference_logits(model, test, pad_id=self._pad_id)
        carried = self._checkpoint.info.trimming is not None
        return Evidence(test, reference, validation, self._pad_id, carried)

    def _try(
        self,
        model: PreTrainedModel,
        validation: Sample,
        timed: Sequence[Row],
        layout: Layout,
        work: Path,
    ) -> list[Trial]:
        plain = work / f"{PLAIN}.onnx"
        self._say("exporting the graph")
        write_graph(model, plain)
        candidates = choose_candidates(self._options.candidates)
        source = self._unpadded(work)
        if source is None:
            source, candidates = plain, without_unpadded(candidates)
        chosen = spread_by_length(validation.lengths, RANGE_ROWS)
        material = Material(
            plain,
            source,
            model.config,
            layout_chunks([validation.rows[i] for i in chosen], layout, pad_id=self._pad_id),
            weight_limit(),
        )
        trials = make_trials(candidates, material, work, self._say)
        self._say(f"timing {len(trials)} candidates in alternating rounds")
        chunks = timed_chunks(
            timed,
            buckets_tokens=layout.buckets_tokens,
            pad_id=self._pad_id,
            seed=self._options.seed,
        )
        return time_trials(trials, chunks, lambda one, path: self._open(one, path, layout))

    def _unpadded(self, work: Path) -> Path | None:
        """Write the graph that skips padding; None where the model's kind is not known."""
        model = load_classifier(self._checkpoint.folder)
        if layers_of(model) is None:
            return None
        path = work / f"{UNPADDED}.onnx"
        write_unpadded_graph(model, path)
        return path

    def _judge(self, trials: Sequence[Trial], evidence: Evidence, layout: Layout) -> list[Verdict]:
        judge = Judge(
            evidence,
            self._options.limits,
            layout,
            open_graph=self._open,
            seed=self._options.seed,
        )
        verdicts: list[Verdict] = []
        for trial in trials:
            verdict = self._judge_one(judge, trial, verdicts[0] if verdicts else None)
            verdicts.append(replace(verdict, skips_padding=trial.skips_padding))
            _refuse_broken_plain(verdicts[0])
        return verdicts

    def _judge_one(self, judge: Judge, trial: Trial, plain: Verdict | None) -> Verdict:
        refused = trial.failure
        if plain and plain.speed and trial.speed and not self._options.judge_slow:
            refused = too_slow(trial, plain.speed)
        if refused:
            return Verdict(trial.candidate, trial.path, trial.speed, failures=(refused,))
        self._say(f"judging {trial.candidate.name}")
        return judge.judge(trial.candidate, trial.path, trial.speed, plain)

    def _costs(
        self, verdicts: Sequence[Verdict], layout: Layout
    ) -> dict[str, tuple[MeasuredCost, ...]]:
        self._say("measuring the costs of batches")
        costs: dict[str, tuple[MeasuredCost, ...]] = {}
        for verdict in verdicts:
            if verdict.passed:
                with self._open(verdict.candidate, verdict.path, layout) as pool:
                    costs[verdict.candidate.name] = measure_costs(pool, layout)
        return costs


def check_request(out: Path, options: BuildOptions) -> None:
    """Refuse a wrong target or option before any work is done.

    Raises:
        ExportError: the sentence says which.
    """
    check_target(out)
    for label, value in (("model_name", options.name), ("model_version", options.version)):
        if value is not None:
            check_label(label, value)
    choose_candidates(options.candidates)


def build_bundle(
    folder: Path,
    out: Path,
    options: BuildOptions,
    *,
    clock: Clock,
    say: Callable[[str], None],
) -> Built:
    """Export the checkpoint in `folder` to the bundle `out`; all of it, or nothing.

    Args:
        folder: what `ctr-train fit` wrote.
        out: replaced if it is a bundle, refused if it is anything else.
        options: the user's.
        clock: for measurements.
        say: told at each step, for people.

    Raises:
        CheckpointError: the checkpoint is absent, incomplete or was changed.
        ExportError: options, rows or model do not fit.
        GateFailedError: the plain float32 graph failed; nothing was written.
    """
    check_request(out, options)
    builder = Builder(load_checkpoint(folder), options, clock=clock, say=say)
    with staged_directory(out) as staged:
        return builder.run(staged)


def _refuse_broken_plain(plain: Verdict) -> None:
    if not plain.passed:
        raise GateFailedError(
            "The gate refused the plain float32 graph, so no bundle was written:",
            {plain.candidate.name: plain.failures},
        )
