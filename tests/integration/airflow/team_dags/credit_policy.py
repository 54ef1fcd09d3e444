"""A team's own DAG: it waits for a model's scores, and knows nothing of Dagster."""

from __future__ import annotations

from datetime import datetime

try:
    from airflow.sdk import DAG, Asset, task
except ImportError:
    from airflow.datasets import Dataset as Asset
    from airflow.decorators import task
    from airflow.models.dag import DAG

with DAG(
    "credit_policy",
    start_date=datetime(2026, 1, 1),
    schedule=[Asset("dagster://model-monitoring/scores/pd_cards.1")],
    catchup=False,
    is_paused_upon_creation=False,
) as dag:

    @task
    def review() -> str:
        """Look at the new scores."""
        return "reviewed"

    review()
