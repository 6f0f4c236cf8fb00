"""The thin client: what a search frontend needs to call ctr-serve."""
