"""The demo from log to report."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from ctr_demo.checks import broken_names, check_engine, check_generated, check_serving
from ctr_demo.errors import DemoError
from ctr_demo.figures import engine_figures, label_figures, latency_figures, truth_figures
from ctr_demo.gateway import running_gateway
from ctr_demo.heldout import read_held_out_searches
from ctr_demo.offline import read_metrics, read_offline_scores
from ctr_demo.plan import steps_of
from ctr_demo.report import print_checks, print_examples, print_summary, write_report
from ctr_demo.scoring import score_searches, served_probabilities
from ctr_demo.steps import StepRunner
from ctr_service.bundle.bundle import load_bundle
from ctr_train.progress import Reporter

if TYPE_CHECKING:
    from rich.console import Console

    from ctr_demo.checks import Check
    from ctr_demo.heldout import HeldOutSearches
    from ctr_demo.plan import DemoPlan
    from ctr_demo.scoring import ScoredSearch
    from ctr_service.clock import Clock

REPORT_FILE = "report.json"
GATEWAY_LOG_FILE = "gateway.log"
BASELINE_AUC = "test.baseline_auc"


def run_demo(plan: DemoPlan, console: Console, clock: Clock, *, strict: bool) -> list[str]:
    """Run every step, write the report, and return the names of the broken checks.

    Targets of model quality, which a generated log allows, are always printed and reported as held
    or missed; see `broken_names`.

    Raises:
        DemoError: a step failed.
    """
    started_ns = clock.now_ns()
    plan.out.mkdir(parents=True, exist_ok=True)
    report_path = plan.out / REPORT_FILE
    report_path.unlink(missing_ok=True)  # an old report must not vouch for a run that fails
    runner = StepRunner(plan.out / "stamps", console, clock)
    for step in steps_of(plan):
        runner.run(step)
    held_out = read_held_out_searches(plan)
    scored = _serve(plan, held_out, console, clock)
    figures = _figures(plan, held_out, scored)
    checks = check_serving(figures)
    targets = [*check_generated(figures), *check_engine(figures)] if plan.data is None else []
    seconds = {**runner.seconds, "total": (clock.now_ns() - started_ns) / 1e9}
    print_examples(console, scored)
    print_summary(console, figures, generated=plan.data is None)
    print_checks(console, "checks", checks, miss="BROKEN")
    print_checks(console, "targets on the GENERATED log", targets, miss="MISSED")
    write_report(report_path, _report(plan, figures, [*checks, *targets], seconds))
    console.print(
        f"report: {report_path}   bundle: {plan.bundle}   {seconds['total']:.0f} s in all"
    )
    return broken_names(checks, targets, strict=strict)


def _serve(
    plan: DemoPlan, held_out: HeldOutSearches, console: Console, clock: Clock
) -> list[ScoredSearch]:
    console.rule("serve", align="left")
    pairs = len(held_out.log_rows)
    console.print(f"{len(held_out.searches)} held-out searches, {pairs} candidates, over gRPC")
    reporter = Reporter()
    with (
        running_gateway(plan.bundle, plan.out / GATEWAY_LOG_FILE) as client,
        reporter.bar("scoring searches", len(held_out.searches)) as advance,
    ):
        return score_searches(client, held_out.searches, clock, lambda: advance(1))


def _figures(
    plan: DemoPlan, held_out: HeldOutSearches, scored: list[ScoredSearch]
) -> dict[str, float]:
    served = served_probabilities(scored)
    if np.isnan(served).any():
        missing = int(np.isnan(served).sum())
        raise DemoError(f"{missing} of {len(served)} candidates came back without a model's score")
    offline = read_offline_scores(plan.scores, held_out.log_rows)
    manifest = load_bundle(plan.bundle).manifest
    choice = manifest.default
    parity = manifest.variant(choice.graph, choice.engine, choice.precision).parity
    figures = label_figures(held_out.rows, served, offline)
    figures |= latency_figures([result.latency_ns for result in scored])
    figures |= {
        "searches": float(len(scored)),
        "pairs": float(len(served)),
        "scored": float(sum(result.scored for result in scored)),
        "parity_max_abs_dp": parity.max_abs_delta_probability,
    }
    figures |= engine_figures(manifest)
    metrics = read_metrics(plan.checkpoint)
    if BASELINE_AUC in metrics:
        figures["auc_baseline"] = metrics[BASELINE_AUC]
    if plan.data is None:
        figures |= truth_figures(held_out.rows, served)
    return figures


def _report(
    plan: DemoPlan, figures: dict[str, float], checks: list[Check], seconds: dict[str, float]
) -> dict[str, object]:
    manifest = load_bundle(plan.bundle).manifest
    choice = manifest.default
    whole = {"searches": int(figures["searches"]), "pairs": int(figures["pairs"])}
    return {
        "log": "GENERATED" if plan.data is None else str(plan.data),
        "target": manifest.target,
        "auc_bayes": None,
        **figures,
        **whole,
        "latency_note": "closed loop, one caller at a time, no load: not a capacity figure",
        "bundle": str(plan.bundle),
        "model": f"{manifest.model_name} {manifest.model_version}",
        "graph": f"{choice.graph}/{choice.engine}/{choice.precision}",
        "checks": {check.name: check.holds for check in checks},
        "seconds": seconds,
        "offline_metrics": json.loads(json.dumps(read_metrics(plan.checkpoint))),
    }
