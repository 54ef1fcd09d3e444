"""Expectations about a table with a row for each subject: their metric, and how a row is judged."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider

from monitoring_assets.checks.table_expectation import TableExpectation, whole_table

METRIC = "monitoring.rows"


class Rows(TableMetricProvider):
    """The rows of the table by what each is about."""

    metric_name = METRIC

    @metric_value(engine=PandasExecutionEngine)
    def _pandas(
        cls,  # noqa: N805 - Great Expectations calls it with the class
        execution_engine: PandasExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        **_: Any,
    ) -> dict[str, dict[str, Any]]:
        frame = whole_table(execution_engine, metric_domain_kwargs)
        # Objects, so that what is not there is None.
        rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
        return {row["subject"]: {str(name): row[name] for name in row} for row in rows}


class RowExpectation(TableExpectation):
    """An expectation about one row; ``judge`` gives it a status."""

    metric_dependencies = (METRIC,)

    @abstractmethod
    def judge(self, row: Mapping[str, Any]) -> tuple[str, float, dict[str, Any]]:
        """The status, what was observed, and details in plain values."""

    def assess(self, entry: Mapping[str, Any]) -> tuple[bool, float, dict[str, Any]]:
        """Met is what is ok, and what chance explains."""
        status, observed, details = self.judge(entry)
        return status in ("ok", "insufficient evidence"), observed, {"status": status, **details}
