"""The commands of `ctr-service model`, a module each."""
