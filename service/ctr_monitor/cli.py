"""`ctr-monitor`: the monitor's command line. A command's module is loaded when it is asked for."""

from __future__ import annotations

import click

from ctr_service.lazy_group import LazyGroup

COMMANDS = {
    "serve": "Take alerts and traces, and serve the page, until SIGTERM.",
    "list": "List incidents, newest first, or search them.",
    "show": "Print one incident.",
    "note": "Write down what was learnt of an incident.",
    "export": "Write all incidents out.",
}
"""Name -> the line in the list of commands, so that the list needs no command's module."""


@click.group(
    cls=LazyGroup,
    package="ctr_monitor.commands",
    lines=COMMANDS,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "auto_envvar_prefix": "CTR_MONITOR",
        "show_default": True,
    },
)
@click.version_option(package_name="ctr-serve")
def main() -> None:
    """Turn alerts into incidents with suspected causes, and keep what was learnt.

    \b
    Examples:
      ctr-monitor serve --store monitor.sqlite --prometheus http://127.0.0.1:9090
      ctr-monitor list --store monitor.sqlite redis
      ctr-monitor show 12 --store monitor.sqlite
      ctr-monitor note 12 --store monitor.sqlite --note "Redis was out of memory" --cause redis_lost

    Every flag may also be a variable: CTR_MONITOR_SERVE_STORE, CTR_MONITOR_LIST_STORE ...
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap
