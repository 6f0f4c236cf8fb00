"""`ctr-train check`: what would be trained on, before anything is trained."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from ctr_train.checks import check_split
from ctr_train.columns import Role
from ctr_train.config import AUTO, TrainConfig
from ctr_train.errors import LogError, TrainError
from ctr_train.log import inspect_log
from ctr_train.metrics import base_rate
from ctr_train.schema import infer_schema
from ctr_train.split import resolve_validation_share, split_by_group
from ctr_train.table import shown

if TYPE_CHECKING:
    from ctr_service.bundle.features import FeatureSpec
    from ctr_train.click_log import ClickLog
    from ctr_train.log import LogInspection


DEFAULTS = TrainConfig.model_fields
"""`ctr-train fit` has the same options, so that both split alike."""


class AutoOrShare(click.ParamType["float | str"]):
    """A share, or the word auto."""

    name = "auto|share"

    def convert(
        self, value: str | float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | str:
        """Return a float, or "auto"."""
        if value == AUTO:
            return AUTO
        try:
            return float(value)
        except ValueError:
            self.fail(f"{value!r} is neither a number nor {AUTO}", param, ctx)


@dataclass(frozen=True, slots=True)
class SplitOptions:
    """How the rows would be split."""

    seed: int
    validation_share: float | str
    test_share: float


@click.command()
@click.argument("log", type=click.Path(path_type=Path))
@click.option(
    "--group",
    "group_column",
    default=DEFAULTS["group"].default,
    show_default=True,
    help="Column whose rows stay together when the log is split; any column will do.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=DEFAULTS["seed"].default,
    show_default=True,
    help="Seed of the split.",
)
@click.option(
    "--validation-share",
    type=AutoOrShare(),
    default=DEFAULTS["validation_share"].default,
    show_default=True,
    help=DEFAULTS["validation_share"].description,
)
@click.option(
    "--test-share",
    default=DEFAULTS["test_share"].default,
    show_default=True,
    help="Share of the groups to report on.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def check(  # noqa: PLR0913, PLR0917 -- click passes every option as an argument
    log: Path,
    group_column: str,
    seed: int,
    validation_share: float | str,
    test_share: float,
    as_json: bool,  # noqa: FBT001 -- click passes a flag as an argument
) -> None:
    """Check a click log and print how it would be trained on.

    LOG is CSV (UTF-8) or Parquet with the columns `query` and `item_title` (either may be empty)
    and `label` (0, 1 or a rate) or `impressions` and `clicks`. Optional: `item_id`, `position`
    (1 = top), and features named `item_*`, `user_*` and `context_*`.

    Exits with 1 when there is a problem. Texts of the log are never printed.

    \b
    Example:
      ctr-train check clicks.csv
      ctr-train check clicks.parquet --group search_id --json
    """  # noqa: D301 -- click reads the character that this escape makes
    try:
        inspection = inspect_log(log, group_column=group_column)
        options = SplitOptions(seed, validation_share, test_share)
        report = build_report(log, inspection, options)
    except LogError as error:
        report = {"log": str(log), "rows": 0, "problems": list(error.problems), "notices": []}
    except TrainError as error:
        raise click.UsageError(str(error)) from error
    click.echo(json.dumps(report, indent=2, ensure_ascii=False) if as_json else _text(report))
    if report["problems"]:
        raise click.exceptions.Exit(1)


def build_report(path: Path, inspection: LogInspection, options: SplitOptions) -> dict[str, Any]:
    """Return the report as JSON-ready values.

    Raises:
        TrainError: the shares leave nothing to train on.
    """
    report: dict[str, Any] = {
        "log": str(path),
        "rows": inspection.rows,
        "group_column": inspection.group_column,
        "columns": [
            {"name": use.column, "use": use.role.value, "note": use.note} for use in inspection.uses
        ],
        "notices": list(inspection.notices),
        "problems": list(inspection.problems),
    }
    if inspection.log is None:
        return report
    log = inspection.log
    try:
        split = split_by_group(
            log.group,
            seed=options.seed,
            validation_share=resolve_validation_share(options.validation_share, len(log)),
            test_share=options.test_share,
        )
        report["notices"].extend(check_split(log, split))
    except LogError as error:
        report["problems"].extend(error.problems)
        return report
    report["counts"] = _counts(log)
    report["splits"] = {name: _counts(log.take(rows)) for name, rows in split.named().items()}
    _add_types(report, inspection, infer_schema(log.take(split.train)).features)
    return report


def _counts(log: ClickLog) -> dict[str, float | int]:
    return {
        "rows": len(log),
        "groups": len(set(log.group)),
        "distinct_queries": len(set(log.query) - {""}),
        "distinct_titles": len(set(log.title) - {""}),
        "impressions": float(log.weight.sum()),
        "clicks": float(np.dot(log.weight, log.target)),
        "base_rate": base_rate(log.target, log.weight),
    }


def _add_types(
    report: dict[str, Any], inspection: LogInspection, specs: tuple[FeatureSpec, ...]
) -> None:
    by_name = {(spec.entity, spec.name): spec for spec in specs}
    for entry, use in zip(report["columns"], inspection.uses, strict=True):
        spec = by_name.get((use.entity, use.feature)) if use.entity else None
        if use.role is Role.FEATURE and spec is not None:
            entry["feature"] = spec.qualified_name
            entry["type"] = spec.type.value
            entry["buckets"] = len(spec.edges) + 1 if spec.edges else 0


def _text(report: dict[str, Any]) -> str:
    lines = [f"{report['log']}: {report['rows']:,} rows", ""]
    if report.get("columns"):
        lines += ["Columns", *(_column_line(entry) for entry in report["columns"]), ""]
    if "counts" in report:
        lines += ["Splits", *_split_lines(report), ""]
    for title, key in (("Notices", "notices"), ("Problems", "problems")):
        if report[key]:
            lines += [title, *(f"  - {sentence}" for sentence in report[key]), ""]
    lines.append("It must not be trained on." if report["problems"] else "It can be trained on.")
    return "\n".join(lines)


def _column_line(entry: dict[str, Any]) -> str:
    use = entry["use"]
    if "type" in entry:
        buckets = f", {entry['buckets']} buckets" if entry["buckets"] else ""
        use = f"feature {entry['feature']} ({entry['type']}{buckets})"
    note = f": {entry['note']}" if entry["use"] == Role.IGNORED.value else ""
    return f"  {shown(entry['name']):<32} {use}{note}"


def _split_lines(report: dict[str, Any]) -> list[str]:
    head = ("", "rows", "groups", "impressions", "clicks", "base rate")
    rows = [("all", report["counts"]), *report["splits"].items()]
    cells = [
        (
            name,
            f"{counts['rows']:,}",
            f"{counts['groups']:,}",
            f"{counts['impressions']:,.0f}",
            f"{counts['clicks']:,.0f}",
            f"{counts['base_rate']:.4f}",
        )
        for name, counts in rows
    ]
    return [
        f"  {row[0]:<12}" + "".join(f"{cell:>14}" for cell in row[1:]) for row in (head, *cells)
    ]
