"""One module a command; `ctr_bench.cli` loads the one that is asked for."""
