"""The must-haves of a workload: what no schema asks for, and no rollout may lack."""

from __future__ import annotations

from ctr_k8s.policy.table import MUST_HAVES
from ctr_k8s.policy.verdict import shortcomings

__all__ = ["MUST_HAVES", "shortcomings"]
