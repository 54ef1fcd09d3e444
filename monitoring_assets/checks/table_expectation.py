"""What every expectation over a small table shares: one metric, one subject, one way to fail."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import pandas as pd
from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation


class NotComputableError(ValueError):
    """The table does not hold what a check needs: the check fails and says so."""


def whole_table(engine: PandasExecutionEngine, domain: dict[str, Any]) -> pd.DataFrame:
    """The table that a metric is computed of."""
    frame, _compute, _accessor = engine.get_compute_domain(domain, domain_type="table")
    return frame


class TableExpectation(BatchExpectation):
    """An expectation about one subject of a table.

    ``metric_dependencies`` names the one metric that holds the table by subject, ``table`` what
    people call it. A subclass says in
    ``assess`` whether it is met. It raises `NotComputableError` where it cannot say: Great
    Expectations keeps an exception of ``_validate`` as the result, whereas one in a metric would be
    tried three times and take other expectations with it.
    """

    characteristic: str

    table: ClassVar[str]
    success_keys: ClassVar[tuple[str, ...]] = ("characteristic",)

    @abstractmethod
    def assess(self, entry: Any) -> tuple[bool, float, dict[str, Any]]:
        """Say whether the expectation is met, what was observed, and details in plain values."""

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: Any = None,
    ) -> dict[str, Any]:
        (metric,) = self.metric_dependencies
        entry = metrics[metric].get(self.characteristic)
        if entry is None:
            raise NotComputableError(f"{self.characteristic} is not in the {self.table}")
        success, observed, details = self.assess(entry)
        return {"success": success, "result": {"observed_value": observed, "details": details}}
