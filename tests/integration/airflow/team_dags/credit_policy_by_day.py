"""A team's own DAG: it waits for a day of a model's scores, and is told which (Airflow 3.2)."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

with suppress(ImportError):
    from airflow.sdk import DAG, Asset, PartitionedAssetTimetable, task

    with DAG(
        "credit_policy_by_day",
        start_date=datetime(2026, 1, 1),
        schedule=PartitionedAssetTimetable(
            assets=Asset("dagster://model-monitoring/scores/pd_cards.1/days")
        ),
        catchup=False,
        is_paused_upon_creation=False,
    ) as dag:

        @task
        def review(partition_key: str) -> str:
            """Look at the scores of a day."""
            return f"reviewed {partition_key}"

        review()
