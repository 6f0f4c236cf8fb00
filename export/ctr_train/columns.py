"""What each column of a log is for, judged by its name."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_service.bundle.features import Entity
from ctr_train.limits import NAME_CHARACTERS
from ctr_train.table import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ctr_train.table import Findings


class Role(enum.Enum):
    """The use of a column; the value of all but the last three is the column's name."""

    QUERY = "query"
    TITLE = "item_title"
    ITEM_ID = "item_id"
    POSITION = "position"
    LABEL = "label"
    IMPRESSIONS = "impressions"
    CLICKS = "clicks"
    FEATURE = "feature"
    GROUP = "group"
    """Keeps rows together when the log is split; the model does not see it."""
    IGNORED = "ignored"


NAMELESS = frozenset({Role.FEATURE, Role.GROUP, Role.IGNORED})
RESERVED = {role.value: role for role in Role if role not in NAMELESS}

FEATURE_COLUMN = re.compile(r"(item|user|context)[_\s.\-]+(.+)", re.IGNORECASE | re.DOTALL)

IDENTIFIERS = frozenset(
    {
        *("id", "ids", "uuid", "guid", "version", "hash", "token", "key", "session", "cookie"),
        *("session_id", "visit_id", "search_id", "request_id", "query_id", "impression_id"),
        *("click_id", "cookie_id", "device_id", "ip", "ip_address", "email", "e_mail", "phone"),
        *("url", "link", "image_url", "thumbnail_url"),
    }
)
"""Feature names that say which thing it is, not what it is like."""


@dataclass(frozen=True, slots=True)
class ColumnUse:
    """What one column is used for.

    Attributes:
        column: its name in the file.
        entity, feature: set for a FEATURE; `feature` is the name that a request uses.
        note: why it is ignored or how it was understood; "" when there is nothing to say.
    """

    column: str
    role: Role
    entity: Entity | None = None
    feature: str = ""
    note: str = ""


def plan_columns(names: Sequence[str], findings: Findings) -> dict[str, ColumnUse]:
    """Return the use of every column by its name, in file order.

    Reserved names count whatever their capitals, spaces or hyphens (`Item Title`), unless a column
    has the exact name. Features keep the spelling behind their prefix: `item_Price` is `Price`.
    A missing, doubled or ambiguous column becomes a problem.
    """
    doubled = sorted({name for name in names if name and names.count(name) > 1})
    findings.problems.extend(
        f"column {shown(name)} stands {names.count(name)} times; keep one" for name in doubled
    )
    reserved = _reserved(names, findings)
    uses = {name: _use(name, reserved) for name in names}
    _check_required(uses, findings)
    _check_features(uses.values(), findings)
    return uses


def column_for(role: Role, uses: Iterable[ColumnUse]) -> str | None:
    """Return the name of the column with a role, if there is one."""
    return next((use.column for use in uses if use.role is role), None)


def has_known_names(uses: Iterable[ColumnUse]) -> bool:
    """Say whether the first line looks like a header.

    Otherwise it may be a row, and messages must not repeat what it holds.
    """
    return any(use.role not in NAMELESS for use in uses)


def plain(name: str) -> str:
    """Return a name without capitals, spaces and hyphens: `Item Title` -> `item_title`."""
    return re.sub(r"[\s\-.]+", "_", name.strip().casefold())


def _reserved(names: Sequence[str], findings: Findings) -> dict[str, Role]:
    """Return the role of each column that has a reserved name."""
    found: dict[str, Role] = {}
    for reserved, role in RESERVED.items():
        alike = [name for name in dict.fromkeys(names) if plain(name) == reserved]
        exact = [name for name in alike if name == reserved]
        if not exact and len(alike) > 1:
            listed = ", ".join(shown(name) for name in alike)
            findings.problems.append(f"{listed} could each be {reserved!r}; rename one to it")
        if alike:
            found[(exact or alike)[0]] = role
    return found


def _use(name: str, reserved: dict[str, Role]) -> ColumnUse:
    if name in reserved:
        role = reserved[name]
        return ColumnUse(name, role, note="" if name == role.value else repr(role.value))
    match = FEATURE_COLUMN.fullmatch(name)
    if not match or plain(name) in RESERVED:
        return ColumnUse(name, Role.IGNORED, note=_why_no_feature(name))
    entity, feature = Entity(match[1].casefold()), match[2].strip()
    if plain(feature) in IDENTIFIERS:
        return ColumnUse(name, Role.IGNORED, note="an identifier is no feature")
    if len(feature) > NAME_CHARACTERS:
        return ColumnUse(name, Role.IGNORED, note=f"its name exceeds {NAME_CHARACTERS} characters")
    note = "" if name == f"{entity.value}_{feature}" else f"{entity.value} feature {shown(feature)}"
    return ColumnUse(name, Role.FEATURE, entity, feature, note)


def _why_no_feature(name: str) -> str:
    if not name:
        return "it has no name"
    if plain(name) in RESERVED:
        return f"{plain(name)!r} is read instead"
    return "not a feature (no prefix item_, user_ or context_)"


def _check_required(uses: dict[str, ColumnUse], findings: Findings) -> None:
    roles = {use.role for use in uses.values()}
    has = (
        f"The file has {', '.join(shown(name) for name in uses if name)}."
        if has_known_names(uses.values())
        else "Is the header line missing?"
    )
    missing = [repr(role.value) for role in (Role.QUERY, Role.TITLE) if role not in roles]
    if missing:
        findings.problems.append(
            f"no column {' and no column '.join(missing)} (both must stand; either may be empty). "
            f"{has}"
        )
    if Role.LABEL not in roles and not {Role.IMPRESSIONS, Role.CLICKS} <= roles:
        findings.problems.append(
            f"no column 'label' (0, 1 or a rate) and not both 'impressions' and 'clicks'. {has}"
        )


def _check_features(uses: Iterable[ColumnUse], findings: Findings) -> None:
    first: dict[tuple[Entity | None, str], str] = {}
    for use in uses:
        if use.role is not Role.FEATURE:
            continue
        other = first.setdefault((use.entity, use.feature), use.column)
        if other != use.column:
            findings.problems.append(
                f"columns {shown(other)} and {shown(use.column)} are one feature; rename one"
            )
