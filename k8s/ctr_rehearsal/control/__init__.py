"""Deployments, ReplicaSets and budgets: what should change next, decided purely, then done."""
