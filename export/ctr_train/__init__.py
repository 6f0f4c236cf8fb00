"""Offline: a click log becomes a fine-tuned checkpoint."""
