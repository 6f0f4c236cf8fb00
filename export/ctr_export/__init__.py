"""Offline: a checkpoint becomes a bundle that the gateway serves."""
