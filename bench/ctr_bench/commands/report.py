"""`ctr-bench report`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from ctr_bench.commands.options import OUT
from ctr_bench.errors import BenchError


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=OUT / "report.html",
    show_default=True,
    help="The page; its data goes beside it as .json.",
)
@click.option(
    "--png-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the plots go as PNG.  [default: the page's name with -plots]",
)
def report(paths: tuple[Path, ...], out: Path, png_dir: Path | None) -> None:
    """Make one HTML page of what the benches measured.

    PATHS are JSON files of benches, folders of runs, or folders that hold either; without any it is
    all of build/bench. The page needs no network and no script: mail it, or keep it beside the
    release. A file that is missing or malformed stops the command, and nothing is written.

    \b
    Examples:
      ctr-bench report
      ctr-bench report build/bench/plan.json build/bench/sweep.json
      ctr-bench report build/bench/runs/monday --out /tmp/monday.html
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap
    # Imported here so that --help does not wait for matplotlib and pyarrow.
    from ctr_bench.report.drawing import styled  # noqa: PLC0415 -- see above
    from ctr_bench.report.finding import find  # noqa: PLC0415 -- see above
    from ctr_bench.report.page import Places, write_report  # noqa: PLC0415 -- see above
    from ctr_bench.report.sections import sections_of  # noqa: PLC0415 -- see above

    places = Places(out, png_dir or out.with_name(f"{out.stem}-plots"))
    try:
        files = find(paths or [OUT], leave_out=places.data)
        with styled():
            sections = sections_of(files)
            written = write_report(sections, places, datetime.now(UTC))
    except BenchError as error:
        raise click.ClickException(str(error)) from None
    pictures = sum(path.suffix == ".png" for path in written)
    files_read = "1 file read" if len(sections) == 1 else f"{len(sections)} files read"
    click.echo(f"{files_read}: {out}, {places.data.name}, and {pictures} PNGs in {places.pictures}")
