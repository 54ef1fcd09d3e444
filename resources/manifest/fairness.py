"""Section ``fairness`` of a manifest: protected columns, read apart from all else."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from resources.fields import ColumnName, DatedPath, Number, Section, Text
from resources.manifest.faults import refuse

Edges = Annotated[list[Number], Field(min_length=1, max_length=19)]


def _as_text(value: object) -> object:
    """Read ``1`` and ``true`` without quotes as the texts that a group is called."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else value


Whole = Annotated[int, Field(ge=-(10**15), le=10**15)]
GroupName = Annotated[Text, BeforeValidator(_as_text, json_schema_input_type=Text | Whole | bool)]


class Fairness(Section):
    """Protected columns: `monitoring fairness` alone reads them, and no score is made of them."""

    columns: list[ColumnName] = Field(
        min_length=1,
        max_length=20,
        description="Columns of text, whole numbers or booleans, at most 20 values each, or of "
        "numbers that `bands` cuts. None may be a feature, a segment, the key, the score or an "
        "outcome.",
        examples=[["sex", "age"]],
    )
    path: DatedPath | None = Field(
        None,
        description="File, folder or glob with {date}, as `batch.path`, that has the batch's key "
        "and the columns; default: the batch. In a file of their own, who reads batches does not "
        "read them.",
    )
    bands: dict[ColumnName, Edges] = Field(
        {},
        description="Ascending edges by column of numbers; a value at an edge is in the band over "
        "it. {age: [25, 40]} makes the groups 'under 25', '25 to under 40' and '40 and over'.",
    )
    reference_groups: dict[ColumnName, GroupName] = Field(
        {},
        description="Group by column that the others are compared with; default: the one with the "
        "highest approval rate at the first of `outcome.cut_offs`, of those with `min_rows`; "
        "without cut-offs the largest.",
    )
    min_rows: int = Field(
        30,
        ge=5,
        le=1_000_000,
        description="A figure that rests on fewer rows of a group is not shown.",
    )

    @field_validator("columns")
    @classmethod
    def _columns_differ(cls, value: list[str]) -> list[str]:
        if len(set(value)) < len(value):
            raise ValueError("columns that differ")
        return value

    @field_validator("bands")
    @classmethod
    def _edges_ascend(
        cls, value: dict[str, list[float]], info: ValidationInfo
    ) -> dict[str, list[float]]:
        _refuse_others(value, info)
        refuse(
            (name, edges, "numbers that ascend")
            for name, edges in value.items()
            if any(low >= high for low, high in pairwise(edges))
        )
        return value

    @field_validator("reference_groups")
    @classmethod
    def _groups_exist(cls, value: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        _refuse_others(value, info)
        bands = info.data.get("bands", {})
        labels = {name: band_labels(edges) for name, edges in bands.items()}
        refuse(
            (name, group, f"a band: {', '.join(labels[name])}")
            for name, group in value.items()
            if name in labels and group not in labels[name]
        )
        return value


def _refuse_others(names: Mapping[str, object], info: ValidationInfo) -> None:
    columns = info.data.get("columns")
    if columns is not None:
        allowed = f"one of fairness.columns: {', '.join(columns)}"
        refuse((name, value, allowed) for name, value in names.items() if name not in columns)


def band_labels(edges: list[float]) -> list[str]:
    """Names of the groups that edges cut numbers into, in order."""
    inner = [f"{low:.15g} to under {high:.15g}" for low, high in pairwise(edges)]
    return [f"under {edges[0]:.15g}", *inner, f"{edges[-1]:.15g} and over"]
