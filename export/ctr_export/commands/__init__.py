"""One module a command of `ctr-export`."""
