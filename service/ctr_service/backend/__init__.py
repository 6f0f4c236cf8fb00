"""Engines that run a batch; the batcher knows `base` alone."""
