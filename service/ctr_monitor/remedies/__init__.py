"""Remedies: suggested to a person, run only where an allow-list says so, always on record."""
