"""One module a command; `ctr_monitor.cli` loads the one that is asked for."""
