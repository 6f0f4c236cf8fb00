"""Upper bounds of the duration histogram's buckets, in milliseconds.

Generated from k8s/alerts/slo.yaml by `make alerts`. Edits are lost.
"""

DURATION_BOUNDS_MS: tuple[float, ...] = (
    2.0,
    5.0,
    10.0,
    15.0,
    20.0,
    30.0,
    40.0,
    50.0,
    75.0,
    100.0,
    150.0,
    200.0,
    300.0,
    500.0,
    750.0,
    1000.0,
    2000.0,
    5000.0,
    10000.0,
)
"""Each latency objective is one of them, so that the share below it is counted exactly."""
