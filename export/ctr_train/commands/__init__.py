"""One module a command of `ctr-train`."""
