"""One module a command; `ctr_service.cli` loads the one that is asked for."""
