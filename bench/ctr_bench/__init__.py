"""Load and the benches that carry the claims: schedules, workloads, a generator of its own."""
