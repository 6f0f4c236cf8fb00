"""What a setting is called on the command line and in the environment."""

from __future__ import annotations

ENV_PREFIX = "CTR_"


def flag_of(field: str) -> str:
    """Return the command-line flag of a field."""
    return f"--{field.replace('_', '-')}"


def variable_of(field: str) -> str:
    """Return the environment variable of a field."""
    return f"{ENV_PREFIX}{field.upper()}"
