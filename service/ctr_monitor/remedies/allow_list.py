"""The allow-list: a TOML file of commands that the monitor may run. Nothing else is ever run.

    [[remedy]]
    name = "restart-gateway"
    title = "Restart the gateway's pods one after the other"
    causes = ["memory_growing", "event_loop_blocked"]     # offered where one of these is suspected
    argv = ["kubectl", "rollout", "restart", "deployment/ctr-service"]
    dry_run_argv = ["kubectl", "rollout", "restart", "deployment/ctr-service", "--dry-run=server"]
    may_run = true                                        # without it there is the dry run alone
    timeout_s = 60

An argument is never taken from an alert, a label or a form: the lists stand as they are written.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ctr_monitor.errors import SettingsError
from ctr_monitor.suspects.table import BY_KEY

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self


class Remedy(BaseModel):
    """One command that may be offered.

    Attributes:
        causes: keys of the suspects that it helps against.
        argv: the program and its arguments; no shell reads them.
        dry_run_argv: what the dry run runs; empty: it only shows `argv`.
        may_run: whether it may run for real at all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    title: str = Field(min_length=1, max_length=200)
    causes: tuple[str, ...] = Field(min_length=1)
    argv: tuple[str, ...] = Field(min_length=1)
    dry_run_argv: tuple[str, ...] = ()
    may_run: bool = False
    timeout_s: float = Field(default=60.0, gt=0, le=600)


class AllowList(BaseModel):
    """All of them; empty where no file is given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    remedy: tuple[Remedy, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [remedy.name for remedy in self.remedy]
        if len(set(names)) != len(names):
            raise ValueError("two remedies have the same name")
        for remedy in self.remedy:
            for cause in remedy.causes:
                if cause not in BY_KEY:
                    raise ValueError(f"{remedy.name}: there is no cause {cause!r}")
        return self

    def named(self, name: str) -> Remedy | None:
        """Return a remedy; None when the list has none of that name."""
        return next((remedy for remedy in self.remedy if remedy.name == name), None)

    def against(self, cause: str) -> tuple[Remedy, ...]:
        """Return the remedies that help against a cause."""
        return tuple(remedy for remedy in self.remedy if cause in remedy.causes)


def read_allow_list(path: Path | None) -> AllowList:
    """Return a file's remedies.

    Raises:
        SettingsError: not there, no TOML, or not of the form above.
    """
    if path is None:
        return AllowList()
    try:
        return AllowList.model_validate(tomllib.loads(path.read_text("utf-8")))
    except OSError as error:
        raise SettingsError(f"--allow-list {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise SettingsError(f"--allow-list {path}: no TOML") from None
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"--allow-list {path}: {where or 'remedy'}: {first['msg']}") from None
