"""What knows the bundle and the engine: rows of a workload, the raw bound, the naive peer."""
