"""A task that waits for the end of its day in UTC, for models whose zone is far ahead of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .compat import BaseSensorOperator
from .day import day_of, is_over

if TYPE_CHECKING:
    from collections.abc import Mapping

POLL_SECONDS = 300


class DayIsOver(BaseSensorOperator):  # type: ignore[misc]
    """Wait without a worker until Dagster has a partition of the day.

    A pod that comes before would fail, and use up a try of its task.

    Parameters
    ----------
    model
        A model version, as in the bundle's manifest.
    **kwargs
        Airflow's.
    """

    ui_color = "#e8e8e8"

    def __init__(self, *, model: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(mode="reschedule", poke_interval=POLL_SECONDS, **kwargs)
        self.model = model

    def poke(self, context: Any) -> bool:
        """Whether the day of the DAG run is over."""
        return is_over(day_of(context, self.model["timezone"]))
