"""Slow and failed traces: received over OTLP, kept within bounds, shown stage by stage."""
