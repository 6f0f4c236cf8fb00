"""Command-line flags made from the settings' fields, so that the two cannot drift apart."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin

import annotated_types
import click

from ctr_service.settings import Settings, flag_of, load_settings, variable_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic.fields import FieldInfo

_FunctionT = TypeVar("_FunctionT", bound="Callable[..., Any]")


def settings_options(function: _FunctionT) -> _FunctionT:
    """Give a command `--config` and one flag for each field of the settings."""
    for name, field in reversed(Settings.model_fields.items()):
        function = _option(name, field)(function)
    return click.option(
        "--config",
        type=click.Path(path_type=Path),
        help="TOML file with any of these settings (names with underscores).  [CTR_CONFIG]",
    )(function)


def settings_from(config: Path | None, flags: Mapping[str, object]) -> Settings:
    """Merge the flags that were given with environment and file.

    Raises:
        SettingsError: a flag, variable or key is wrong.
    """
    return load_settings({k: v for k, v in flags.items() if v is not None}, config)


def _option(name: str, field: FieldInfo) -> Callable[[_FunctionT], _FunctionT]:
    flag = flag_of(name)
    help_text = f"{field.description}  [{'; '.join(_facts(name, field))}]"
    if field.annotation is bool:
        flag = f"{flag}/--no-{flag.removeprefix('--')}"
    # The default stays None here: a flag that was not given must not hide variable and file.
    return click.option(flag, name, type=_type(field), default=None, help=help_text)


_TYPES: Mapping[object, click.ParamType[Any, Any]] = {
    bool: click.BOOL,
    int: click.INT,
    float: click.FLOAT,
    Path: click.Path(path_type=Path),
}


def _type(field: FieldInfo) -> click.ParamType[Any, Any]:
    if get_origin(field.annotation) is Literal:
        return click.Choice(get_args(field.annotation))
    optional = [part for part in get_args(field.annotation) if part is not type(None)]
    return _TYPES.get(optional[0] if optional else field.annotation, click.STRING)


def _facts(name: str, field: FieldInfo) -> list[str]:
    facts = [variable_of(name)]
    if field.is_required():
        facts.append("required")
    elif field.default is not None:
        default = field.default
        if isinstance(default, bool):
            default = "on" if default else "off"
        facts.append(f"default {default}")
    for bound in field.metadata:
        if isinstance(bound, annotated_types.Ge):
            facts.append(f"at least {bound.ge}")
        elif isinstance(bound, annotated_types.Gt):
            facts.append(f"above {bound.gt}")
        elif isinstance(bound, annotated_types.Le):
            facts.append(
                f"at most {bound.le:g}" if isinstance(bound.le, float) else f"at most {bound.le}"
            )
    return facts
