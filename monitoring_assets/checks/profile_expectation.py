"""What every expectation over a profile table shares: its metric, and counts by bin."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider
from numpy.typing import NDArray

from monitoring_assets.checks.table_expectation import (
    NotComputableError,
    TableExpectation,
    whole_table,
)

METRIC = "monitoring.profiles"


@dataclass(frozen=True)
class CharacteristicCounts:
    """The rows of one characteristic in the profile table."""

    expected_type: str
    found_type: str
    slots: NDArray[Any]
    bins: NDArray[Any]
    reference: NDArray[np.int64]
    current: NDArray[np.int64]
    error: str

    def rows_in(self, slot: str) -> int:
        """Rows of the day in the bins of one kind."""
        return int(self.current[self.slots == slot].sum())


class Profiles(TableMetricProvider):
    """The profile table by characteristic, grouped once for all expectations of a run."""

    metric_name = METRIC

    @metric_value(engine=PandasExecutionEngine)
    def _pandas(
        cls,  # noqa: N805 - Great Expectations calls it with the class
        execution_engine: PandasExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        **_: Any,
    ) -> dict[str, CharacteristicCounts]:
        frame = whole_table(execution_engine, metric_domain_kwargs)
        return {
            str(name): CharacteristicCounts(
                expected_type=str(group["expected_type"].iat[0]),
                found_type=str(group["found_type"].iat[0]),
                slots=group["slot"].to_numpy(),
                bins=group["bin"].to_numpy(),
                reference=group["reference"].to_numpy(),
                current=group["current"].to_numpy(),
                error=str(group["error"].iat[0]),
            )
            for name, group in frame.groupby("characteristic", sort=False)
        }


class ProfileExpectation(TableExpectation):
    """An expectation about one characteristic of a profile table; ``judge`` says if it is met."""

    metric_dependencies = (METRIC,)
    table = "profile table"

    @abstractmethod
    def judge(self, counts: CharacteristicCounts) -> tuple[bool, float, dict[str, Any]]:
        """Say whether the expectation is met, what was observed, and details in plain values."""

    def assess(self, entry: CharacteristicCounts) -> tuple[bool, float, dict[str, Any]]:
        """Refuse counts that could not be made; judge the others."""
        if entry.error:
            raise NotComputableError(entry.error)
        return self.judge(entry)
