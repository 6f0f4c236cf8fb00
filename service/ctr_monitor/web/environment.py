"""The templates' environment: everything is escaped, undefined names are defects."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from ctr_monitor.around.questions import BY_KEY
from ctr_monitor.report.view import at_a_glance, burns_by_objective, clock_time, moved, short_time
from ctr_monitor.suspects.table import BY_KEY as CAUSES
from ctr_monitor.units import duration, told


def environment() -> Environment:
    """Return the environment of the pages."""
    made = Environment(
        loader=PackageLoader("ctr_monitor.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "clock": clock_time,
        "hms": short_time,
        "duration": duration,
        "told": told,
    }
    made.globals |= {
        "style": Path(__file__).with_name("style.css").read_text("utf-8"),
        "questions": BY_KEY,
        "causes_by_key": CAUSES,
        "at_a_glance": at_a_glance,
        "burns_by_objective": burns_by_objective,
        "moved": moved,
    }
    return made
