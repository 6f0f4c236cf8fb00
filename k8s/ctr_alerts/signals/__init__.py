"""Alerts of single signals, each beside its proofs."""
