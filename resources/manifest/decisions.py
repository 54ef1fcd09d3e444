"""Section ``decisions`` of a manifest: what the lender decided of the scored."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, field_validator

from resources.fields import ColumnName, Section
from resources.manifest.fairness import GroupName

if TYPE_CHECKING:
    from monitoring_assets.statistics.decisions.columns import DecisionColumns

APPROVED = ["true", "1"]


class Decisions(Section):
    """Columns of the batch (of the SQL's result) that say what was decided of each row.

    They are counted by score band. The reference may have them: it then says how often each band
    was approved before.
    """

    column: ColumnName = Field(
        description="Column of the decision: booleans, whole numbers or text; null where nothing "
        "is decided yet. None of the section's may be a feature, the key or the score.",
        examples=["approved", "decision"],
    )
    approved: Annotated[list[GroupName], Field(min_length=1, max_length=20)] = Field(
        APPROVED,
        description="Values that mean approved; every other one means declined. Default: true or "
        "1, and then the column holds nothing but true, false, 1, 0 and null.",
        examples=[["A", "A2"]],
    )
    booked: ColumnName | None = Field(
        None, description="Column that is true or 1 where the loan was drawn."
    )
    override: ColumnName | None = Field(
        None,
        description="Column that is true or 1 where a person decided against what the score said: "
        "low-side where it was approved, high-side where it was declined.",
    )
    amount: ColumnName | None = Field(
        None, description="Column of the requested or granted amount, a number of 0 or more."
    )

    @field_validator("approved")
    @classmethod
    def _values_differ(cls, value: list[str]) -> list[str]:
        if len(set(value)) < len(value):
            raise ValueError("values that differ")
        return value

    @property
    def columns(self) -> dict[str, str]:
        """Columns by the field that names them."""
        names = {
            field: getattr(self, field) for field in ("column", "booked", "override", "amount")
        }
        return {field: name for field, name in names.items() if name is not None}

    @property
    def counted(self) -> DecisionColumns:
        """The section as statistics take it."""
        from monitoring_assets.statistics.decisions.columns import DecisionColumns

        approved = frozenset(self.approved)
        return DecisionColumns(self.column, approved, self.booked, self.override, self.amount)

    def columns_in(self, names: Collection[str]) -> DecisionColumns | None:
        """Those of the columns that a sample has; None without that of the decision."""
        if self.column not in names:
            return None
        others = (self.booked, self.override, self.amount)
        booked, override, amount = (name if name in names else None for name in others)
        return self.counted._replace(booked=booked, override=override, amount=amount)

    @property
    def types(self) -> dict[str, str]:
        """Families of types that text is read as; the decision itself may be text."""
        families = {"booked": "boolean", "override": "boolean", "amount": "number"}
        if set(self.approved) == set(APPROVED):
            families["column"] = "boolean"
        return {name: families[field] for field, name in self.columns.items() if field in families}
