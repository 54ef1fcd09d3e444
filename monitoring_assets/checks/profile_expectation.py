"""What every expectation over a profile table shares: one metric, one way to fail."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider
from numpy.typing import NDArray

METRIC = "monitoring.profiles"


class NotComputableError(ValueError):
    """The profile table does not hold what a check needs: the check fails and says so."""


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
        frame, _compute, _accessor = execution_engine.get_compute_domain(
            metric_domain_kwargs, domain_type="table"
        )
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


class ProfileExpectation(BatchExpectation):
    """An expectation about one characteristic of a profile table.

    A subclass says in ``judge`` whether it is met. It raises `NotComputableError` where it cannot
    say: Great Expectations keeps an exception of ``_validate`` as the result, whereas one in a
    metric would be tried three times and take other expectations with it.
    """

    characteristic: str

    metric_dependencies = (METRIC,)
    success_keys: ClassVar[tuple[str, ...]] = ("characteristic",)

    @abstractmethod
    def judge(self, counts: CharacteristicCounts) -> tuple[bool, float, dict[str, Any]]:
        """Say whether the expectation is met, what was observed, and details in plain values."""

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: Any = None,
    ) -> dict[str, Any]:
        counts = metrics[METRIC].get(self.characteristic)
        if counts is None:
            raise NotComputableError(f"{self.characteristic} is not in the profile table")
        if counts.error:
            raise NotComputableError(counts.error)
        success, observed, details = self.judge(counts)
        return {"success": success, "result": {"observed_value": observed, "details": details}}
