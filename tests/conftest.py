"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings

# A timed assertion is no test on a shared machine: hypothesis judges claims, not milliseconds.
settings.register_profile("ctr", deadline=None)
settings.load_profile("ctr")
