"""Types of fields, each with what may stand there."""

from __future__ import annotations

import datetime as dt
import re
from functools import cache
from pathlib import PurePosixPath
from string import Formatter
from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
)

from monitoring_assets.statistics.alerts.policy import DAY
from resources.file_formats import of_one_format
from resources.warehouse_names import DATABASES, WAREHOUSE, warehouse_name


def _relative_or_url(value: str) -> str:
    if "://" not in value and ".." in PurePosixPath(value).parts:
        raise ValueError("a path that does not leave its folder (no '..')")
    if value.startswith((f"{WAREHOUSE}:", *DATABASES)):
        warehouse_name(value)
    return value


def _fills(value: str, *names: str) -> bool:
    """Whether these names, as they are, and no others stand in the braces of a text.

    Not by trying: a width of a thousand million, ``{horizon:>1000000000}``, is tried for long.
    """
    try:
        parts = [*Formatter().parse(value)]
    except ValueError:
        return False
    return all(
        name is None or (name in names and not form and conversion is None)
        for _, name, form, conversion in parts
    )


# A dot within a name only: a form makes no `..` of a path.
DATE_FIELD = re.compile(
    r"\{date(?::((?:%[Yymdj]|[-_/=A-Za-z0-9]|(?<=[A-Za-z0-9])\.(?=[%A-Za-z0-9]))+))?\}"
)
"""The day in a path: as YYYY-MM-DD, or in the form after the colon."""
WITH_DATE = (
    "a path with {date}, the day as YYYY-MM-DD, or a form such as {date:%Y/%m/%d} (of %Y %y %m %d "
    "%j), and no other braces"
)


def says_a_day(path: str) -> bool:
    """Whether a path is another one for each day."""
    forms = DATE_FIELD.findall(path)
    directives = {*re.findall("%(.)", "".join(form or "%Y%m%d" for form in forms))}
    year = bool(directives & {"Y", "y"})
    return bool(forms) and year and ("j" in directives or {"m", "d"} <= directives)


def with_date(value: str) -> str:
    """Refuse a path that is not one for each day."""
    if not says_a_day(value):
        raise ValueError(WITH_DATE)
    return value


def table_path(value: str) -> str:
    """Refuse a path that no table is read from."""
    if re.search("[{}]", DATE_FIELD.sub("", value)):
        raise ValueError(WITH_DATE)
    if value.startswith(f"{WAREHOUSE}://"):
        return value
    last = DATE_FIELD.sub("", value).rpartition("/")[2]
    if "?" in last and "=" in last.partition("?")[2]:
        raise ValueError("a path without a query, as ? stands for any one character")
    if re.search(r"\.[A-Za-z]\w*$", last) and not of_one_format([last]):
        raise ValueError(
            "a file in Parquet (.parquet), CSV (.csv, .csv.gz) or JSON lines (.jsonl, .json, "
            ".ndjson, .jsonl.gz); or a folder, which ends with a slash"
        )
    return value


def with_horizon(value: str) -> str:
    """Refuse a column's name with braces other than those of a horizon."""
    if not _fills(value, "horizon"):
        raise ValueError("a column's name with no braces but {horizon}; {{ and }} for themselves")
    return value


def not_the_score(value: str) -> str:
    """Refuse the name of the model's output."""
    if value == "score":
        raise ValueError("another name; this is the model's output")
    return value


def command_part(value: str) -> str:
    """Refuse a part of a program's command line that cannot be filled in."""
    if not _fills(value, "artefact", "input", "output"):
        raise ValueError("no braces but {artefact}, {input} and {output}; {{ and }} for themselves")
    return value


def image_command_part(value: str) -> str:
    """Refuse a part of a container's command line that cannot be filled in."""
    if not _fills(value, "input", "output"):
        raise ValueError("no braces but {input} and {output}; {{ and }} for themselves")
    return value


@cache
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones())  # walks a folder of files


def timezone_name(value: str) -> str:
    """Refuse what is no time zone's name."""
    if value not in _timezones():
        raise ValueError("a name of the IANA time zone database, such as Europe/London")
    return value


def daily_cron(value: str) -> str:
    """Refuse what is no time of every day."""
    if not re.fullmatch(r"([0-5]?[0-9]) ([01]?[0-9]|2[0-3]) \* \* \*", value):
        raise ValueError("a daily cron line 'MINUTE HOUR * * *', such as '0 6 * * *'")
    return value


def one_or_many(value: Any) -> Any:
    """Take one number for a list of one."""
    return [value] if isinstance(value, int) else value


def short_or_full(value: Any) -> Any:
    """Take a name for a mapping that has nothing else."""
    return {"name": value} if isinstance(value, str) else value


# No dots in a row: Dagster writes a range of partitions as `first...last`.
# `20260901` or `3` without quotes is a number to YAML; a version is a string to us.
_VersionPattern = Annotated[str, Field(pattern=r"^[a-z0-9](\.?[a-z0-9_-])*$", max_length=41)]


VersionText = Annotated[
    _VersionPattern,
    BeforeValidator(
        lambda v: str(v) if isinstance(v, int | float | dt.date) else v,
        json_schema_input_type=_VersionPattern | int | float,
    ),
    Field(examples=["3", "2026-09-01"]),
]


Text = Annotated[str, Field(min_length=1, max_length=1000)]


ColumnName = Annotated[str, Field(min_length=1, max_length=1000)]


# Nested types have long names.
TypeName = Annotated[str, Field(min_length=1, max_length=1000)]


FileName = Annotated[str, Field(pattern=r"^[^/]+$", max_length=255)]


RelativePath = Annotated[Text, AfterValidator(_relative_or_url)]


TablePath = Annotated[RelativePath, AfterValidator(table_path)]


DatedPath = Annotated[TablePath, AfterValidator(with_date)]


Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


Days = Annotated[int, Field(ge=1, le=3660)]


Day = Annotated[dt.date, Field(**DAY)]


Seconds = Annotated[int, Field(ge=1, le=7 * 86_400)]


# As an index or a score; beyond it a double has no tenth.
Number = Annotated[float, Field(ge=-1e15, le=1e15)]


Share = Annotated[float, Field(ge=0, le=1)]


class Section(BaseModel):
    """A mapping of the manifest: no fields but its own, and nothing changes once it is read."""

    # Finite: a manifest is stored and hashed as JSON, which has neither infinity nor NaN.
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
