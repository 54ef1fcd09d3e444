"""The one place that knows two Airflows: 2.11 and 3."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

try:
    from airflow.sdk import (
        DAG,
        Asset,
        BaseHook,
        BaseOperator,
        BaseOperatorLink,
        BaseSensorOperator,
        Param,
        PokeReturnValue,
        get_parsing_context,
    )
    from airflow.sdk.exceptions import AirflowException, AirflowFailException

    AIRFLOW_3 = True
except ModuleNotFoundError as error:
    if error.name != "airflow.sdk":
        raise
    from airflow.datasets import Dataset as Asset
    from airflow.exceptions import AirflowException, AirflowFailException
    from airflow.hooks.base import BaseHook
    from airflow.models import DAG, BaseOperator
    from airflow.models.baseoperatorlink import BaseOperatorLink
    from airflow.models.param import Param
    from airflow.sensors.base import BaseSensorOperator, PokeReturnValue
    from airflow.utils.dag_parsing_context import get_parsing_context

    AIRFLOW_3 = False

try:
    from airflow.sdk import (
        DeadlineAlert,
        DeadlineReference,
        PartitionedAssetTimetable,  # noqa: F401 - tasks of a release that has it emit partitions
        SyncCallback,
    )

    AIRFLOW_3_2 = True
except ImportError:
    DeadlineAlert = DeadlineReference = SyncCallback = None
    AIRFLOW_3_2 = False

from airflow.timetables.interval import CronDataIntervalTimetable

__all__ = [
    "AIRFLOW_3",
    "AIRFLOW_3_2",
    "DAG",
    "AirflowException",
    "AirflowFailException",
    "Asset",
    "BaseHook",
    "BaseOperator",
    "BaseOperatorLink",
    "BaseSensorOperator",
    "CronDataIntervalTimetable",
    "DeadlineAlert",
    "DeadlineReference",
    "Param",
    "PokeReturnValue",
    "SyncCallback",
    "dagster_airflow_version",
    "get_parsing_context",
    "refuse_dagster_airflow",
]


def dagster_airflow_version() -> str | None:
    """Version of dagster-airflow in this environment, without importing it; None if absent."""
    try:
        return version("dagster-airflow")
    except PackageNotFoundError:
        return None


def refuse_dagster_airflow() -> None:
    """Stop where dagster-airflow is installed beside Airflow 3, most of which it breaks.

    Raises
    ------
    RuntimeError
        If it is.
    """
    found = dagster_airflow_version()
    if AIRFLOW_3 and found:
        raise RuntimeError(
            f"dagster-airflow {found} is installed beside Airflow 3, which it does not support "
            "and whose commands it breaks. The bundle does not need it there: run "
            "`pip uninstall dagster-airflow` in this environment"
        )
