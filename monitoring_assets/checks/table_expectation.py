"""What every expectation over a small table shares: one metric, one subject, one way to fail."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from great_expectations.core.id_dict import IDDict
from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.expectation_configuration import parse_result_format
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider
from great_expectations.validator.metric_configuration import MetricConfiguration
from great_expectations.validator.validator import ValidationDependencies
from numpy.typing import NDArray

from monitoring_assets.checks.finding import UNMET, UNSURE
from monitoring_assets.checks.profile_table import EARLIER
from monitoring_assets.statistics.drift.thresholds import Status


class NotComputableError(ValueError):
    """The table does not hold what a check needs: the check fails and says so."""


def whole_table(engine: PandasExecutionEngine, domain: dict[str, Any]) -> pd.DataFrame:
    """The table that a metric is computed of."""
    frame, _compute, _accessor = engine.get_compute_domain(domain, domain_type="table")
    return frame


class TableExpectation(BatchExpectation):
    """An expectation about one subject of a table.

    ``metric_dependencies`` names the one metric that holds the table by subject, ``table`` what
    people call it. A subclass says in ``assess`` whether it is met. It raises `NotComputableError`
    where it cannot say: Great Expectations keeps an exception of ``_validate`` as the result,
    whereas one in a metric would be tried three times and take other expectations with it.

    ``unmet`` is what is said of a subject that does not meet it: ``{characteristic}``,
    ``{observed}``, each of the details by its name, and ``{details}`` for all of them. ``unsure``
    is what is said where all subjects meet it, some of them only as chance explains them:
    ``{unsure}`` names those, ``{met}`` counts the others.
    """

    characteristic: str

    table: ClassVar[str]
    unmet: ClassVar[str] = UNMET
    unsure: ClassVar[str] = UNSURE
    success_keys: ClassVar[tuple[str, ...]] = ("characteristic",)

    @property
    def subject(self) -> Hashable:
        """What the table has its entry under."""
        return self.characteristic

    @abstractmethod
    def assess(self, entry: Any) -> tuple[bool, float, dict[str, Any]]:
        """Say whether the expectation is met, what was observed, and details in plain values."""

    def get_validation_dependencies(
        self,
        execution_engine: Any = None,
        runtime_configuration: dict[str, Any] | None = None,
    ) -> ValidationDependencies:
        """The one metric, of the whole batch.

        Great Expectations' own finds the same by some twenty copies of the expectation: two thirds
        of the time of a run of checks.
        """
        (metric,) = self.metric_dependencies
        batch = IDDict(batch_id=self.batch_id)
        return ValidationDependencies(
            {metric: MetricConfiguration(metric, batch, IDDict())},
            parse_result_format((runtime_configuration or {})["result_format"]),
        )

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: Any = None,
    ) -> dict[str, Any]:
        (metric,) = self.metric_dependencies
        entry = metrics[metric].get(self.subject)
        if entry is None:
            raise NotComputableError(f"{self.characteristic} is not in the {self.table}")
        success, observed, details = self.assess(entry)
        return {"success": success, "result": {"observed_value": observed, "details": details}}


PROFILES = "monitoring.profiles"


@dataclass(frozen=True)
class CharacteristicCounts:
    """The rows of one characteristic in the profile table."""

    expected_type: str
    found_type: str
    slots: NDArray[Any]
    bins: NDArray[Any]
    reference: NDArray[np.int64]
    current: NDArray[np.int64]
    earlier: NDArray[np.int64]
    error: str

    def rows_in(self, slot: str) -> int:
        """Rows of the day in the bins of one kind."""
        return int(self.current[self.slots == slot].sum())


class Profiles(TableMetricProvider):
    """The profile table by characteristic or tally, grouped once for all expectations of a run."""

    metric_name = PROFILES

    @metric_value(engine=PandasExecutionEngine)
    def _pandas(
        cls,  # noqa: N805 - Great Expectations calls it with the class
        execution_engine: PandasExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        **_: Any,
    ) -> dict[tuple[str, bool], CharacteristicCounts]:
        frame = whole_table(execution_engine, metric_domain_kwargs)
        # Each column is taken out once: a frame for each group costs as much as all checks.
        columns = {str(name): frame[name].to_numpy() for name in frame if name not in EARLIER}
        earlier = frame[EARLIER].to_numpy().T
        groups = frame.groupby(["characteristic", "tally"], sort=False).indices
        return {
            (
                str(columns["characteristic"][rows[0]]),
                bool(columns["tally"][rows[0]]),
            ): CharacteristicCounts(
                expected_type=str(columns["expected_type"][rows[0]]),
                found_type=str(columns["found_type"][rows[0]]),
                slots=columns["slot"][rows],
                bins=columns["bin"][rows],
                reference=columns["reference"][rows],
                current=columns["current"][rows],
                earlier=earlier[:, rows],
                error=str(columns["error"][rows[0]]),
            )
            for rows in groups.values()
        }


class ProfileExpectation(TableExpectation):
    """An expectation about one characteristic of a profile table; ``judge`` says if it is met.

    ``tally`` says that it is about a tally of that name.
    """

    metric_dependencies = (PROFILES,)
    table = "profile table"
    tally: ClassVar[bool] = False

    @property
    def subject(self) -> Hashable:
        """A characteristic and a tally of one name are two subjects."""
        return self.characteristic, self.tally

    @abstractmethod
    def judge(self, counts: CharacteristicCounts) -> tuple[bool, float, dict[str, Any]]:
        """Say whether the expectation is met, what was observed, and details in plain values."""

    def assess(self, entry: CharacteristicCounts) -> tuple[bool, float, dict[str, Any]]:
        """Refuse counts that could not be made; judge the others."""
        if entry.error:
            raise NotComputableError(entry.error)
        return self.judge(entry)


ROWS = "monitoring.rows"


class Rows(TableMetricProvider):
    """The rows of the table by what each is about."""

    metric_name = ROWS

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

    metric_dependencies = (ROWS,)

    @abstractmethod
    def judge(self, row: Mapping[str, Any]) -> tuple[Status, float, dict[str, Any]]:
        """The status, what was observed, and details in plain values."""

    def assess(self, entry: Mapping[str, Any]) -> tuple[bool, float, dict[str, Any]]:
        """Met is what is ok, and what chance explains."""
        status, observed, details = self.judge(entry)
        is_met = status in (Status.OK, Status.INSUFFICIENT)
        return is_met, observed, {"status": str(status), **details}
