"""Converters from public data sets to the click log."""
