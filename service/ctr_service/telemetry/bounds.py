"""Bounds of the histograms of spans, in milliseconds; each latency objective is one of them.

Generated from k8s/alerts/slo.yaml. Do not edit.
"""

from __future__ import annotations

DURATION_BOUNDS_MS = (
    *(2, 5, 10, 15, 20, 30, 40, 50, 75, 100),
    *(150, 200, 300, 500, 750, 1000, 2000, 5000, 10000),
)
